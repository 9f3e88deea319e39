/** Bookings with their state, newest first as far as the API lists them so. */
import { all, call, get } from './api.js';
import { calendarName } from './calendar-names.js';
import { button, h, plain, table, theirs } from './dom.js';
import { errorTitle, placeOf } from './labels.js';
import { BOOKING_STATES } from './messages.js';
import { byId } from './overview.js';
import { serviceOf } from './providers.js';
import { startOf, startText } from './values.js';

const PAGE = 50;

export function bookingsPage(_search, { confirm, notify }) {
  let bookings = [];
  let accounts = new Map();
  let most = PAGE;
  let isMore = false;
  return {
    title: 'Bookings',
    isLive: true,
    async load(signal) {
      const [list, found] = await Promise.all([
        get(`/v1/bookings?limit=${Math.min(1000, most)}`, signal),
        all('/v1/accounts', signal),
      ]);
      bookings = list.items.toSorted((one, other) => Date.parse(one.start) - Date.parse(other.start));
      [accounts, isMore] = [byId(found), list.nextCursor !== null];
    },
    render: () =>
      [
        h('h1', {}, 'Bookings'),
        h(
          'p',
          { class: 'sub' },
          'Times that programs have booked through the API, and whether their events are written.',
        ),
        bookings.length === 0
          ? h('p', { class: 'empty' }, 'No booking yet.')
          : h(
              'section',
              { 'data-key': 'bookings' },
              table(
                'By their start',
                ['Booking', 'Start', 'Until', 'Calendar', 'State', 'Cancel'],
                bookings.map((booking) => bookingRow(booking, accounts.get(booking.accountId))),
              ),
            ),
        isMore ? button('Show more', 'more', { 'data-key': 'more' }) : null,
      ].filter((part) => part !== null),
    actions: {
      more() {
        most += PAGE * 2;
      },
      async cancel(element) {
        const booking = bookings.find(({ id }) => id === element.dataset.id);
        const isSure = await confirm({
          title: `Cancel ${nameOf(booking)}?`,
          yes: 'Cancel the booking',
          isDangerous: true,
          text: `Its event of ${startText(booking.start)} is deleted from the calendar. Nobody is mailed.`,
        });
        if (!isSure) return;
        await call('DELETE', `/v1/bookings/${booking.id}`);
        notify('The booking is cancelled.');
      },
    },
  };
}

const nameOf = ({ title }) => plain(title || 'the booking without a title', 80);

function bookingRow(booking, account) {
  const { id, title, start, end, accountId, calendarId } = booking;
  const place = account ? `${serviceOf(account)} (${plain(account.label ?? account.username, 80)})` : '?';
  return {
    key: id,
    cells: [
      theirs(title),
      startOf(start),
      startOf(end),
      placeOf(calendarName(account ? accountId : undefined, calendarId), place),
      stateOf(booking),
      booking.status === 'cancelled'
        ? h('span', { class: 'none dash' }, '–')
        : button('Cancel …', 'cancel', { 'data-id': id, class: 'danger', 'aria-label': `Cancel ${nameOf(booking)}` }),
    ],
  };
}

function stateOf({ status, writeStatus, writeError, cancelledBy }) {
  if (status === 'cancelled')
    return [
      h('span', { class: 'badge' }, 'Cancelled'),
      cancelledBy === 'calendar' ? h('p', { class: 'detail' }, 'Its event was deleted in the calendar.') : null,
    ];
  const { title, badge } = BOOKING_STATES[writeStatus];
  return [
    h('span', { class: `badge ${badge}` }, title),
    writeError === null ? null : h('p', { class: 'detail' }, errorTitle(writeError)),
  ];
}
