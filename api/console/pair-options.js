/** The settings of a pair as a form in words: direction, interval, options. */
import { h } from './dom.js';
import { choices, field, input, select, tick } from './form.js';
import { ARROW, directionChoice, intervalText } from './labels.js';
import { OPTIONS } from './messages.js';

const INTERVALS = [5, 15, 30, 60, 300, 900, 3600, 21_600, 86_400];
const DIRECTIONS = ['bidirectional', 'caldav-to-cloud', 'cloud-to-caldav'];
const SIMPLE = ['attendees', 'reminders', 'categories', 'conference'];
const TICKS = ['skipAllDay', 'skipFree', 'skipDeclined', 'skipPrivate'];

/** @param sides each calendar by its name and its account */
export function directionField(sides, chosen = 'bidirectional') {
  return choices(
    'direction',
    'Direction',
    DIRECTIONS.map((way) => [
      way,
      [h('span', { class: 'arrow', 'aria-hidden': 'true' }, ARROW[way]), ' ', directionChoice(way, sides)],
    ]),
    chosen,
  );
}

export function intervalField(seconds) {
  const known =
    INTERVALS.includes(seconds) || seconds === null ? INTERVALS : [...INTERVALS, seconds].sort((a, b) => a - b);
  return field(
    'pollIntervalSeconds',
    'How often both calendars are asked for changes',
    select(
      [
        ...(seconds === null ? [['', 'As this installation does by default']] : []),
        ...known.map((one) => [String(one), intervalText(one)]),
      ],
      seconds === null ? '' : String(seconds),
      { 'aria-required': 'false' },
    ),
    { hint: 'Where a service reports changes by itself, they are noticed at once.' },
  );
}

/** @param options of the pair; a new pair has the defaults of the API @param sides as above */
export function optionFields(options, sides) {
  const { content, filter, window, holdDeletions } = options;
  return [
    ...SIMPLE.map((name) => choice(name, OPTIONS[name], options[name])),
    choice('toCloud', { ...OPTIONS.content, title: `What ${sides.cloud} gets to see` }, content.toCloud),
    choice('toCaldav', { ...OPTIONS.content, title: `What ${sides.caldav} gets to see` }, content.toCaldav),
    group(
      'Which events',
      ...['titleMatches', 'titleExcludes'].map((name) =>
        field(name, OPTIONS.filter[name], input({ maxlength: 200, value: filter[name] ?? '' }), { isOptional: true }),
      ),
      ...TICKS.map((name) => tick(name, OPTIONS.filter[name], null, filter[name] === true)),
      number('pastDays', 'Leave out events that ended more than this many days ago', window?.pastDays),
      number('futureDays', 'Leave out events that begin in more than this many days', window?.futureDays),
    ),
    group(
      'When deletions wait for a person',
      h(
        'p',
        { class: 'hint' },
        'They wait for your decision when there are more of them in a day than both of these. Empty: the default.',
      ),
      number('moreThan', 'More than this many events', holdDeletions.moreThan),
      number('percent', 'More than this many percent of all events', holdDeletions.percent),
    ),
  ];
}

/** The options that a pair has unless others are chosen; `core/sync/policy.ts` decides, the API fills in the rest. */
export const NEW_OPTIONS = {
  attendees: 'copy',
  reminders: 'keep',
  categories: 'keep',
  conference: 'keep',
  content: { toCloud: 'full', toCaldav: 'full' },
  filter: {},
  window: null,
  holdDeletions: {},
};

/** What the form asks for, as `PATCH /v1/pairs/{id}` takes it; null restores a default. */
export function settingsOf(form) {
  const { elements } = form;
  const text = (name) => elements[name].value.trim() || null;
  const amount = (name) => (elements[name].value === '' ? null : Number(elements[name].value));
  const interval = amount('pollIntervalSeconds');
  return {
    direction: elements.direction.value,
    ...(interval === null ? {} : { pollIntervalSeconds: interval }),
    options: {
      ...Object.fromEntries(SIMPLE.map((name) => [name, elements[name].value])),
      content: { toCloud: elements.toCloud.value, toCaldav: elements.toCaldav.value },
      filter: {
        titleMatches: text('titleMatches'),
        titleExcludes: text('titleExcludes'),
        ...Object.fromEntries(TICKS.map((name) => [name, elements[name].checked || null])),
      },
      window:
        amount('pastDays') === null && amount('futureDays') === null
          ? null
          : { pastDays: amount('pastDays'), futureDays: amount('futureDays') },
      holdDeletions: { moreThan: amount('moreThan'), percent: amount('percent') },
    },
  };
}

/** The options that differ from the usual ones, in words. */
export function optionTexts(options, sides) {
  const texts = SIMPLE.filter((name) => (options[name] ?? NEW_OPTIONS[name]) !== NEW_OPTIONS[name]).map(
    (name) => `${OPTIONS[name].title}: ${OPTIONS[name].choices[options[name]]}`,
  );
  for (const [key, side] of [
    ['toCloud', 'cloud'],
    ['toCaldav', 'caldav'],
  ])
    if (options.content[key] !== 'full') texts.push(`${sides[side]} gets to see: ${OPTIONS.content.choices.busy}`);
  for (const name of ['titleMatches', 'titleExcludes'])
    if (options.filter[name]) texts.push(`${OPTIONS.filter[name]} “${options.filter[name]}”`);
  for (const name of TICKS) if (options.filter[name]) texts.push(OPTIONS.filter[name]);
  if (options.window?.pastDays !== undefined)
    texts.push(`Nothing that ended more than ${options.window.pastDays} days ago`);
  if (options.window?.futureDays !== undefined)
    texts.push(`Nothing that begins in more than ${options.window.futureDays} days`);
  return texts;
}

function choice(name, { title, hint = null, choices: words }, chosen) {
  return field(
    name,
    title,
    select(Object.entries(words), chosen ?? Object.keys(words)[0], { 'aria-required': 'false' }),
    {
      hint,
    },
  );
}

function number(name, title, value) {
  return field(name, title, input({ type: 'number', min: 0, inputmode: 'numeric', value: value ?? '' }), {
    isOptional: true,
  });
}

function group(title, ...content) {
  return h('fieldset', {}, h('legend', {}, title), ...content);
}
