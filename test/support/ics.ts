/** Objects as calendar clients write them. */

/**
 * One object. `event` has the lines of its VEVENT after UID and DTSTAMP; `more` has further VEVENTs with the same UID.
 */
export function object(uid: string, event: readonly string[], more: readonly (readonly string[])[] = []): string {
  const vevent = (lines: readonly string[]): string[] => [
    'BEGIN:VEVENT',
    `UID:${uid}`,
    'DTSTAMP:20261101T100000Z',
    ...lines,
    'END:VEVENT',
  ];
  return [
    'BEGIN:VCALENDAR',
    'VERSION:2.0',
    'PRODID:-//Example//Calendar Client 3.1//EN',
    ...BERLIN,
    ...vevent(event),
    ...more.flatMap(vevent),
    'END:VCALENDAR',
    '',
  ].join('\r\n');
}

/** Properties of an event that a sync does not copy. */
export const BAGGAGE = [
  'CREATED:20261030T080000Z',
  'SEQUENCE:2',
  'PRIORITY:5',
  'CATEGORIES:Work,Private',
  'X-THEIR-THING;X-P=a b:kept',
  'URL:https://files.example.org/page',
  'ATTACH;FMTTYPE=application/pdf:https://files.example.org/a.pdf',
  'GEO:52.5;13.4',
  'BEGIN:VALARM',
  'ACTION:DISPLAY',
  'DESCRIPTION:Reminder',
  'TRIGGER:-PT15M',
  'X-ALARM-THING:kept',
  'END:VALARM',
];

/** One hour in Berlin that begins at the given local time (`20270113T090000`), or one day (`20270113`). */
export function at(start: string): string[] {
  if (start.length === 8) return [`DTSTART;VALUE=DATE:${start}`, `DTEND;VALUE=DATE:${nextDay(start)}`];
  const hour = String(Number(start.slice(9, 11)) + 1).padStart(2, '0');
  return [
    `DTSTART;TZID=Europe/Berlin:${start}`,
    `DTEND;TZID=Europe/Berlin:${start.slice(0, 9)}${hour}${start.slice(11)}`,
  ];
}

function nextDay(date: string): string {
  const day = new Date(`${date.slice(0, 4)}-${date.slice(4, 6)}-${date.slice(6)}T00:00:00Z`);
  return new Date(day.getTime() + 86_400_000).toISOString().slice(0, 10).replaceAll('-', '');
}

const BERLIN = [
  'BEGIN:VTIMEZONE',
  'TZID:Europe/Berlin',
  'BEGIN:DAYLIGHT',
  'TZOFFSETFROM:+0100',
  'TZOFFSETTO:+0200',
  'TZNAME:CEST',
  'DTSTART:19700329T020000',
  'RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU',
  'END:DAYLIGHT',
  'BEGIN:STANDARD',
  'TZOFFSETFROM:+0200',
  'TZOFFSETTO:+0100',
  'TZNAME:CET',
  'DTSTART:19701025T030000',
  'RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU',
  'END:STANDARD',
  'END:VTIMEZONE',
];
