/** Objects with so many exceptions that they are composed in another thread. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { CalendarEvent, When } from '../../core/event.ts';
import { validateObject } from '../../core/ical/validate.ts';
import { compose, composeHere } from '../../providers/caldav/compose.ts';
import type { Collection } from '../../providers/caldav/objects.ts';
import { event } from '../support/contract.ts';

const floatingZone = 'Europe/Berlin';
const calendar = { collection: { url: new URL('https://dav.example/cal/') } as Collection, setting: { floatingZone } };

describe('an object with 1,000 exceptions', () => {
  const series = seriesWith(1_000);
  const before = composeHere({ draft: { kind: 'create', before: null, event: series, uid: 'long' }, floatingZone })!;
  const drafts = {
    created: { kind: 'create', before: null, event: series, uid: 'long' },
    changed: { kind: 'change', before: before.text, event: { ...series, title: 'New' }, part: null },
    restored: { kind: 'create', before: before.text, event: series, uid: 'long' },
  } as const;

  for (const [what, draft] of Object.entries(drafts))
    it(`FD: is ${what} while other work goes on`, async () => {
      let hasOtherWork = false;
      setImmediate(() => (hasOtherWork = true));
      const { text, broken } = await compose(calendar, draft);
      assert.ok(hasOtherWork);
      assert.deepEqual([broken, validateObject(text)], [[], []]);
      assert.equal(text.match(/^RECURRENCE-ID/gm)?.length, 1_000);
      const here = composeHere({ draft, floatingZone })!;
      assert.equal(withoutTimes(text), withoutTimes(here.text));
    });

  it('FD: loses one of its events while other work goes on', async () => {
    const two = before.text.replace('END:VCALENDAR', `${OTHER}END:VCALENDAR`);
    let hasOtherWork = false;
    setImmediate(() => (hasOtherWork = true));
    const left = await compose(calendar, { kind: 'remove', before: two, part: 'other' });
    assert.ok(hasOtherWork);
    assert.doesNotMatch(left?.text ?? 'UID:other', /UID:other/);
  });
});

it('a short object is composed at once', async () => {
  let hasOtherWork = false;
  setImmediate(() => (hasOtherWork = true));
  await compose(calendar, { kind: 'create', before: null, event: event('A'), uid: 'short' });
  assert.equal(hasOtherWork, false);
});

const OTHER =
  'BEGIN:VEVENT\r\nUID:other\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260101T000000Z\r\nSUMMARY:O\r\nEND:VEVENT\r\n';

function seriesWith(count: number): CalendarEvent {
  const exceptions = Object.fromEntries(
    Array.from({ length: count }, (_, number) => {
      const day = new Date(Date.UTC(2024, 0, 1 + number)).toISOString().slice(0, 10);
      return [`${day.replaceAll('-', '')}T090000Z`, { ...event(`Day ${number}`), when: hour(day, 10) }];
    }),
  );
  const recurrence = { rules: ['RRULE:FREQ=DAILY'], dates: [] };
  return { ...event('Daily'), uid: 'long', when: hour('2024-01-01', 9), recurrence, exceptions };
}

function hour(day: string, hour: number): When {
  const at = (hour: number): string => `${day}T${String(hour).padStart(2, '0')}:00:00`;
  return { allDay: false, start: at(hour), startZone: 'UTC', end: at(hour + 1), endZone: 'UTC' };
}

const withoutTimes = (text: string): string => text.replace(/^(?:DTSTAMP|LAST-MODIFIED):.*$/gm, '');
