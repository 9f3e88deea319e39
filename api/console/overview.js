/** All pairs with their status. */
import { all, get, now } from './api.js';
import { calendarName } from './calendar-names.js';
import { button, h, theirs } from './dom.js';
import { ARROW, attentionOf, count, detailOf, directionOf, placeOf, sideNames, statusTitle, when } from './labels.js';

const FILTERS = [
  [null, 'All'],
  ['attention', 'Needs attention'],
  ['active', 'In sync'],
  ['paused', 'Paused'],
];
const PAGE = 100;

export function overview(query) {
  const status = query.get('status');
  let limit = PAGE;
  let data = null;
  return {
    title: 'Pairs',
    isLive: true,
    async load(signal) {
      const filter = status === null ? '' : `&status=${encodeURIComponent(status)}`;
      const [urgent, pairs, accounts, connections] = await Promise.all([
        status === null ? get(`/v1/pairs?limit=${limit}&status=attention`, signal) : { items: [] },
        get(`/v1/pairs?limit=${limit}${filter}`, signal),
        all('/v1/accounts', signal),
        all('/v1/connections', signal),
      ]);
      data = {
        // What needs a person comes first.
        pairs: [...byId([...urgent.items, ...pairs.items]).values()],
        isMore: pairs.nextCursor !== null && limit < 1000,
        accounts: byId(accounts),
        connections: byId(connections),
      };
    },
    render: () => [
      h(
        'div',
        { class: 'head' },
        h('h1', {}, 'Pairs'),
        h('a', { class: 'button main', href: '#/start' }, 'Set up a pair'),
      ),
      h(
        'nav',
        { class: 'chips', 'aria-label': 'Show only' },
        ...FILTERS.map(([value, name]) =>
          h(
            'a',
            { href: value === null ? '#/' : `#/?status=${value}`, 'aria-current': value === status ? 'true' : false },
            name,
          ),
        ),
      ),
      data.pairs.length === 0
        ? noPairs(status, data)
        : h('ul', { class: 'cards' }, ...data.pairs.map((pair) => card(pair, data))),
      data.isMore ? button('Show more', 'more') : null,
    ],
    actions: {
      more() {
        limit = Math.min(1000, limit + PAGE);
      },
    },
  };
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
      directionOf(pair.direction, around.sides),
    ),
    statusOf(pair, around),
    facts(pair),
  );
}

export function pairTitle(pair, { accountNames, names }) {
  return [
    h('span', { class: 'side' }, h('small', {}, accountNames.caldav), theirs(names.caldav)),
    h('span', { class: 'arrow', 'aria-hidden': 'true' }, ARROW[pair.direction]),
    h('span', { class: 'gone' }, ' and '),
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
      h(
        'span',
        { class: `badge ${isWaiting ? 'waiting' : pair.status}` },
        isWaiting ? 'Waiting for a server' : statusTitle(pair.status),
      ),
      attention ? h('strong', {}, ` ${attention.title}.`) : null,
    ),
    pair.statusDetail === null ? null : h('p', {}, theirs(detailOf(pair.statusDetail, sides))),
    attention ? h('p', { class: 'advice' }, attention.hint) : null,
    connection && refused.length > 0
      ? h(
          'p',
          {},
          ...refused.map((account) =>
            h(
              'a',
              { href: `#/accounts/${account.id}/credentials` },
              'Enter new credentials for ',
              theirs(account.label ?? account.username),
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
    fact('Last sync', when(pair.lastSyncAt)),
    fact('Next poll', nextPoll(pair)),
    fact('Events on both sides', events.toLocaleString('en')),
    fact('Problems', problems.toLocaleString('en'), problems > 0 ? 'some' : ''),
    fact('Held deletions', heldChanges.toLocaleString('en'), heldChanges > 0 ? 'urgent' : ''),
    fact('Conflicts', conflicts.toLocaleString('en')),
  );
}

function nextPoll({ status, nextPollAt }) {
  if (status === 'paused') return 'when resumed';
  return nextPollAt === null || Date.parse(nextPollAt) <= now() ? 'now' : when(nextPollAt);
}

function fact(name, value, emphasis = '') {
  return h('div', { class: emphasis }, h('dt', {}, name), h('dd', {}, value));
}

function noPairs(status, { accounts }) {
  if (status !== null) return h('p', { class: 'empty' }, 'No pair has this status.');
  return h(
    'div',
    { class: 'empty start' },
    h('h2', {}, 'Nothing is synced yet'),
    h(
      'p',
      {},
      'Connect a CalDAV account and a cloud account, choose a calendar of each, look at the preview, and start. ' +
        'It takes about two minutes.',
    ),
    accounts.size === 0 ? null : h('p', {}, `${count(accounts.size, 'account is', 'accounts are')} connected already.`),
    h('p', { class: 'buttons' }, h('a', { class: 'button main', href: '#/start' }, 'Begin')),
  );
}
