/** Signing in at a service with the browser: at an OAuth service, or at a server with a login flow of its own. */
import { call, Problem } from './api.js';
import { h, page } from './dom.js';
import { accountName, signInText } from './labels.js';
import { BROWSER } from './texts/accounts.js';

let home = null;

/** @param publicUrl where sign-ins come back to; unknown where the console got no configuration */
export function useHome(publicUrl) {
  home = publicUrl ?? null;
}

/** Leaves the console for the service; it comes back to `path`. @param accountId signs in again; null: a new one */
export async function signInAt(kind, accountId, path) {
  if (home !== null && new URL(home).origin !== location.origin)
    throw new Problem({ code: 'other-address', ...BROWSER.otherAddress(home) });
  const { url } = await call('POST', `/v1/oauth/${encodeURIComponent(kind)}/start`, {
    redirectPath: path,
    ...(accountId === null ? {} : { accountId }),
  });
  location.assign(url);
}

/**
 * Why the sign-in from which the browser comes back gave no account, as a Problem; null where nothing failed. The
 * address is cleaned, so that a reload does not show it again.
 */
export function failedSignIn() {
  const query = new URLSearchParams(location.search);
  const code = query.get('error');
  if (code === null) return null;
  const scopes = (query.get('error_scope') ?? '').split(' ').filter((scope) => /^[\w.]{1,60}$/.test(scope));
  history.replaceState(null, '', `${location.pathname}${location.hash.replace(/[?&]cloud=new-[^&]*/, '')}`);
  const { title, detail } = signInText(code);
  return new Problem({
    code,
    title,
    detail: [detail, scopes.length > 0 ? BROWSER.missing(scopes) : ''].join(' '),
  });
}

/** Sign-ins at a server that were begun here, by the id to ask with: the server's page, and the page to go back to. */
const begun = new Map();

/**
 * @param values of the form: the address of the server, and names for the account
 * @param then `next`: where the account leads, which is new or has signed in again
 */
export async function beginAtServer({ serverUrl, label }, accountId, { go, next }) {
  const body = { serverUrl, ...(label ? { label } : {}), ...(accountId === null ? {} : { accountId }) };
  const { loginUrl, pollId } = await call('POST', '/v1/accounts/nextcloud-login', body);
  begun.set(pollId, { loginUrl, next, from: `${location.pathname}${location.hash}` });
  go(`#/accounts/sign-in/${pollId}`);
}

/** Waits for the person who signs in at the server, in another tab. */
export function waitForServer(pollId, { notify, go }) {
  const { loginUrl = null, next = () => '#/accounts', from = '#/accounts' } = begun.get(pollId) ?? {};
  let isOver = false;
  return {
    title: BROWSER.title,
    isLive: true,
    async load() {
      if (isOver) return;
      try {
        const answer = await call('POST', `/v1/accounts/nextcloud-login/${encodeURIComponent(pollId)}`);
        if (answer.id === undefined) return;
        isOver = true;
        notify(BROWSER.connected(accountName(answer)));
        go(next(answer));
      } catch (error) {
        if (error.status !== 404) throw error;
        isOver = true;
      }
    },
    render: () =>
      page(
        BROWSER.title,
        isOver ? '' : BROWSER.intro,
        isOver
          ? h('p', { class: 'failure' }, BROWSER.expired)
          : loginUrl === null
            ? h('p', {}, BROWSER.otherTab)
            : h(
                'p',
                { class: 'buttons' },
                h(
                  'a',
                  { class: 'button main', href: loginUrl, target: '_blank', rel: 'noopener noreferrer' },
                  BROWSER.open,
                ),
              ),
        h('p', {}, h('a', { href: from }, isOver ? BROWSER.back : BROWSER.cancel)),
      ),
    actions: {},
  };
}
