/** Patching calendar objects: only the lines that differ are written. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import ICAL from 'ical.js';
import type { CalendarEvent, Content } from '../../../core/event.ts';
import { EXCLUDED } from '../../../core/event.ts';
import { createObject, patchObject, removePart, restoreObject } from '../../../core/ical/object.ts';
import { newViolations } from '../../../core/ical/validate.ts';
import { calendar, entries, MASTER, read, SETTING, timed, vevent } from './objects.ts';

const STAMPS = ['DTSTAMP:20261121T100000Z', 'LAST-MODIFIED:20261121T100000Z'];

/** Lines that only one of two texts has. */
function difference(before: string, after: string): { removed: string[]; added: string[] } {
  const [a, b] = [before, after].map((text) => text.replaceAll('\r\n ', '').split('\r\n')) as [string[], string[]];
  return { removed: a.filter((line) => !b.includes(line)), added: b.filter((line) => !a.includes(line)) };
}

describe('patches', () => {
  const patch = (
    text: string,
    change: (event: CalendarEvent) => CalendarEvent,
  ): { removed: string[]; added: string[]; text: string } => {
    const [entry] = entries(text);
    const next = change(entry!.event!);
    const patched = patchObject(text, null, next, SETTING);
    assert.deepEqual(entries(patched)[0]!.event, { ...next, uid: entry!.uid });
    return { ...difference(text, patched), text: patched };
  };
  const at =
    (start: string, end: string, zone?: string) =>
    (event: CalendarEvent): CalendarEvent => ({ ...event, when: timed(start, end, zone) });
  const without = (list: string[]): string[] => list.filter((line) => !STAMPS.includes(line));

  test('a floating time stays floating, a DURATION stays a DURATION, a foreign zone name stays', () => {
    const floating = patch(
      calendar(...vevent('DTSTART:20260105T090000', 'DURATION:PT1H')),
      at('2026-01-05T10:00:00', '2026-01-05T12:00:00'),
    );
    assert.deepEqual(without(floating.added), ['DTSTART:20260105T100000', 'DURATION:PT2H']);
    const windows = patch(
      calendar(...vevent('DTSTART;X-A=1;TZID=W. Europe Standard Time:20260105T090000')),
      at('2026-01-05T10:00:00', '2026-01-05T11:00:00'),
    );
    assert.deepEqual(without(windows.added).slice(0, 2), ['BEGIN:VTIMEZONE', 'TZID:W. Europe Standard Time']);
    assert.deepEqual(without(windows.added).slice(-2), [
      'DTSTART;X-A=1;TZID=W. Europe Standard Time:20260105T100000',
      'DTEND;X-A=1;TZID=W. Europe Standard Time:20260105T110000',
    ]);
  });

  test('under a rule that lacks one overridden occurrence, the override of another one stays the only one', () => {
    const override = (day: string, title: string): string[] => {
      const [start, end] = [`202608${day}T080000Z`, `202608${day}T090000Z`];
      return vevent(`RECURRENCE-ID:${start}`, `DTSTART:${start}`, `DTEND:${end}`, `SUMMARY:${title}`);
    };
    const text = calendar(
      ...vevent('DTSTART:20260804T080000Z', 'DTEND:20260804T090000Z', 'RRULE:FREQ=WEEKLY;COUNT=9'),
      ...override('18', 'Third'),
      ...override('04', 'First'),
    );
    const { text: patched } = patch(text, (event) => ({
      ...event,
      recurrence: { rules: ['RRULE:FREQ=DAILY;COUNT=9'], dates: [] },
      exceptions: { '20260804T080000Z': event.exceptions['20260804T080000Z']! },
    }));
    assert.deepEqual(patched.match(/RECURRENCE-ID.*/g), ['RECURRENCE-ID:20260804T080000Z']);
    assert.match(patched, /SUMMARY:First/);
  });

  test('a new override has the attendees of its series with their parameters, except for SCHEDULE-STATUS', () => {
    const attendees = [
      'ORGANIZER;SCHEDULE-AGENT=CLIENT:mailto:a@example.org',
      'ATTENDEE;RSVP=TRUE;SCHEDULE-AGENT=CLIENT;SCHEDULE-STATUS=1.2;X-SEAT=4:mailto:b@example.org',
      'ATTENDEE:mailto:c@example.org',
    ];
    const text = calendar(
      ...vevent('DTSTART:20260105T090000Z', 'DTEND:20260105T100000Z', 'RRULE:FREQ=DAILY;COUNT=3', ...attendees),
    );
    const patched = (change: (content: CalendarEvent) => CalendarEvent) =>
      patch(text, (event) => {
        const { uid: _uid, recurrence: _recurrence, exceptions: _exceptions, ...content } = change(event);
        return {
          ...event,
          exceptions: {
            '20260106T090000Z': {
              ...content,
              title: 'One',
              when: timed('2026-01-06T11:00:00', '2026-01-06T12:00:00', 'UTC'),
            },
          },
        };
      })
        .text.replaceAll('\r\n ', '')
        .split('RECURRENCE-ID')[1]!
        .split('\r\n')
        .filter((line) => /^(ATTENDEE|ORGANIZER)/.test(line));
    assert.deepEqual(
      patched((event) => event),
      attendees.map((line) => line.replace(';SCHEDULE-STATUS=1.2', '')),
    );
    assert.deepEqual(
      patched((event) => ({ ...event, organizer: null, attendees: event.attendees.slice(0, 1) })),
      ['ATTENDEE;RSVP=TRUE;SCHEDULE-AGENT=CLIENT;X-SEAT=4:mailto:b@example.org'],
    );
  });

  test('a new zone adds a VTIMEZONE, an existing VTIMEZONE is used', () => {
    const text = calendar(...vevent('DTSTART:20260105T090000Z', 'DTEND:20260105T100000Z'));
    const once = patch(text, at('2026-01-05T09:00:00', '2026-01-05T10:00:00', 'Asia/Tokyo'));
    assert.ok(once.added.includes('TZID:Asia/Tokyo') && once.added.includes('DTSTART;TZID=Asia/Tokyo:20260105T090000'));
    assert.equal(
      patch(once.text, at('2026-01-06T09:00:00', '2026-01-06T10:00:00', 'Asia/Tokyo')).text.match(/BEGIN:VTIMEZONE/g)!
        .length,
      1,
    );
    const own = once.text
      .replaceAll('Asia/Tokyo', 'Tokyo Standard Time')
      .replace('DTEND;TZID=Tokyo Standard Time:20260105T100000', 'DTEND:20260105T010000Z');
    assert.deepEqual(without(patch(own, at('2026-01-05T09:00:00', '2026-01-05T11:00:00', 'Asia/Tokyo')).added), [
      'DTEND;TZID=Tokyo Standard Time:20260105T110000',
    ]);
  });

  test('excluding and including an occurrence keeps the other values of the line', () => {
    const text = calendar(...vevent(...MASTER, 'EXDATE;TZID=Europe/Berlin:20260106T090000,20260107T090000'));
    const excluded = patch(text, (event) => ({
      ...event,
      exceptions: { ...event.exceptions, '20260108T080000Z': EXCLUDED },
    }));
    assert.deepEqual(excluded, {
      removed: [],
      added: ['EXDATE;TZID=Europe/Berlin:20260108T090000', ...STAMPS],
      text: excluded.text,
    });
    const included = patch(text, (event) => ({ ...event, exceptions: { '20260107T080000Z': EXCLUDED } }));
    assert.deepEqual(included.added, ['EXDATE;TZID=Europe/Berlin:20260107T090000', ...STAMPS]);
  });

  test('an override is added, changed with its own properties kept, and removed', () => {
    const text = calendar(...vevent(...MASTER));
    const created = patch(text, (event) => {
      const { uid: _uid, recurrence: _recurrence, exceptions: _exceptions, ...content } = event;
      return {
        ...event,
        exceptions: {
          '20260107T080000Z': { ...content, title: 'moved', when: timed('2026-01-07T11:00:00', '2026-01-07T12:00:00') },
        },
      };
    });
    assert.ok(created.added.includes('RECURRENCE-ID;TZID=Europe/Berlin:20260107T090000'));
    const own = created.text.replace('SUMMARY:moved', 'X-OWN:1\r\nSUMMARY:moved');
    const changed = patch(own, (event) => ({
      ...event,
      exceptions: { '20260107T080000Z': { ...(event.exceptions['20260107T080000Z'] as Content), title: 'again' } },
    }));
    assert.deepEqual(changed, { removed: ['SUMMARY:moved'], added: ['SUMMARY:again'], text: changed.text });
    const excluded = patch(own, (event) => ({ ...event, exceptions: { '20260107T080000Z': EXCLUDED } }));
    assert.ok(
      !excluded.text.includes('RECURRENCE-ID') && excluded.text.includes('EXDATE;TZID=Europe/Berlin:20260107T090000'),
    );
  });

  test('overrides move with their series', () => {
    const text = calendar(
      ...vevent(...MASTER),
      ...vevent(
        'RECURRENCE-ID;TZID=Europe/Berlin:20260107T090000',
        'DTSTART;TZID=Europe/Berlin:20260107T120000',
        'X-OWN:1',
      ),
    );
    const moved = patch(text, (event) => ({
      ...event,
      when: timed('2026-01-05T10:00:00', '2026-01-05T11:00:00'),
      exceptions: { '20260107T090000Z': event.exceptions['20260107T080000Z']! },
    }));
    assert.ok(
      moved.text.includes('X-OWN:1') && moved.text.includes('RECURRENCE-ID;TZID=Europe/Berlin:20260107T100000'),
    );
  });

  test('a cancelled override that stays excluded does not change, nor does an equivalent rule', () => {
    const text = calendar(
      ...vevent(...MASTER),
      ...vevent('RECURRENCE-ID:20260107T080000Z', 'DTSTART:20260107T120000', 'STATUS:CANCELLED'),
    );
    assert.deepEqual(
      patch(text, (event) => ({ ...event, title: 'x' })),
      {
        removed: ['SUMMARY:daily'],
        added: ['SUMMARY:x', ...STAMPS],
        text: patch(text, (event) => ({ ...event, title: 'x' })).text,
      },
    );
  });

  test('only the attendee that changed is written, and keeps other parameters', () => {
    const other = 'ATTENDEE;X-A="1;2";SCHEDULE-STATUS=1.1:MAILTO:B@example.com';
    const text = calendar(
      ...vevent('DTSTART:20260105', 'ATTENDEE;PARTSTAT=NEEDS-ACTION;X-B=^n;CN=A:mailto:a@example.com', other),
    );
    const changed = patch(text, (event) => ({
      ...event,
      attendees: event.attendees.map((attendee) =>
        attendee.name === 'A' ? { ...attendee, participation: 'accepted' } : attendee,
      ),
    }));
    assert.deepEqual(without(changed.added), ['ATTENDEE;PARTSTAT=ACCEPTED;X-B=^n;CN=A:mailto:a@example.com']);
    assert.deepEqual(changed.removed.length, 1);
    assert.deepEqual(patch(text, (event) => ({ ...event, attendees: [event.attendees[0]!] })).removed, [other]);
  });

  test('new attendees of an event with SCHEDULE-AGENT=NONE get it, too', () => {
    const attendee = {
      address: 'a@example.com',
      name: '',
      participation: 'accepted',
      role: 'required',
      kind: 'individual',
    } as const;
    const event: CalendarEvent = { ...read('DTSTART:20260105'), attendees: [attendee] };
    const text = createObject(event, 'u', { now: SETTING.now, scheduleAgentNone: true });
    const more = patch(text, (now) => ({ ...now, attendees: [attendee, { ...attendee, address: 'b@example.com' }] }));
    assert.deepEqual(without(more.added), ['ATTENDEE;SCHEDULE-AGENT=NONE;PARTSTAT=ACCEPTED:mailto:b@example.com']);
  });

  test('emptying a text removes all its lines', () => {
    const text = calendar(
      ...vevent(
        'DTSTART:20260105',
        'DESCRIPTION:a',
        'DESCRIPTION;LANGUAGE=de:b',
        'ORGANIZER:mailto:a@example.com',
        'ORGANIZER:mailto:b@example.com',
      ),
    );
    assert.equal(patch(text, (event) => ({ ...event, description: '', organizer: null })).removed.length, 4);
  });

  test('FA18: written objects have CRLF, whatever line ends they came with', () => {
    const sent = calendar(
      ...vevent('DTSTART;VALUE=DATE:20260105', 'RRULE:FREQ=DAILY', 'SUMMARY:x', `DESCRIPTION:${'y'.repeat(200)}`),
      ...vevent('DTSTART;VALUE=DATE:20260105', 'SUMMARY:other').map((line) => line.replace('UID:u', 'UID:other')),
    );
    for (const lineEnd of ['\n', '\r\n', '\r']) {
      for (const text of [sent.replaceAll('\r\n', lineEnd), sent.replaceAll('\r\n', lineEnd).trimEnd()]) {
        const event = entries(text).find(({ uid }) => uid === 'u')!.event!;
        const { uid: _uid, recurrence: _rule, exceptions: _none, ...content } = event;
        const moved = { ...content, title: 'z'.repeat(200) };
        for (const written of [
          patchObject(text, 'u', { ...event, title: 'y'.repeat(200) }, SETTING),
          patchObject(text, 'u', { ...event, exceptions: { '20260106': moved } }, SETTING),
          removePart(text, 'u')!,
          // Of an undone deletion, where no field differs.
          restoreObject(removePart(sent, 'other')!.replaceAll('\r\n', lineEnd), event, SETTING)!,
        ])
          assert.doesNotMatch(written.replaceAll('\r\n', ''), /[\r\n]/);
      }
    }
    const same = sent.replaceAll('\r\n', '\n');
    const event = entries(same).find(({ uid }) => uid === 'u')!.event!;
    assert.equal(patchObject(same, 'u', event, SETTING), same, 'nothing is written for the line ends alone');
  });

  test('FA18: what is around an object, and blank lines, are not written back', () => {
    const sent = calendar(...vevent('DTSTART;VALUE=DATE:20260105', 'SUMMARY:x', `DESCRIPTION:${'y'.repeat(40)}`));
    const AROUND: Readonly<Record<string, string>> = {
      'an indented element': `\n          ${sent}          `,
      'a byte order mark': `\uFEFF\n${sent}\n`,
      'blank lines between': sent.replaceAll('\r\n', '\r\n\r\n'),
      'a CR too many': sent.replaceAll('\r\n', '\r\r\n'),
      'LF twice': `\n\n${sent.replaceAll('\r\n', '\n\n')}\n \n`,
    };
    for (const [what, text] of Object.entries(AROUND)) {
      const event = entries(text)[0]!.event!;
      assert.equal(event.description, 'y'.repeat(40), what);
      const when = timed('2026-01-06T09:00:00', '2026-01-06T10:00:00', 'Europe/Berlin');
      const written = patchObject(text, null, { ...event, title: 'z', when }, SETTING);
      assert.deepEqual(newViolations(written, sent), [], what);
      const parsed = new ICAL.Component(ICAL.parse(written) as unknown[]);
      assert.equal(parsed.name, 'vcalendar', what);
      assert.equal(parsed.getFirstSubcomponent('vevent')?.getFirstPropertyValue('summary'), 'z', what);
    }
  });
});
