/** The settings of a pair as a form in words: direction, interval, options. */
import { h } from './dom.js';
import { choices, field, input, select, tick } from './form.js';
import { ARROW } from './labels.js';
import { OPTIONS, SETTINGS } from './texts/pairs.js';
import { interval } from './texts/units.js';

const INTERVALS = [5, 15, 30, 60, 300, 900, 3600, 21_600, 86_400];
const DIRECTIONS = ['bidirectional', 'caldav-to-cloud', 'cloud-to-caldav'];
const SIMPLE = ['attendees', 'reminders', 'categories', 'conference'];
const TICKS = ['skipAllDay', 'skipFree', 'skipDeclined', 'skipPrivate'];

/** @param sides each calendar by its name and its account */
export function directionField(sides, chosen = 'bidirectional') {
  return choices(
    'direction',
    SETTINGS.direction,
    DIRECTIONS.map((way) => [
      way,
      [
        h('span', { class: 'arrow', 'aria-hidden': 'true' }, ARROW[way]),
        h('span', {}, SETTINGS.directions(way, sides)),
      ],
    ]),
    chosen,
  );
}

export function intervalField(seconds) {
  const known =
    INTERVALS.includes(seconds) || seconds === null ? INTERVALS : [...INTERVALS, seconds].sort((a, b) => a - b);
  return field(
    'pollIntervalSeconds',
    SETTINGS.interval,
    select(
      [
        ...(seconds === null ? [['', SETTINGS.intervalDefault]] : []),
        ...known.map((one) => [String(one), interval(one)]),
      ],
      seconds === null ? '' : String(seconds),
      { 'aria-required': 'false' },
    ),
    { hint: SETTINGS.intervalHint },
  );
}

/** @param options of the pair; a new pair has the defaults of the API @param sides as above */
export function optionFields(options, sides) {
  const { content, filter, window, holdDeletions } = options;
  return [
    ...SIMPLE.map((name) => choice(name, OPTIONS[name], options[name])),
    choice('toCloud', contentOf(sides.cloud), content.toCloud),
    choice('toCaldav', contentOf(sides.caldav), content.toCaldav),
    group(
      OPTIONS.filter.title,
      ...['titleMatches', 'titleExcludes'].map((name) =>
        field(name, OPTIONS.filter[name], input({ maxlength: 200, value: filter[name] ?? '' }), { isOptional: true }),
      ),
      ...TICKS.map((name) => tick(name, OPTIONS.filter[name], null, filter[name] === true)),
      number('pastDays', OPTIONS.window.pastDays, window?.pastDays),
      number('futureDays', OPTIONS.window.futureDays, window?.futureDays),
    ),
    group(
      OPTIONS.holdDeletions.title,
      h('p', { class: 'hint' }, OPTIONS.holdDeletions.hint),
      number('moreThan', OPTIONS.holdDeletions.moreThan, holdDeletions.moreThan),
      number('percent', OPTIONS.holdDeletions.percent, holdDeletions.percent),
    ),
  ];
}

const contentOf = (side) => ({ ...OPTIONS.content, title: OPTIONS.content.title(side) });

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
  const texts = SIMPLE.filter((name) => (options[name] ?? NEW_OPTIONS[name]) !== NEW_OPTIONS[name]).map((name) =>
    OPTIONS.chosen(OPTIONS[name].title, OPTIONS[name].choices[options[name]]),
  );
  for (const [key, side] of [
    ['toCloud', 'cloud'],
    ['toCaldav', 'caldav'],
  ])
    if (options.content[key] !== 'full') texts.push(OPTIONS.content.busyOnly(sides[side]));
  for (const name of ['titleMatches', 'titleExcludes'])
    if (options.filter[name]) texts.push(OPTIONS.quoted(OPTIONS.filter[name], options.filter[name]));
  for (const name of TICKS) if (options.filter[name]) texts.push(OPTIONS.filter[name]);
  const { pastDays, futureDays } = options.window ?? {};
  if (pastDays !== undefined) texts.push(OPTIONS.window.pastOnly(pastDays));
  if (futureDays !== undefined) texts.push(OPTIONS.window.futureOnly(futureDays));
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
