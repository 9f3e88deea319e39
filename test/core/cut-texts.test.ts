/** FA20: a service that holds only the beginning of a text never shortens the other side's. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { CalendarEvent } from '../../core/event.ts';
import { occurrenceContent } from '../../core/recurrence/series.ts';
import { uncut } from '../../core/sync/cut-texts.ts';
import { mergedSides } from '../../core/sync/next-states.ts';
import { DEFAULT_OPTIONS } from '../../core/sync/policy.ts';
import { cutText } from '../../providers/text.ts';
import { event } from '../support/events.ts';
import { NO_WRITES } from '../support/no-writes.ts';

const FIELDS = ['title', 'location', 'description'] as const;
type Field = (typeof FIELDS)[number];
const LIMIT = 20;
const cut = (text: string): string => cutText(text, LIMIT).text;
const word = fc.stringMatching(/^[a-zäß \n😀]{0,60}$/u);
const long = fc.tuple(word, word).map(([a, b]) => `${a}${b}abcdefghijklmnopqrstuvwxyz`);

type State = { readonly now: CalendarEvent; readonly base: CalendarEvent };

function run(caldav: State, cloud: State) {
  const side = (state: State, seenAt: number) => ({
    ...state,
    isOwned: false,
    problems: [],
    modifiedAt: seenAt,
    seenAt,
  });
  const rules = {
    direction: 'bidirectional',
    options: DEFAULT_OPTIONS,
    now: 0,
    forms: { caldav: {}, cloud: {} },
    agreedFields: [],
    journal: NO_WRITES,
  } as const;
  const next = mergedSides({ caldav: side(caldav, 1), cloud: side(cloud, 2) }, rules)!;
  return { caldav: next.caldav!, cloud: next.cloud!, conflicts: next.conflicts };
}

function both(field: Field, text: string): { caldav: CalendarEvent; cloud: CalendarEvent } {
  const plain = event('Event');
  return { caldav: { ...plain, [field]: text }, cloud: { ...plain, [field]: cut(text) } };
}

describe('texts that a service has cut', () => {
  test('FA20: an untouched copy writes nothing, on either side', () => {
    fc.assert(
      fc.property(fc.constantFrom(...FIELDS), long, (field, text) => {
        const { caldav, cloud } = both(field, text);
        const result = run({ now: caldav, base: caldav }, { now: cloud, base: cloud });
        assert.deepEqual(result, { caldav, cloud, conflicts: [] });
      }),
    );
  });

  test('FA20: an edit of what the copy shows keeps the rest', () => {
    fc.assert(
      fc.property(fc.constantFrom(...FIELDS), long, word, (field, text, typed) => {
        const { caldav, cloud } = both(field, text);
        const beginning = cloud[field].slice(0, -1);
        const edited = { ...cloud, [field]: `${typed}${beginning.slice(3)}…` };
        const result = run({ now: caldav, base: caldav }, { now: edited, base: cloud });
        assert.equal(result.caldav[field], `${typed}${beginning.slice(3)}${text.slice(beginning.length)}`);
        assert.equal(result.cloud[field], edited[field]);
        assert.deepEqual(result.conflicts, []);
        // The next run is at rest.
        const next = run({ now: result.caldav, base: result.caldav }, { now: result.cloud, base: result.cloud });
        assert.deepEqual([next.caldav, next.cloud, next.conflicts], [result.caldav, result.cloud, []]);
      }),
    );
  });

  test('FA20: an edit that leaves no place for the rest is a conflict, and the whole text stays', () => {
    fc.assert(
      fc.property(fc.constantFrom(...FIELDS), long, word, (field, text, typed) => {
        const { caldav, cloud } = both(field, text);
        const edited = { ...cloud, [field]: `${typed}.` };
        const result = run({ now: caldav, base: caldav }, { now: edited, base: cloud });
        assert.equal(result.caldav[field], text);
        assert.equal(cut(result.cloud[field]), cloud[field]);
        assert.deepEqual(
          result.conflicts.map(({ path, winner, lost }) => [path.field, winner, lost]),
          [[field, 'caldav', edited[field]]],
        );
      }),
    );
  });

  test('FA20: another field of the copy, and an edit on the other side, cross as always', () => {
    const text = 'A description that is much too long';
    const { caldav, cloud } = both('description', text);
    const moved = run({ now: caldav, base: caldav }, { now: { ...cloud, location: 'There' }, base: cloud });
    assert.deepEqual(moved.caldav, { ...caldav, location: 'There' });
    const changed = { ...caldav, description: `New: ${text}` };
    const written = run({ now: changed, base: caldav }, { now: cloud, base: cloud });
    assert.equal(written.cloud.description, `New: ${text}`);
    assert.equal(written.caldav.description, `New: ${text}`);
    assert.deepEqual(written.conflicts, []);
  });

  test('FA20: the same for one occurrence of a series', () => {
    const series = event('Series', { recurrence: { rules: ['RRULE:FREQ=DAILY;COUNT=5'], dates: [] } });
    const [id] = ['20270106T080000Z'];
    const text = 'A description that is much too long';
    const withText = (description: string): CalendarEvent => ({
      ...series,
      exceptions: { [id!]: { ...occurrenceContent(series, id!), description } },
    });
    const [caldav, cloud] = [withText(text), withText(cut(text))];
    const edited = withText(`Now: ${cut(text)}`);
    const result = run({ now: caldav, base: caldav }, { now: edited, base: cloud });
    assert.deepEqual(result.caldav, withText(`Now: ${text}`));
    assert.deepEqual(result.cloud, edited);
  });

  const id = '20270106T080000Z';
  const text = 'A description that is much too long';
  const series = (description: string, exception?: Partial<CalendarEvent>): CalendarEvent => {
    const plain = event('Series', {
      uid: 'series',
      description,
      recurrence: { rules: ['RRULE:FREQ=DAILY;COUNT=5'], dates: [] },
    });
    return exception ? { ...plain, exceptions: { [id]: { ...occurrenceContent(plain, id), ...exception } } } : plain;
  };
  const [caldav, cloud] = [series(text), series(cut(text))];

  test('FA20: an occurrence of a cut series that is changed for the first time has the whole text', () => {
    const location = { location: 'There' };
    const moved = run({ now: caldav, base: caldav }, { now: series(cut(text), location), base: cloud });
    assert.deepEqual(moved, { caldav: series(text, location), cloud: series(cut(text), location), conflicts: [] });
    const typed = { description: `Now: ${cut(text)}` };
    const edited = run({ now: caldav, base: caldav }, { now: series(cut(text), typed), base: cloud });
    assert.deepEqual(edited.caldav, series(text, { description: `Now: ${text}` }));
    assert.deepEqual([edited.cloud, edited.conflicts], [series(cut(text), typed), []]);
    const short = { description: 'Short' };
    const lost = run({ now: caldav, base: caldav }, { now: series(cut(text), short), base: cloud });
    assert.deepEqual(lost.caldav, series(text, {}));
    assert.deepEqual(
      lost.conflicts.map(({ path, winner, kept, lost }) => [path, winner, kept, lost]),
      [[{ occurrence: id, field: 'description' }, 'caldav', text, 'Short']],
    );
    const problems = [{ code: 'text-too-long', detail: '' }] as const;
    const first = uncut({ now: series(cut(text), { ...location, title: 'New' }), problems }, caldav);
    assert.deepEqual(first, series(text, { ...location, title: 'New' }));
  });

  test('FA20: an exception follows its cut series', () => {
    const location = { location: 'There' };
    const both = { caldav: series(text, location), cloud: series(cut(text), location) };
    const next = `New: ${text}`;
    const changed = { ...series(next), exceptions: both.caldav.exceptions };
    const result = run({ now: changed, base: both.caldav }, { now: both.cloud, base: both.cloud });
    assert.deepEqual(result, { caldav: series(next, location), cloud: series(next, location), conflicts: [] });
  });

  test('FA20: line breaks that a service shows as blanks do not hide that a text is cut', () => {
    const title = 'A title\nthat has\n\nlines and is too long';
    const whole = event(title);
    const shown = { ...whole, title: cut(title.replace(/\n+/g, ' ')) };
    const edited = { ...shown, title: `My ${shown.title}` };
    const { caldav: result, conflicts } = run({ now: whole, base: whole }, { now: edited, base: shown });
    assert.equal(result.title.replace(/\n+/g, ' '), `My ${title.replace(/\n+/g, ' ')}`);
    assert.deepEqual(conflicts, []);
  });
});
