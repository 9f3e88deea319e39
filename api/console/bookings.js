/** Bookings with their state, newest first as far as the API lists them so. */
import { all, call, list } from './api.js';
import { calendarName } from './calendar-names.js';
import { button, dash, h, nameIn, table, theirs } from './dom.js';
import { badge, errorTitle, fullName, placeOf } from './labels.js';
import { byId, MORE } from './overview.js';
import { BOOKINGS } from './texts/accounts.js';
import { WORDS } from './texts/shell.js';
import { rangeText, startText } from './values.js';

const PAGE = 50;

export function bookingsPage(_search, { confirm, notify }) {
  let bookings = [];
  let accounts = new Map();
  let most = PAGE;
  let isMore = false;
  return {
    title: BOOKINGS.title,
    isLive: true,
    async load(signal) {
      const [listed, found] = await Promise.all([list('/v1/bookings', most, signal), all('/v1/accounts', signal)]);
      bookings = listed.items.toSorted((one, other) => Date.parse(one.start) - Date.parse(other.start));
      [accounts, isMore] = [byId(found), listed.nextCursor !== null];
    },
    render: () =>
      [
        h('h1', {}, BOOKINGS.title),
        h('p', { class: 'sub' }, BOOKINGS.intro),
        bookings.length === 0
          ? h('p', { class: 'empty' }, BOOKINGS.none)
          : h(
              'section',
              { 'data-key': 'bookings' },
              table(
                BOOKINGS.list,
                BOOKINGS.columns,
                bookings.map((booking) => bookingRow(booking, accounts.get(booking.accountId))),
              ),
            ),
        isMore ? button(WORDS.showMore, 'more', { 'data-key': 'more' }) : null,
      ].filter((part) => part !== null),
    actions: {
      more() {
        most *= MORE;
      },
      async cancel(element) {
        const booking = bookings.find(({ id }) => id === element.dataset.id);
        const question = BOOKINGS.cancelling(nameOf(booking), startText(booking.start));
        if (!(await confirm({ ...question, isDangerous: true }))) return;
        await call('DELETE', `/v1/bookings/${booking.id}`);
        notify(BOOKINGS.done);
      },
    },
  };
}

const nameOf = ({ title }) => nameIn(title, BOOKINGS.untitled);

function bookingRow(booking, account) {
  const { id, title, start, end, accountId, calendarId } = booking;
  return {
    key: id,
    cells: [
      theirs(title),
      h('time', { datetime: start }, rangeText(start, end)),
      account ? placeOf(calendarName(accountId, calendarId), fullName(account)) : calendarName(undefined, calendarId),
      stateOf(booking),
      booking.status === 'cancelled'
        ? dash()
        : button(BOOKINGS.cancel, 'cancel', {
            'data-id': id,
            class: 'danger',
            'aria-label': BOOKINGS.cancelLabel(nameOf(booking)),
          }),
    ],
  };
}

const STATE_BADGES = { pending: 'syncing', written: 'active', failed: 'failed' };

function stateOf({ status, writeStatus, writeError, cancelledBy }) {
  if (status === 'cancelled')
    return [
      badge('', BOOKINGS.cancelled),
      cancelledBy === 'calendar' ? h('p', { class: 'detail' }, BOOKINGS.deletedThere) : null,
    ];
  return [
    badge(STATE_BADGES[writeStatus], BOOKINGS.states[writeStatus]),
    writeError === null ? null : h('p', { class: 'detail' }, errorTitle(writeError)),
  ];
}
