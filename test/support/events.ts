/** Events for tests. */
import { type CalendarEvent, DEFAULT_CONTENT, EXCLUDED } from '../../core/event.ts';

/** An ordinary event; every call creates one with its own UID. */
export function event(title: string, more: Partial<CalendarEvent> = {}): CalendarEvent {
  count += 1;
  return {
    ...DEFAULT_CONTENT,
    uid: `event-${count}-of-${process.pid}@example.org`,
    title,
    when: {
      allDay: false,
      start: '2027-01-05T09:00:00',
      startZone: 'Europe/Berlin',
      end: '2027-01-05T10:30:00',
      endZone: 'Europe/Berlin',
    },
    recurrence: null,
    exceptions: {},
    ...more,
  };
}
let count = 0;

/** One of each kind that every service supports; the last is a series with one occurrence moved and one excluded. */
export function samples(): CalendarEvent[] {
  const series = event('Weekly', {
    when: {
      allDay: false,
      start: '2027-01-06T09:00:00',
      startZone: 'Europe/Berlin',
      end: '2027-01-06T10:00:00',
      endZone: 'Europe/Berlin',
    },
    recurrence: { rules: ['RRULE:FREQ=WEEKLY;COUNT=20'], dates: [] },
  });
  const { uid: _uid, recurrence: _recurrence, exceptions: _exceptions, ...content } = series;
  const moved = {
    ...content,
    title: 'Weekly, moved',
    when: {
      allDay: false,
      start: '2027-01-13T15:00:00',
      startZone: 'Europe/Berlin',
      end: '2027-01-13T16:00:00',
      endZone: 'Europe/Berlin',
    } as const,
  };
  return [
    event('Grüße; "quoted", back\\slash — 日本語 🎉', {
      location: 'Straße 1, 10115 Berlin',
      description: 'First line\nsecond; line, with: all\n\nand an end',
    }),
    event('Two days', {
      when: { allDay: true, start: '2027-03-27', end: '2027-03-29' },
      transparency: 'transparent',
      visibility: 'private',
    }),
    event('Two zones', {
      when: {
        allDay: false,
        start: '2027-03-28T00:30:00',
        startZone: 'Europe/London',
        end: '2027-03-28T10:00:00',
        endZone: 'Asia/Tokyo',
      },
      status: 'tentative',
    }),
    { ...series, exceptions: { '20270113T080000Z': moved, '20270203T080000Z': EXCLUDED } },
  ];
}
