/** What Calpair uses of an account: the calendar for bookings, and the calendars that make busy. */
import { call } from './api.js';
import { h, plain, theirs } from './dom.js';
import { field, form, select, submit } from './form.js';
import { accountName } from './labels.js';
import { USES } from './texts/accounts.js';
import { FORM } from './texts/shell.js';

export function settingsForm(account, calendars) {
  const { id, writeCalendarId, freeBusyCalendarIds, unansweredInvitations } = account;
  const writable = calendars.filter(({ readOnly }) => !readOnly);
  const isAll = freeBusyCalendarIds === null;
  const element = form(
    'save',
    FORM.save,
    field(
      'writeCalendarId',
      USES.write,
      select([['', USES.writeNone], ...writable.map((one) => [one.id, plain(one.name, 100)])], writeCalendarId ?? '', {
        'aria-required': 'false',
      }),
      { hint: USES.writeHint },
    ),
    field(
      'busy',
      USES.busy,
      select(
        [
          ['all', USES.busyAll],
          ['some', USES.busySome],
        ],
        isAll ? 'all' : 'some',
        { 'data-change': 'busy' },
      ),
    ),
    h(
      'fieldset',
      { 'data-part': 'busy', hidden: isAll },
      h('legend', {}, USES.busyList),
      ...calendars.map((one) =>
        h(
          'label',
          { class: 'tick' },
          h('input', {
            type: 'checkbox',
            name: 'calendar',
            value: one.id,
            checked: isAll || freeBusyCalendarIds.includes(one.id),
          }),
          ' ',
          theirs(one.name),
        ),
      ),
    ),
    field(
      'unansweredInvitations',
      USES.unanswered,
      select(
        [
          ['busy', USES.unansweredBusy],
          ['free', USES.unansweredFree],
        ],
        unansweredInvitations,
        { 'aria-required': 'false' },
      ),
    ),
  );
  element.setAttribute('data-id', id);
  element.setAttribute('data-key', `settings-${id}`);
  return element;
}

/** What `settingsForm` does. */
export function settingsActions({ notify }) {
  return {
    busy: (element) => {
      element.form.querySelector('[data-part=busy]').hidden = element.value === 'all';
    },
    save: (element) =>
      submit(
        element,
        { 'calendar-read-only': 'writeCalendarId', 'calendar-not-found': 'writeCalendarId' },
        async () => {
          const { id } = element.dataset;
          const chosen = [...element.elements].filter((one) => one.name === 'calendar' && one.checked);
          const write = element.elements.writeCalendarId.value;
          const account = await call('PATCH', `/v1/accounts/${id}`, {
            writeCalendarId: write === '' ? null : write,
            freeBusyCalendarIds: element.elements.busy.value === 'all' ? null : chosen.map((one) => one.value),
            unansweredInvitations: element.elements.unansweredInvitations.value,
          });
          notify(USES.saved(accountName(account)));
        },
      ),
  };
}
