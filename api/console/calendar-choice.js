/** The two dropdowns of calendars, each with a calendar to be created. */
import { all, call, Problem } from './api.js';
import { withOwnNames } from './calendar-names.js';
import { h, plain } from './dom.js';
import { field, input, select, valuesOf } from './form.js';
import { SETUP } from './texts/setup.js';

/** The value of the option that creates a calendar; no calendar's id is so. */
const NEW = '+';

/** `{items, error}`: the calendars of an account, or why they cannot be listed. */
export function calendarsOf(accountId, signal) {
  return all(`/v1/accounts/${accountId}/calendars`, signal).then(
    (items) => ({ items: withOwnNames(items), error: null }),
    (error) => ({ items: [], error }),
  );
}

/**
 * The calendars of one side, and what a new one needs; where none can be created, the reason.
 * @param about `name`: of the account with its service; `isAsked`: whether a new one is chosen, null: not yet
 */
export function calendarFields(side, { items }, { name, account, isAsked = null }) {
  const isOffered = account?.capabilities.createCalendar === true;
  const isNew = isAsked ?? (items.length === 0 && isOffered);
  const last = isOffered ? [NEW, SETUP.create] : [NEW, SETUP.createNotOffered, true];
  const hint = isOffered ? null : SETUP.createElsewhere(name);
  return [
    field(
      `${side}CalendarId`,
      SETUP.calendarIn(name),
      select([...items.map(calendarOption), last], items[0]?.id ?? null, {
        'data-change': 'calendar',
        'data-side': side,
      }),
      { hint },
    ),
    h(
      'div',
      { class: 'field new', 'data-field': `${side}New`, 'data-key': `${side}-new`, hidden: !isNew },
      field(`${side}Name`, SETUP.newName, input({ maxlength: 200, 'data-change': 'named' })),
      field(`${side}Color`, SETUP.newColor, (common) => h('input', { type: 'color', value: '#3366cc', ...common })),
    ),
  ];
}

const calendarOption = ({ id, name, readOnly, isDefault }) => [
  id,
  SETUP.calendar(plain(name, 100), isDefault, readOnly),
];

/** Shows or hides what a new calendar needs. @returns whether one is asked for */
export function chooseCalendar(element) {
  const isNew = element.value === NEW;
  element.form.querySelector(`[data-field=${element.dataset.side}New]`).hidden = !isNew;
  return isNew;
}

/** What the chosen calendar is called, or will be; null where nothing is chosen or typed yet. */
export function chosenName(form, side, items) {
  const { value } = form.elements[`${side}CalendarId`];
  if (value === NEW) return form.elements[`${side}Name`].value.trim() || null;
  return items.find(({ id }) => id === value)?.name ?? null;
}

/** Creates the calendar that is chosen as new. @returns it, or null. @throws Problem at the field of its name */
export async function createChosen(form, side, accountId) {
  if (form.elements[`${side}CalendarId`].value !== NEW) return null;
  const { [`${side}Name`]: name, [`${side}Color`]: color } = valuesOf(form);
  try {
    return await call('POST', `/v1/accounts/${accountId}/calendars`, { name, color });
  } catch (error) {
    if (!(error instanceof Problem) || error.status === 401) throw error;
    throw new Problem({ ...error, errors: [{ field: `${side}Name`, message: error.sentence }] });
  }
}
