/** All pairs with their status. */
import { all, list, now } from './api.js';
import { calendarName } from './calendar-names.js';
import { button, h, theirs } from './dom.js';
import { ARROW, attentionOf, badge, detailOf, placeOf, sideNames, statusTitle, when } from './labels.js';
import { OVERVIEW, PAIR } from './texts/pairs.js';
import { WORDS } from './texts/shell.js';
import { number } from './texts/units.js';

const PAGE = 100;
/** A list that a person wants to see more of is so many times as long. */
export const MORE = 3;

/** Of workflows in Temporal. */
const NEED_ATTENTION = 'PairState = "attention"';

export function overview(query, { config }) {
  const status = query.get('status');
  let most = PAGE;
  let data = null;
  return {
    title: OVERVIEW.title,
    isLive: true,
    async load(signal) {
      const filter = status === null ? '' : `?status=${encodeURIComponent(status)}`;
      const [urgent, pairs, accounts, connections] = await Promise.all([
        status === null ? list('/v1/pairs?status=attention', most, signal) : { items: [] },
        list(`/v1/pairs${filter}`, most, signal),
        all('/v1/accounts', signal),
        all('/v1/connections', signal),
      ]);
      data = {
        // What needs a person comes first.
        pairs: [...byId([...urgent.items, ...pairs.items]).values()],
        isMore: pairs.nextCursor !== null,
        accounts: byId(accounts),
        connections: byId(connections),
      };
    },
    render: () => [
      h(
        'div',
        { class: 'head' },
        h('h1', {}, OVERVIEW.title),
        h('a', { class: 'button main', href: '#/start' }, OVERVIEW.setUp),
      ),
      chips(OVERVIEW.filters, status, (value) => (value === null ? '#/' : `#/?status=${value}`)),
      data.pairs.length === 0
        ? noPairs(status, data)
        : h('ul', { class: 'cards' }, ...data.pairs.map((pair) => card(pair, data))),
      data.isMore ? button(WORDS.showMore, 'more') : null,
      status === 'attention' ? inTemporal(config) : null,
    ],
    actions: {
      more() {
        most *= MORE;
      },
    },
  };
}

/** The same list for operators, where Temporal's pages are known. */
function inTemporal({ workflowsUrl }) {
  if (workflowsUrl === null) return null;
  const href = `${workflowsUrl.replace(/\/$/, '')}?${new URLSearchParams({ query: NEED_ATTENTION })}`;
  return h('p', {}, h('a', { href, target: '_blank', rel: 'noopener noreferrer' }, OVERVIEW.inTemporal));
}

/** Links to parts of a list, by value; null is the whole list. */
export function chips(titles, current, hrefOf) {
  return h(
    'nav',
    { class: 'chips', 'aria-label': WORDS.showOnly },
    ...[[null, WORDS.all], ...Object.entries(titles)].map(([value, title]) =>
      h('a', { href: hrefOf(value), 'aria-current': value === current ? 'true' : false }, title),
    ),
  );
}

export const byId = (items) => new Map(items.map((item) => [item.id, item]));

/** A pair's connection, accounts and names. An account may be missing for a moment after it was added. */
export function surroundings(pair, { accounts, connections }) {
  const connection = connections.get(pair.connectionId);
  const [caldav, cloud] = [accounts.get(connection?.caldavAccountId), accounts.get(connection?.cloudAccountId)];
  const accountNames = sideNames(caldav, cloud);
  const names = {
    caldav: calendarName(caldav?.id, pair.caldavCalendarId),
    cloud: calendarName(cloud?.id, pair.cloudCalendarId),
  };
  return {
    connection,
    caldav,
    cloud,
    names,
    accountNames,
    /** Each calendar by its name and its account. */
    sides: {
      caldav: placeOf(names.caldav, accountNames.caldav),
      cloud: placeOf(names.cloud, accountNames.cloud),
    },
  };
}

function card(pair, data) {
  const around = surroundings(pair, data);
  return h(
    'li',
    { class: 'card', 'data-key': pair.id },
    h('h2', {}, h('a', { href: `#/pairs/${pair.id}` }, ...pairTitle(pair, around))),
    h(
      'p',
      { class: 'sub' },
      around.connection?.name ? [theirs(around.connection.name), ' · '] : null,
      PAIR.direction(pair.direction, around.sides),
    ),
    statusOf(pair, around),
    facts(pair),
  );
}

export function pairTitle(pair, { accountNames, names }) {
  return [
    h('span', { class: 'side' }, h('small', {}, accountNames.caldav), theirs(names.caldav)),
    h('span', { class: 'arrow', 'aria-hidden': 'true' }, ARROW[pair.direction]),
    h('span', { class: 'gone' }, WORDS.and),
    h('span', { class: 'side' }, h('small', {}, accountNames.cloud), theirs(names.cloud)),
  ];
}

/** The status with its reason and what to do. */
export function statusOf(pair, { sides, connection, caldav, cloud }) {
  const isWaiting = pair.status === 'active' && pair.statusDetail !== null;
  const attention = attentionOf(pair.statusReason);
  const refused =
    pair.statusReason === 'credentials' ? [caldav, cloud].filter((account) => account?.status === 'attention') : [];
  return h(
    'div',
    { class: 'status' },
    h(
      'p',
      {},
      isWaiting ? badge('waiting', PAIR.waiting) : badge(pair.status, statusTitle(pair.status)),
      attention ? h('strong', {}, ` ${attention.title}.`) : null,
    ),
    pair.statusDetail === null ? null : h('p', {}, theirs(detailOf(pair.statusDetail, sides))),
    // The button below says as much.
    attention && refused.length === 0 ? h('p', { class: 'advice' }, attention.hint) : null,
    connection && refused.length > 0
      ? h(
          'p',
          { class: 'buttons' },
          ...refused.map((account) =>
            h(
              'a',
              { class: 'button main', href: `#/accounts/${account.id}/credentials` },
              h('span', {}, ...PAIR.renew(theirs(account.label ?? account.username))),
            ),
          ),
        )
      : null,
  );
}

export function facts(pair) {
  const { events, problems, heldChanges, conflicts } = pair.counts;
  return h(
    'dl',
    { class: 'facts' },
    fact(PAIR.facts.lastSync, when(pair.lastSyncAt)),
    fact(PAIR.facts.nextPoll, nextPoll(pair)),
    fact(PAIR.facts.events, number(events)),
    fact(PAIR.facts.problems, number(problems), problems > 0 ? 'some' : ''),
    fact(PAIR.facts.held, number(heldChanges), heldChanges > 0 ? 'urgent' : ''),
    fact(PAIR.facts.conflicts, number(conflicts)),
  );
}

function nextPoll({ status, nextPollAt }) {
  if (status === 'paused') return PAIR.whenResumed;
  return nextPollAt === null || Date.parse(nextPollAt) <= now() ? PAIR.now : when(nextPollAt);
}

function fact(name, value, emphasis = '') {
  return h('div', { class: emphasis }, h('dt', {}, name), h('dd', {}, value));
}

function noPairs(status, { accounts }) {
  if (status !== null) return h('p', { class: 'empty' }, OVERVIEW.noneOfStatus);
  return h(
    'div',
    { class: 'empty start' },
    h('h2', {}, OVERVIEW.emptyHeading),
    h('p', {}, OVERVIEW.empty),
    accounts.size === 0 ? null : h('p', {}, OVERVIEW.connectedAlready(accounts.size)),
    h('p', { class: 'buttons' }, h('a', { class: 'button main', href: '#/start' }, OVERVIEW.begin)),
  );
}
