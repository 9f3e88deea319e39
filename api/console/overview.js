/** All pairs, and what each is up to. */
import { all, get, now } from './api.js';
import { calendarName } from './calendar-names.js';
import { button, h, theirs } from './dom.js';
import { ARROW, count, detailOf, directionOf, REASON, STATUS, sideNames, when } from './labels.js';

const FILTERS = [
  [null, 'All'],
  ['attention', 'Needs attention'],
  ['active', 'In sync'],
  ['paused', 'Paused'],
];
const PAGE = 100;

export function overview(query) {
  const wanted = query.get('status');
  let shown = PAGE;
  let data = null;
  return {
    title: 'Pairs',
    isLive: true,
    async load(signal) {
      const filter = wanted === null ? '' : `&status=${encodeURIComponent(wanted)}`;
      const [pairs, accounts, connections] = await Promise.all([
        get(`/v1/pairs?limit=${shown}${filter}`, signal),
        all('/v1/accounts', signal),
        all('/v1/connections', signal),
      ]);
      data = {
        pairs: pairs.items,
        isMore: pairs.nextCursor !== null && shown < 1000,
        accounts: byId(accounts),
        connections: byId(connections),
      };
    },
    render: () => [
      h(
        'div',
        { class: 'head' },
        h('h1', {}, 'Pairs'),
        h('a', { class: 'button main', href: '#/pairs/new' }, 'Add a pair'),
      ),
      h(
        'nav',
        { class: 'chips', 'aria-label': 'Show only' },
        ...FILTERS.map(([status, name]) =>
          h(
            'a',
            {
              href: status === null ? '#/' : `#/?status=${status}`,
              'aria-current': wanted === status ? 'true' : false,
            },
            name,
          ),
        ),
      ),
      data.pairs.length === 0
        ? nothing(wanted, data)
        : h('ul', { class: 'cards' }, ...data.pairs.map((pair) => card(pair, data))),
      data.isMore ? button('Show more', 'more') : null,
    ],
    actions: {
      more() {
        shown = Math.min(1000, shown + PAGE);
      },
    },
  };
}

export const byId = (items) => new Map(items.map((item) => [item.id, item]));

/** What is known of a pair around it; accounts may be unknown for a moment after they were added. */
export function surroundings(pair, { accounts, connections }) {
  const connection = connections.get(pair.connectionId);
  const [caldav, cloud] = [accounts.get(connection?.caldavAccountId), accounts.get(connection?.cloudAccountId)];
  return {
    connection,
    caldav,
    cloud,
    sides: sideNames(caldav, cloud),
    names: {
      caldav: calendarName(caldav?.id, pair.caldavCalendarId),
      cloud: calendarName(cloud?.id, pair.cloudCalendarId),
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
      theirs(around.connection?.name, 'Connection without a name'),
      ' · ',
      directionOf(pair.direction, around.sides),
    ),
    statusOf(pair, around),
    facts(pair),
  );
}

export function pairTitle(pair, { sides, names }) {
  return [
    h('span', { class: 'side' }, h('small', {}, sides.caldav), theirs(names.caldav)),
    h('span', { class: 'arrow', 'aria-hidden': 'true' }, ARROW[pair.direction]),
    h('span', { class: 'gone' }, ' and '),
    h('span', { class: 'side' }, h('small', {}, sides.cloud), theirs(names.cloud)),
  ];
}

/** The status with its reason, in words, and what to do. */
export function statusOf(pair, { sides, connection, caldav, cloud }) {
  const isWaiting = pair.status === 'active' && pair.statusDetail !== null;
  const [what, advice] = REASON[pair.statusReason] ?? [];
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
        isWaiting ? 'Waiting for a server' : (STATUS[pair.status] ?? pair.status),
      ),
      what ? h('strong', {}, ` ${what}.`) : null,
    ),
    pair.statusDetail === null ? null : h('p', {}, theirs(detailOf(pair.statusDetail, sides))),
    advice ? h('p', { class: 'advice' }, advice) : null,
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
    fact('Next look', nextLook(pair)),
    fact('Events on both sides', events.toLocaleString('en')),
    fact('Problems', problems.toLocaleString('en'), problems > 0 ? 'some' : ''),
    fact('Held deletions', heldChanges.toLocaleString('en'), heldChanges > 0 ? 'urgent' : ''),
    fact('Conflicts', conflicts.toLocaleString('en')),
  );
}

function nextLook({ status, nextPollAt }) {
  if (status === 'paused') return 'when resumed';
  return nextPollAt === null || Date.parse(nextPollAt) <= now() ? 'now' : when(nextPollAt);
}

function fact(name, value, emphasis = '') {
  return h('div', { class: emphasis }, h('dt', {}, name), h('dd', {}, value));
}

function nothing(wanted, { accounts, connections }) {
  if (wanted !== null) return h('p', { class: 'empty' }, 'No pair is in this state.');
  const steps = [
    [accounts.size >= 2, 'Add two accounts', '#/accounts', `${count(accounts.size, 'account')} so far`],
    [connections.size > 0, 'Connect them', '#/connections', `${count(connections.size, 'connection')} so far`],
    [false, 'Pair two calendars', '#/pairs/new', 'they are in sync from then on'],
  ];
  return h(
    'div',
    { class: 'empty' },
    h('p', {}, 'Nothing is synced yet. Three steps:'),
    h(
      'ol',
      {},
      ...steps.map(([isDone, text, href, more]) =>
        h('li', { class: isDone ? 'done' : '' }, h('a', { href }, text), ` (${more})`),
      ),
    ),
  );
}
