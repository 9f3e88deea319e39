/** From nothing to a running pair, as one flow: two accounts, two calendars, a preview, the first sync. */
import { connectActions, newAccountForm, signInButtons } from './account-forms.js';
import { all, call, get, now } from './api.js';
import { calendarFields, calendarsOf, chooseCalendar, chosenName, createChosen } from './calendar-choice.js';
import { button, folded, h, theirs } from './dom.js';
import { form, submit } from './form.js';
import { accountName, badge, placeOf, serviceAt, sideNames } from './labels.js';
import { statusOf, surroundings } from './overview.js';
import { loadPair, pairPath } from './pair-data.js';
import { directionField, intervalField, NEW_OPTIONS, optionFields, settingsOf } from './pair-options.js';
import { previewSection } from './pair-sections.js';
import { askPreview, previewProgress } from './preview.js';
import { allProviders, providerOf, serviceOf } from './providers.js';
import { CREDENTIALS } from './texts/accounts.js';
import { PREVIEW } from './texts/pairs.js';
import { SETUP } from './texts/setup.js';
import { WORDS } from './texts/shell.js';

/** @param search where the flow is: ids of the accounts that are chosen (`caldav`, `cloud`), or of the new `pair` */
export function setupPage(search, tools) {
  if (search.get('pair') !== null) return lastSteps(search.get('pair'), tools);
  return firstSteps(search, tools);
}

function head(step, title, intro) {
  return [
    h(
      'ol',
      { class: 'steps', 'aria-label': SETUP.stepsLabel },
      ...SETUP.steps.map((name, at) =>
        h(
          'li',
          { class: at < step ? 'done' : '', 'aria-current': at === step ? 'step' : false },
          h('span', { class: 'gone' }, at < step ? SETUP.stepDone : ''),
          name,
        ),
      ),
    ),
    h('h1', {}, title),
    intro === '' ? null : h('p', { class: 'sub' }, intro),
  ];
}

/** More accounts to choose from are folded. */
const LISTED = 12;

function firstSteps(search, { notify, go, redraw }) {
  const at = (chosen) => `#/start?${new URLSearchParams(chosen)}`;
  /** Whether a new calendar is asked for, by side. */
  const asks = {};
  let data = null;
  /** The form of the calendars, once something was chosen in it. */
  let chosenIn = null;

  async function load(signal) {
    const [accounts, connections] = await Promise.all([all('/v1/accounts', signal), all('/v1/connections', signal)]);
    const connection = connections.find(({ id }) => id === search.get('connection'));
    const chosen = (side) => {
      const asked = connection?.[`${side}AccountId`] ?? search.get(side);
      // A person comes back from a service, where an account was just made.
      const [, kind] = /^new-(.+)$/.exec(asked ?? '') ?? [];
      return kind ? newest(accounts, kind) : accounts.find(({ id }) => id === asked);
    };
    data = { accounts, connections, caldav: chosen('caldav'), cloud: chosen('cloud') };
    if (!data.caldav || !data.cloud) return;
    const [caldav, cloud] = await Promise.all([
      calendarsOf(data.caldav.id, signal),
      calendarsOf(data.cloud.id, signal),
    ]);
    data.calendars = { caldav, cloud };
  }

  /** The names of both calendars as far as they are chosen, each with its account. */
  function sides() {
    const names = sideNames(data.caldav, data.cloud);
    const nameOf = (side) => {
      const { items } = data.calendars[side];
      const name = chosenIn ? chosenName(chosenIn, side, items) : items[0]?.name;
      return placeOf(name ?? SETUP.theNewCalendar, names[side]);
    };
    return { caldav: nameOf('caldav'), cloud: nameOf('cloud') };
  }

  function actionsOf(kind) {
    return connectActions(kind, null, { notify, go, path: '', next });
  }
  const atStep = () => (data.caldav === undefined ? 'caldav' : 'cloud');
  const next = (account) =>
    at(atStep() === 'caldav' ? { caldav: account.id } : { caldav: data.caldav.id, cloud: account.id });

  return {
    title: SETUP.title,
    load,
    render() {
      if (!data.caldav) return caldavStep(data, at);
      if (!data.cloud) return cloudStep(data, at);
      return calendarStep(data, asks, sides());
    },
    actions: {
      preset: (element) => actionsOf('caldav').preset(element),
      atServer: (element) => actionsOf('caldav').atServer(element),
      add: (element) => actionsOf('caldav').add(element),
      signIn: (element) => {
        const { kind } = element.dataset;
        const path = `/${at({ caldav: data.caldav.id, cloud: `new-${kind}` })}`;
        return connectActions(kind, null, { notify, go, path }).signIn();
      },
      async again() {
        await load();
        redraw();
      },
      // The choices of direction name the calendars that are chosen now.
      calendar(element) {
        asks[element.dataset.side] = chooseCalendar(element);
        chosenIn = element.form;
        redraw();
      },
      named(element) {
        chosenIn = element.form;
        redraw();
      },
      pair: (element) =>
        submit(element, { 'calendar-read-only': 'direction' }, async () => {
          for (const side of ['caldav', 'cloud']) {
            const made = await createChosen(element, side, data[side].id);
            if (made === null) continue;
            // A second try finds it in the list.
            data.calendars[side].items.push(made);
            asks[side] = false;
            redraw();
            element.elements[`${side}CalendarId`].value = made.id;
          }
          redraw();
          const connection = await connectionOf(data);
          const calendars = {
            caldavCalendarId: element.elements.caldavCalendarId.value,
            cloudCalendarId: element.elements.cloudCalendarId.value,
          };
          const settings = settingsOf(element);
          const path = `/v1/connections/${connection.id}/pairs`;
          const pair = await call('POST', path, { ...calendars, ...settings, paused: true }).catch(async (error) => {
            const begun = error.code === 'calendar-already-paired' ? await neverStarted(calendars) : undefined;
            if (begun === undefined) throw error;
            return call('PATCH', pairPath(begun.id), settings);
          });
          go(at({ pair: pair.id }));
        }),
    },
  };
}

const newest = (accounts, kind) =>
  accounts
    .filter(({ provider }) => provider === kind)
    .sort((a, b) => Date.parse(b.createdAt) - Date.parse(a.createdAt))[0];

/** One that joins the two accounts and takes another pair, else a new one. */
async function connectionOf({ connections, caldav, cloud }) {
  const known = connections.find(
    (one) => one.caldavAccountId === caldav.id && one.cloudAccountId === cloud.id && one.pairCount < one.pairAllowance,
  );
  return known ?? call('POST', '/v1/connections', { caldavAccountId: caldav.id, cloudAccountId: cloud.id });
}

/** The pair of these calendars that this flow made before the person went back, or left. */
async function neverStarted({ caldavCalendarId, cloudCalendarId }) {
  const paused = await all('/v1/pairs?status=paused');
  return paused.find(
    (pair) =>
      pair.caldavCalendarId === caldavCalendarId &&
      pair.cloudCalendarId === cloudCalendarId &&
      pair.lastSyncAt === null,
  );
}

function caldavStep({ accounts }, at) {
  const caldav = accounts.filter(({ provider }) => provider === 'caldav');
  return [
    ...head(0, SETUP.caldav, SETUP.caldavIntro),
    accountChoice(caldav, (id) => at({ caldav: id })),
    caldav.length === 0 ? null : h('h2', {}, SETUP.orAnother),
    newAccountForm(providerOf('caldav'), { submit: CREDENTIALS.connect }),
  ].filter((part) => part !== null);
}

function cloudStep({ accounts, caldav }, at) {
  const others = accounts.filter(({ id }) => id !== caldav.id);
  const missing = allProviders().filter(({ configured }) => !configured);
  const services = allProviders().filter(({ browserSignIn }) => browserSignIn);
  return [
    ...head(1, SETUP.cloud, SETUP.cloudIntro(accountName(caldav), serviceOf(caldav))),
    accountChoice(others, (id) => at({ caldav: caldav.id, cloud: id })),
    others.length === 0 ? null : h('h2', {}, SETUP.orAnother),
    services.length === 0 ? null : signInButtons(services),
    ...missing.map(({ label, variables }) => h('p', { class: 'sub' }, SETUP.notSetUp(label, variables))),
    h(
      'details',
      { 'data-key': 'other-caldav', open: services.length === 0 },
      h('summary', {}, SETUP.otherServers(hosters())),
      newAccountForm(providerOf('caldav'), { submit: CREDENTIALS.connect }),
    ),
  ].filter((part) => part !== null);
}

/** The hosters with an address of their own, by name. */
function hosters() {
  const fixed = providerOf('caldav').presets.filter(({ serverUrl }) => serverUrl !== null);
  return fixed.map(({ label }) => label);
}

function accountChoice(accounts, href) {
  if (accounts.length === 0) return null;
  const list = h(
    'ul',
    { class: 'choice', 'data-key': 'accounts' },
    ...accounts.map((account) =>
      h(
        'li',
        { 'data-key': account.id },
        h(
          'a',
          { class: 'button', href: href(account.id) },
          theirs(accountName(account)),
          h('small', {}, ` ${serviceAt(account)}`),
          account.status === 'ok' ? null : badge('attention', WORDS.needsAttention),
        ),
      ),
    ),
  );
  return folded('connected', SETUP.connected(accounts.length), accounts.length, LISTED, list);
}

function calendarStep({ caldav, cloud, calendars }, asks, sides) {
  const names = sideNames(caldav, cloud);
  const fieldsOf = (side, account) =>
    calendarFields(side, calendars[side], { name: names[side], account, isAsked: asks[side] ?? null });
  const failed = ['caldav', 'cloud'].filter((side) => calendars[side].error !== null);
  const top = head(2, SETUP.calendars, SETUP.calendarsIntro);
  // Without its list a calendar may seem to be missing, and would be created once more.
  if (failed.length > 0)
    return [
      ...top,
      ...failed.map((side) =>
        h(
          'p',
          { class: 'failure', role: 'alert' },
          h('strong', {}, SETUP.noCalendars(names[side])),
          calendars[side].error.sentence ?? calendars[side].error.message,
        ),
      ),
      h('p', { class: 'buttons' }, button(SETUP.tryAgain, 'again', { class: 'main' })),
    ];
  return [
    ...top,
    form(
      'pair',
      SETUP.toPreview,
      ...fieldsOf('caldav', caldav),
      ...fieldsOf('cloud', cloud),
      directionField(sides),
      h(
        'details',
        { 'data-key': 'options' },
        h('summary', {}, SETUP.moreOptions),
        intervalField(null),
        ...optionFields(NEW_OPTIONS, names),
      ),
    ),
  ];
}

function lastSteps(id, { notify, go, redraw, confirm }) {
  let data = null;
  let runs = [];
  /** Null until it has been asked for; then `{progress}`, and at last `{answer, at}` or `{error}`. */
  let preview = null;
  let isStarted = false;

  async function compare() {
    preview = {};
    try {
      const answer = await askPreview(pairPath(id), (progress) => {
        preview = { progress };
        redraw();
      });
      preview = { answer, at: new Date(now()).toISOString() };
      notify(SETUP.previewReady);
    } catch (error) {
      preview = { error };
    }
    redraw();
  }

  return {
    title: SETUP.title,
    isLive: true,
    refreshMs: 1000,
    async load(signal) {
      const [loaded, list] = await Promise.all([loadPair(id, signal), get(`${pairPath(id)}/runs?limit=1`, signal)]);
      if (data !== null && isUnderWay(data.pair) && loaded.pair.status === 'active') notify(SETUP.inSyncMessage);
      [data, runs] = [loaded, list.items];
      if (data.pair.status === 'paused' && preview === null) void compare();
    },
    render() {
      const around = surroundings(data.pair, data);
      return data.pair.status === 'paused'
        ? previewStep(data.pair, preview, around, isStarted)
        : syncStep(data.pair, runs[0], preview, around);
    },
    actions: {
      async start() {
        isStarted = true;
        try {
          await call('POST', `${pairPath(id)}/resume`);
        } catch (error) {
          isStarted = false;
          throw error;
        }
      },
      compare,
      async remove() {
        const { sides } = surroundings(data.pair, data);
        if (!(await confirm({ ...SETUP.givingUp(sides.caldav, sides.cloud), isDangerous: true }))) return;
        await call('DELETE', pairPath(id));
        go('#/');
      },
    },
  };
}

const isUnderWay = ({ status }) => status === 'starting' || status === 'syncing';

function previewStep(pair, preview, { sides }, isStarted) {
  const { answer, at, error, progress = null } = preview ?? {};
  return [
    ...head(3, SETUP.preview, SETUP.previewIntro(sides.caldav, sides.cloud)),
    error ? h('p', { class: 'failure', role: 'alert' }, error.sentence ?? error.message) : null,
    answer === undefined && !error
      ? h(
          'section',
          { 'data-key': 'comparing' },
          h('p', {}, previewProgress(progress)),
          h('progress', {
            'aria-label': PREVIEW.comparing,
            ...(progress?.total ? { max: progress.total, value: progress.done } : {}),
          }),
        )
      : null,
    answer === undefined ? null : previewSection({ preview: answer, at }, sides, null),
    h(
      'p',
      { class: 'buttons' },
      error ? button(SETUP.compareAgain, 'compare') : null,
      button(SETUP.start, 'start', { class: 'main', disabled: isStarted, 'data-key': 'start' }),
      h('a', { class: 'button', href: `#/pairs/${pair.id}/settings`, 'data-key': 'settings' }, SETUP.changeOptions),
      button(SETUP.giveUp, 'remove', { class: 'danger', 'data-key': 'remove' }),
    ),
  ].filter((part) => part !== null);
}

function syncStep(pair, run, preview, around) {
  const { sides } = around;
  if (!isUnderWay(pair) && pair.status === 'active')
    return [
      ...head(5, SETUP.inSync, SETUP.both(sides.caldav, sides.cloud)),
      h(
        'section',
        { 'data-key': 'done' },
        h('h2', {}, SETUP.onBothSides(pair.counts.events)),
        h('p', {}, SETUP.fromNowOn(pair.direction, sides)),
        pair.counts.problems === 0 ? null : h('p', {}, SETUP.problems(pair.counts.problems)),
        h(
          'p',
          { class: 'buttons' },
          h('a', { class: 'button main', href: `#/pairs/${pair.id}` }, SETUP.openPair),
          h('a', { class: 'button', href: '#/start' }, SETUP.another),
        ),
      ),
    ];
  return [
    ...head(4, SETUP.sync, SETUP.both(sides.caldav, sides.cloud)),
    isUnderWay(pair) ? syncProgress(run, preview) : statusOf(pair, around),
    h('p', { class: 'buttons' }, h('a', { class: 'button', href: `#/pairs/${pair.id}` }, SETUP.openPair)),
  ];
}

/** How far the first sync is: of what the preview has found, as far as that is known. */
function syncProgress(run, preview) {
  const done = run ? writesOf(run.caldav) + writesOf(run.cloud) : 0;
  const answer = preview?.answer;
  const total = answer ? planned(answer.caldav) + planned(answer.cloud) : 0;
  const isKnown = total > 0;
  return h(
    'section',
    { 'data-key': 'progress' },
    h('p', {}, done === 0 ? PREVIEW.reading : isKnown ? SETUP.syncWrittenOf(done, total) : SETUP.syncWritten(done)),
    h('progress', {
      'aria-label': SETUP.syncLabel,
      ...(isKnown ? { max: total, value: Math.min(done, total) } : {}),
    }),
    h('p', { class: 'sub' }, SETUP.syncGoesOn),
  );
}

const writesOf = ({ created, updated, deleted }) => created + updated + deleted;
const planned = ({ create, update, delete: gone }) => create + update + gone;
