/** The console: pages and their refresh, the session, clicks and submits. It is only a client of the HTTP API. */

import { accountPage } from './account.js';
import { addAccount, newCredentials } from './account-forms.js';
import { call, get, Problem } from './api.js';
import { apiKeysPage } from './api-keys.js';
import { bookingsPage } from './bookings.js';
import { failedSignIn, useHome, waitForServer } from './browser-sign-in.js';
import { forgetNames, whenNamesCome } from './calendar-names.js';
import { h, patch, plain } from './dom.js';
import { eventPage } from './event.js';
import { eventsPage } from './events.js';
import { field, form, input, isFilled, showProblem } from './form.js';
import { integrationPage } from './integration.js';
import { useTexts } from './labels.js';
import { accountsPage, connectionsPage } from './lists.js';
import { overview } from './overview.js';
import { pairPage } from './pair.js';
import { pairSettings } from './pair-settings.js';
import { loadProviders } from './providers.js';
import { runPage } from './runs.js';
import { setupPage } from './setup.js';
import { SHELL, SIGN_IN, WORDS } from './texts/shell.js';

/**
 * Each opens a page: `{title, isLive?, refreshMs?, showsNames?, load?(signal), render(), actions}`, with the first id
 * in its path or the query, and with both where there are more.
 */
const ROUTES = [
  [/^\/$/, overview],
  [/^\/start$/, setupPage],
  [/^\/pairs\/new$/, setupPage],
  [/^\/pairs\/([^/]+)$/, pairPage],
  [/^\/pairs\/([^/]+)\/settings$/, pairSettings],
  [/^\/pairs\/([^/]+)\/events$/, eventsPage],
  [/^\/pairs\/([^/]+)\/events\/([^/]+)$/, eventPage],
  [/^\/pairs\/([^/]+)\/runs\/([^/]+)$/, runPage],
  [/^\/accounts$/, accountsPage],
  [/^\/accounts\/new\/([^/]+)$/, addAccount],
  [/^\/accounts\/sign-in\/([^/]+)$/, waitForServer],
  [/^\/accounts\/([^/]+)\/credentials$/, newCredentials],
  [/^\/accounts\/([^/]+)$/, accountPage],
  [/^\/connections$/, connectionsPage],
  [/^\/bookings$/, bookingsPage],
  [/^\/api-keys$/, apiKeysPage],
];
const REFRESH_MS = 3000;
/** Actions that only show something. All others are refused to a key that may only read. */
const SHOWING = ['more', 'moreHeld', 'moreRuns', 'find', 'again', 'pick', 'preset', 'calendar', 'named', 'busy'];

const at = (id) => document.getElementById(id);
const main = at('main');
const config = { version: '', workflowsUrl: null };

/** What the key of the session may do and reach; null: nobody is signed in. */
let session = null;
/** The console itself moves on, and what it says belongs to the next page. */
let isGoing = false;
let page = null;
/** Whether the page has been drawn, or is still loading. */
let isDrawn = false;
/** Aborts the requests of a page that is no longer shown. */
let leaving = new AbortController();
let timer = 0;
let isRefreshing = false;
let isOutdated = false;

void start();

async function start() {
  window.addEventListener('hashchange', () => void moved());
  document.addEventListener('visibilitychange', () => void refresh());
  main.addEventListener('click', (event) => void clicked(event));
  main.addEventListener('submit', (event) => void submitted(event));
  main.addEventListener('change', (event) => void changed(event));
  at('sign-out').addEventListener('click', () => void signOut());
  at('skip').addEventListener('click', (event) => {
    event.preventDefault();
    main.focus();
  });
  // Not a form, which has what a person chose in it.
  whenNamesCome(() => (page.isLive || page.showsNames) && redraw());
  Object.assign(config, await get('/console/config.json').catch(() => ({})));
  useTexts(config.texts);
  if (isOtherNameOf(config.publicUrl)) {
    location.replace(`${config.publicUrl}${location.pathname}${location.search}${location.hash}`);
    return;
  }
  useHome(config.publicUrl);
  if (isElsewhere(config.workflowsUrl)) config.workflowsUrl = null;
  at('version').textContent = config.version;
  await recogniseSession();
  const failure = failedSignIn();
  await open();
  if (failure !== null && session !== null) trouble(failure);
}

/** Where the API does not answer, the page says so, and not that nobody is signed in. */
async function recogniseSession() {
  session = await get('/v1/session').catch((error) => (error.status === 401 ? null : {}));
  const { scope, externalId = null } = session ?? {};
  const limits = [
    ...(scope === 'read' ? [SHELL.readOnly] : []),
    ...(externalId === null ? [] : [SHELL.onlyOf(plain(externalId, 60))]),
  ];
  at('reach').textContent = limits.join(' · ');
  at('reach').hidden = limits.length === 0;
  // They are refused to a key for the accounts of one external id.
  at('nav').querySelector('[href="#/api-keys"]').hidden = externalId !== null;
}

/** The page of a service, which has an address of its own, is left by a hash. What was said does not come along. */
function moved() {
  if (location.pathname !== '/' && location.hash.startsWith('#/')) history.replaceState(null, '', `/${location.hash}`);
  if (!isGoing) at('message').replaceChildren();
  isGoing = false;
  void open();
}

/** `localhost` and `127.0.0.1` are one machine and two hosts: a sign-in has to end where it began. */
function isOtherNameOf(publicUrl) {
  const home = publicUrl ? new URL(publicUrl) : location;
  const isLocal = ({ hostname }) => ['127.0.0.1', 'localhost', '[::1]'].includes(hostname);
  return isLocal(home) && isLocal(location) && home.port === location.port && home.hostname !== location.hostname;
}

/** The Temporal UI that Calpair starts is reachable only from its own machine. */
function isElsewhere(url) {
  const isLocal = (host) => ['127.0.0.1', 'localhost', '[::1]'].includes(host);
  return url !== null && isLocal(new URL(url).hostname) && !isLocal(location.hostname);
}

/** Shows the page of the address; without a session, the sign-in page with the reason. */
async function open(reason = '') {
  leaving.abort();
  leaving = new AbortController();
  // What is asked there belongs to the page that is left.
  at('confirm').close();
  trouble(null);
  announce('');
  at('nav').hidden = at('sign-out').hidden = session === null;
  page = session !== null ? pageAt(location.hash) : signIn(reason);
  isDrawn = isRefreshing = isOutdated = false;
  document.title = SHELL.pageTitle(page.title);
  // It gets the focus, so that a screen reader says which page this is.
  main.setAttribute('aria-label', page.title);
  markCurrent();
  main.replaceChildren(h('p', { class: 'loading' }, SHELL.loading));
  at('freshness').textContent = '';
  window.scrollTo(0, 0);
  main.focus({ preventScroll: true });
  await refresh();
  if (session === null) at('field-key')?.focus();
}

/** What one page gets to act with. Once it is left it moves nothing, asks nothing and says nothing any more. */
function toolsOf({ signal }) {
  const whileShown =
    (act, otherwise) =>
    (...given) =>
      signal.aborted ? otherwise : act(...given);
  return {
    config,
    confirm: whileShown(askFirst, Promise.resolve(false)),
    notify: whileShown(notify),
    announce: whileShown(announce),
    go: whileShown(go),
    redraw: whileShown(redraw),
  };
}

function pageAt(hash) {
  const tools = toolsOf(leaving);
  const integration = /^\/settings\/integrations\/([\w-]+)$/.exec(location.pathname);
  if (integration) return integrationPage(integration[1], tools);
  const [path, query = ''] = (hash.replace(/^#/, '') || '/').split('?');
  for (const [pattern, opens] of ROUTES) {
    const found = pattern.exec(path);
    const search = new URLSearchParams(query);
    if (found) return opens(found[1] ?? search, tools, { search, other: found[2] });
  }
  return {
    title: SHELL.notFound,
    render: () => [h('h1', {}, SHELL.notFound), h('p', {}, h('a', { href: '#/' }, SHELL.backToPairs))],
    actions: {},
  };
}

/** Reloads the page's data every few seconds while the page is visible. A form is loaded once. */
async function refresh() {
  clearTimeout(timer);
  if (isDrawn && (!page.isLive || document.hidden)) return;
  isOutdated = isRefreshing;
  if (isRefreshing) return;
  isRefreshing = true;
  const [current, { signal }] = [page, leaving];
  try {
    if (session !== null) await loadProviders(signal);
    await current.load?.(signal);
    if (current === page) showFresh();
  } catch (error) {
    if (current === page && error.name !== 'AbortError') showFailure(error);
  }
  if (current !== page) return;
  isRefreshing = false;
  // Data requested before a click may be older than the click.
  timer = setTimeout(() => void refresh(), isOutdated ? 0 : (page.refreshMs ?? REFRESH_MS));
}

function showFresh() {
  if (!isDrawn) main.replaceChildren();
  isDrawn = true;
  redraw();
  if (at('trouble').dataset.from === 'refresh') trouble(null);
  at('freshness').textContent = page.isLive ? SHELL.asOf(new Date().toLocaleTimeString()) : '';
}

function showFailure(error) {
  if (error.status === 401) return signedOut(SHELL.sessionEnded);
  trouble(error, 'refresh');
  if (isDrawn && error.status !== 404) return;
  isDrawn = false;
  main.replaceChildren(h('h1', {}, page.title), h('p', {}, h('a', { href: '#/' }, SHELL.backToPairs)));
}

function redraw() {
  if (!isDrawn) return;
  const hadFocus = main.contains(document.activeElement);
  const nodes = page.render().filter((node) => node !== null);
  if (session?.scope === 'read') nodes.forEach(disableWrites);
  patch(main, nodes);
  document.title = SHELL.pageTitle(nameOfPage());
  if (hadFocus && !main.contains(document.activeElement)) main.focus({ preventScroll: true });
}

/** Its heading, and the pair that it is about: several pages may be open beside each other. */
function nameOfPage() {
  const pair = main.querySelector('.back a[href^="#/pairs/"]');
  return plain([main.querySelector('h1'), pair].filter(Boolean).map(spoken).join(': ') || page.title, 150);
}

function spoken(element) {
  const copy = element.cloneNode(true);
  for (const hidden of copy.querySelectorAll('[aria-hidden]')) hidden.remove();
  return copy.textContent;
}

/** The head of the page says why: the key may only read. */
function disableWrites(node) {
  for (const element of [node, ...node.querySelectorAll('[data-action], [data-change], [data-submit]')]) {
    const { action, change, submit } = element.dataset;
    const name = action ?? change ?? submit;
    if (name === undefined || SHOWING.includes(name)) continue;
    const control = submit ? element.querySelector('[type=submit]') : element;
    control.disabled = true;
  }
}

async function clicked(event) {
  const element = event.target.closest('[data-action]');
  if (element) await act(element, element.dataset.action);
}

async function submitted(event) {
  event.preventDefault();
  if (isFilled(event.target))
    await act(event.target, event.target.dataset.submit, event.target.querySelector('[type=submit]'));
}

async function changed(event) {
  if (event.target.dataset.change) await act(event.target, event.target.dataset.change);
}

/** Ignores a second click while the first one is handled. @param busy the element that shows this */
async function act(element, name, busy = element) {
  const action = page.actions[name];
  if (!action || busy.getAttribute('aria-busy') === 'true') return;
  busy.setAttribute('aria-busy', 'true');
  trouble(null);
  try {
    await action(element);
  } catch (error) {
    if (error.status === 401) return signedOut(SHELL.sessionEnded);
    trouble(error);
    return;
  } finally {
    busy.removeAttribute('aria-busy');
  }
  await refresh();
}

/** The key goes to Calpair once, which answers with the cookie of a session. */
function signIn(reason) {
  return {
    title: SIGN_IN.title,
    render: () => [
      h('h1', {}, SIGN_IN.title),
      reason === '' ? null : h('p', { class: 'failure' }, reason),
      h('p', { class: 'sub' }, SIGN_IN.intro),
      form('enter', SIGN_IN.submit, field('key', SIGN_IN.key, input({ type: 'password' }), { hint: SIGN_IN.keyHint })),
    ],
    actions: {
      async enter(element) {
        const typed = element.elements.key.value.trim();
        const wrong = { code: 'unauthorized', ...SIGN_IN.unknownKey };
        try {
          await call('POST', '/v1/session', { apiKey: typed });
        } catch (error) {
          showProblem(element, error.code === 'unauthorized' ? new Problem(wrong) : error, { unauthorized: 'key' });
          return;
        }
        await recogniseSession();
        await open();
      },
    },
  };
}

async function signOut() {
  try {
    await call('DELETE', '/v1/session');
  } catch (error) {
    if (error.status !== 404 && error.status !== 401) return trouble(error);
  }
  signedOut('');
}

function signedOut(reason) {
  session = null;
  at('reach').hidden = true;
  at('message').replaceChildren();
  forgetNames();
  void open(reason);
}

/** @param place a page by its hash, or the page of a service by its path */
function go(place) {
  if (place === (location.pathname === '/' ? location.hash : location.pathname)) return void open();
  isGoing = true;
  if (place.startsWith('#')) {
    location.hash = place;
  } else {
    history.pushState(null, '', place);
    moved();
  }
}

function markCurrent() {
  const [, section = ''] = location.pathname === '/' ? location.hash.split(/[/?]/) : ['', 'accounts'];
  for (const link of at('nav').querySelectorAll('a[href^="#"]')) {
    const [, of = ''] = link.hash.split('/');
    if (of === (['pairs', 'start'].includes(section) ? '' : section)) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
}

/** For screen readers only: what is to be seen on the page. */
function announce(text) {
  at('announcement').textContent = text;
}

let messageTimer = 0;

/** Shows what was done for a while; screen readers read it out. */
function notify(text) {
  clearTimeout(messageTimer);
  at('message').textContent = text;
  messageTimer = setTimeout(() => at('message').replaceChildren(), 8000);
}

/**
 * Shows an error: of a refresh, until one succeeds; of a click, until the next. A repeated error is not read out again.
 */
function trouble(error, from = 'click') {
  at('trouble').dataset.from = from;
  const sentence = error === null ? '' : error instanceof Problem ? error.sentence : SHELL.bug;
  const text = from === 'refresh' && isPassing(error) ? SHELL.triesAgain(sentence) : sentence;
  if (error !== null && !(error instanceof Problem)) console.error(error);
  if (at('trouble').textContent !== text) at('trouble').textContent = text;
}

/** Of no answer, or one that says that another may be better. */
const isPassing = (error) => error?.code === 'no-answer' || error?.status >= 429;

/** A dialog that says what will happen; resolves to true for yes. One at a time. */
async function askFirst({ title, text, yes, no = WORDS.cancel, isDangerous = false }) {
  const dialog = at('confirm');
  if (dialog.open) return false;
  at('confirm-title').textContent = title;
  at('confirm-text').textContent = text;
  at('confirm-yes').textContent = yes;
  at('confirm-no').textContent = no;
  at('confirm-yes').className = isDangerous ? 'danger solid' : 'main';
  dialog.showModal();
  at('confirm-no').focus();
  return new Promise((resolve) => {
    at('confirm-yes').onclick = () => dialog.close('yes');
    at('confirm-no').onclick = () => dialog.close('no');
    dialog.returnValue = 'no';
    dialog.onclose = () => resolve(dialog.returnValue === 'yes');
  });
}
