/** Random canonical events for property tests. */
import fc from 'fast-check';
import type { Attendee, CalendarEvent, Content, Exception, When } from '../../../core/event.ts';
import { EXCLUDED } from '../../../core/event.ts';
import { cleanName } from '../../../core/plain-text.ts';
import { normaliseRecurrence } from '../../../core/recurrence/normalise.ts';
import { instantId } from '../../../core/recurrence/occurrence.ts';
import { withDatesOfExceptions } from '../../../core/recurrence/series.ts';
import { instantOf, localOf } from '../../../core/zones.ts';

const ZONES = [
  'Europe/Berlin',
  'America/New_York',
  'UTC',
  'Asia/Kathmandu',
  'Etc/GMT+7',
  'Australia/Lord_Howe',
  'Europe/Kiev',
  'US/Pacific',
];
const CHARACTERS = [...'aäß😀語,;:\\\n"^nN =<&\t\'.'];
const RULES = [
  'FREQ=DAILY',
  'FREQ=WEEKLY;BYDAY=MO,WE;INTERVAL=2',
  'FREQ=MONTHLY;BYDAY=-1FR;COUNT=7',
  'FREQ=DAILY;UNTIL=20270101',
  'FREQ=YEARLY;BYMONTH=3;WKST=SU',
];

const text = fc.string({ unit: fc.constantFrom(...CHARACTERS), maxLength: 120 });
const name = fc.string({ unit: fc.constantFrom(...CHARACTERS), maxLength: 20 }).map(cleanName);
const instant = fc
  .integer({ min: Date.UTC(2020, 0, 1) / 60_000, max: Date.UTC(2035, 0, 1) / 60_000 })
  .map((minutes) => minutes * 60_000);

function day(ms: number): string {
  return localOf(ms, 'UTC').slice(0, 10);
}

const allDay: fc.Arbitrary<When> = fc
  .tuple(instant, fc.integer({ min: 1, max: 9 }))
  .map(([ms, days]) => ({ allDay: true, start: day(ms), end: day(ms + days * 86_400_000) }));
const timed: fc.Arbitrary<When> = fc
  .tuple(instant, fc.integer({ min: 0, max: 5000 }), fc.constantFrom(...ZONES), fc.constantFrom(...ZONES), fc.boolean())
  .map(([ms, minutes, startZone, otherZone, isOther]): When => {
    // An event without a length has no end, so the end has no zone of its own.
    const endZone = isOther && minutes > 0 ? otherZone : startZone;
    return {
      allDay: false,
      start: localOf(ms, startZone),
      startZone,
      end: localOf(ms + minutes * 60_000, endZone),
      endZone,
    };
  })
  // An instant in the repeated hour cannot be written as a wall-clock time.
  .filter((when) => !when.allDay && instantOf(when.end, when.endZone) >= instantOf(when.start, when.startZone));
export const randomWhen: fc.Arbitrary<When> = fc.oneof(
  { weight: 1, arbitrary: allDay },
  { weight: 3, arbitrary: timed },
);

const attendee: fc.Arbitrary<Attendee> = fc.record({
  address: fc.constantFrom(
    'a@example.com',
    'b+c@example.com',
    'urn:uuid:1',
    'd@example.org',
    'https://example.com/principals/x/',
  ),
  name,
  participation: fc.constantFrom('needs-action', 'accepted', 'declined', 'tentative', 'delegated'),
  role: fc.constantFrom('required', 'optional', 'chair', 'non-participant'),
  kind: fc.constantFrom('individual', 'group', 'room', 'resource', 'unknown'),
});

function content(when: fc.Arbitrary<When>, canCancel: boolean): fc.Arbitrary<Content> {
  return fc.record({
    title: text,
    when,
    location: text,
    description: text,
    status: canCancel
      ? fc.constantFrom('confirmed', 'tentative', 'cancelled')
      : fc.constantFrom('confirmed', 'tentative'),
    transparency: fc.constantFrom('opaque', 'transparent'),
    visibility: fc.constantFrom('public', 'private', 'confidential'),
    organizer: fc.option(fc.record({ address: fc.constantFrom('o@example.com', 'p@example.com'), name }), {
      nil: null,
    }),
    attendees: fc
      .uniqueArray(attendee, { selector: ({ address }) => address, maxLength: 4 })
      .map((all) => [...all].sort((a, b) => (a.address < b.address ? -1 : 1))),
  });
}

export const randomEvent: fc.Arbitrary<CalendarEvent> = content(randomWhen, true).chain((base) => {
  const id = instant.map((ms) => (base.when.allDay ? instantId(ms).slice(0, 8) : instantId(ms)));
  const exception: fc.Arbitrary<Exception> = fc.oneof(fc.constant(EXCLUDED), content(randomWhen, false));
  return fc
    .record({
      rules: fc.subarray(RULES, { maxLength: 2 }),
      dates: fc.uniqueArray(
        fc
          .tuple(id, base.when.allDay ? fc.constant('') : fc.constantFrom('', '', '/PT1H30M'))
          .map((parts) => parts.join('')),
        { maxLength: 3 },
      ),
      exceptions: fc.dictionary(id, exception, { maxKeys: 4 }),
    })
    .map(({ rules, dates, exceptions }): CalendarEvent => {
      const recurrence = normaliseRecurrence({ rules: rules.map((rule) => `RRULE:${rule}`), dates }, base.when);
      const own = recurrence === null ? {} : { ...exceptions };
      return withDatesOfExceptions({ ...base, uid: 'uid-1', recurrence, exceptions: own });
    });
});
