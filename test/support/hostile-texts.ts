/** A grammar of long inputs: each shape makes a text of n units. Nothing in it is about a known fault. */

export interface Shape {
  readonly name: string;
  readonly make: (n: number) => string;
}

const UNITS = [
  'a',
  '@',
  '/',
  ';',
  ':',
  ',',
  '"',
  '\\',
  '<',
  '>',
  '&',
  '^',
  ' ',
  '\t',
  '=',
  '%',
  '.',
  '-',
  '+',
  'T',
  'Z',
  '0',
  '1',
  '#',
  '\u00e9',
  '\u{1f600}',
  '\r',
  '\n',
  '\r\n ',
  '\n ',
  '\\n',
  '\\,',
  '&amp;',
  '&#8;',
  '<a ',
  '<a>',
  '</a>',
  '<b ',
  '<!--',
  '<![CDATA[',
  '<p>',
  '<p>x',
  '<li>x</li>',
  '<style>',
  '<a href="',
  '<a href=x>y</a>',
  '%2',
  '%40',
  '//',
  '../',
  'mailto:',
  'A=B;',
  ';A=B',
  ';TZID=X',
  ';A="',
  ',"x"',
  '1,',
  '20260105T080000Z,',
  '20260105,',
  '20260105T080000/PT1H,',
  'MO,',
  'PT1H',
  'P1D',
  '[calpair ',
  '\u2014 People \u2014\n',
  '(x): ',
] as const;

const PROPERTIES = [
  'ATTENDEE',
  'ORGANIZER',
  'UID',
  'SUMMARY',
  'DESCRIPTION',
  'LOCATION',
  'DTSTART',
  'DTEND',
  'DURATION',
  'RDATE',
  'EXDATE',
  'RRULE',
  'EXRULE',
  'RECURRENCE-ID',
  'STATUS',
  'SEQUENCE',
  'DTSTAMP',
  'LAST-MODIFIED',
  'GEO',
  'CATEGORIES',
  'ATTACH',
  'TRIGGER',
  'TZID',
  'TZOFFSETTO',
  'FREEBUSY',
  'X-ALT-DESC',
  'BEGIN',
  'END',
  'XX',
] as const;

/** Where n units may stand in a content line. */
const LINES: Readonly<Record<string, (name: string, unit: string, n: number) => string>> = {
  value: (name, unit, n) => `${name}:${unit.repeat(n)}\r\n`,
  'value with an end': (name, unit, n) => `${name}:x${unit.repeat(n)}/\r\n`,
  'value of a date': (name, unit, n) => `${name};VALUE=DATE:20260105${unit.repeat(n)}\r\n`,
  'no colon': (name, unit, n) => `${name};${unit.repeat(n)}\r\n`,
  'parameter value': (name, unit, n) => `${name};CN=${unit.repeat(n)}:mailto:a@b.c\r\n`,
  'quoted parameter value': (name, unit, n) => `${name};CN="${unit.repeat(n)}":20260105T080000Z\r\n`,
  parameters: (name, unit, n) => `${name}${`;A=${unit}`.repeat(n)}:20260105T080000Z,20260106T080000Z\r\n`,
  'name of a line': (name, unit, n) => `${name}${unit.repeat(n)}:x\r\n`,
  lines: (name, unit, n) => `${name}:${unit}\r\n`.repeat(n),
  'lines with a parameter': (name, unit, n) => `${name};TZID=Europe/Berlin;X=${unit}:20260105T080000\r\n`.repeat(n),
  folds: (name, unit, n) => `${name}:${`${unit}\r\n `.repeat(n)}\r\n`,
};

const START = ['DTSTART;TZID=Europe/Berlin:20260105T080000', 'DTEND;TZID=Europe/Berlin:20260105T090000'];
const HEAD = ['UID:u', 'DTSTAMP:20260101T000000Z', ...START, 'SUMMARY:s'];

function calendar(...parts: string[]): string {
  return ['BEGIN:VCALENDAR', 'VERSION:2.0', 'PRODID:x', ...parts, 'END:VCALENDAR', ''].join('\r\n');
}

/** Objects in which one line, of any property at any place, is long. */
export function longLines(): Shape[] {
  const shapes: Shape[] = [];
  for (const name of PROPERTIES) {
    for (const [where, line] of Object.entries(LINES)) {
      for (const unit of UNITS) {
        const inside = (n: number): string => line(name, unit, n).trimEnd();
        shapes.push(
          {
            name: `${name}, ${where}, ${JSON.stringify(unit)}, event`,
            make: (n) => calendar('BEGIN:VEVENT', inside(n), ...HEAD, 'RRULE:FREQ=DAILY', 'END:VEVENT'),
          },
          {
            name: `${name}, ${where}, ${JSON.stringify(unit)}, last line`,
            make: (n) => calendar('BEGIN:VEVENT', ...HEAD, 'RRULE:FREQ=DAILY', inside(n), 'END:VEVENT'),
          },
          {
            name: `${name}, ${where}, ${JSON.stringify(unit)}, zone`,
            make: (n) =>
              calendar(
                'BEGIN:VTIMEZONE',
                'TZID:Custom',
                'BEGIN:STANDARD',
                'DTSTART:19700101T000000',
                'TZOFFSETFROM:+0137',
                'TZOFFSETTO:+0137',
                inside(n),
                'END:STANDARD',
                'END:VTIMEZONE',
                'BEGIN:VEVENT',
                ...HEAD.map((one) => one.replace('Europe/Berlin', 'Custom')),
                'END:VEVENT',
              ),
          },
          {
            name: `${name}, ${where}, ${JSON.stringify(unit)}, reply`,
            make: (n) => calendar('BEGIN:VFREEBUSY', inside(n), 'END:VFREEBUSY'),
          },
        );
      }
    }
  }
  return shapes;
}

const dayOf = (index: number): string =>
  `${new Date(Date.UTC(2026, 0, 5, 8) + index * 86_400_000).toISOString().slice(0, 10).replaceAll('-', '')}T080000`;
const list = (n: number, part: (index: number) => string | number): string =>
  Array.from({ length: n }, (_, index) => part(index)).join(',');
const zone = (tzid: string): string =>
  [
    'BEGIN:VTIMEZONE',
    `TZID:${tzid}`,
    'BEGIN:STANDARD',
    'DTSTART:19700101T000000',
    'TZOFFSETFROM:+0137',
    'TZOFFSETTO:+0137',
    'END:STANDARD',
    'END:VTIMEZONE',
  ].join('\r\n');
const repeat = (n: number, part: (index: number) => string): string =>
  Array.from({ length: n }, (_, i) => part(i)).join('\r\n');
const event = (...lines: string[]): string => ['BEGIN:VEVENT', ...HEAD, ...lines, 'END:VEVENT'].join('\r\n');

/** Objects of many components, and of many different values. */
export const MANY_PARTS: readonly Shape[] = [
  { name: 'events of one UID', make: (n) => calendar(repeat(n, () => event())) },
  { name: 'events of many UIDs', make: (n) => calendar(repeat(n, (i) => event().replace('UID:u', `UID:${i}`))) },
  {
    name: 'UIDs that look like numbered ones',
    make: (n) => calendar(repeat(n, (i) => event().replace('UID:u', i % 2 ? 'UID:u' : `UID:u#${i}`))),
  },
  ...[
    'RRULE:FREQ=DAILY',
    'RRULE:FREQ=DAILY;COUNT=100000',
    'RRULE:FREQ=SECONDLY',
    'RRULE:FREQ=MONTHLY;BYDAY=5MO',
    'RDATE:20260106T080000Z',
  ].flatMap((rule): Shape[] => [
    {
      name: `overrides of ${rule}`,
      make: (n) =>
        calendar(
          event(rule),
          repeat(n, (i) => event(`RECURRENCE-ID;TZID=Europe/Berlin:${dayOf(i)}`)),
        ),
    },
    {
      name: `far overrides of ${rule}`,
      make: (n) =>
        calendar(
          event(rule),
          repeat(n, (i) => event(`RECURRENCE-ID;TZID=Europe/Berlin:${dayOf(i * 7 + 20_000)}`)),
        ),
    },
    {
      name: `overrides with rules of ${rule}`,
      make: (n) =>
        calendar(
          event(rule),
          repeat(n, (i) => event(`RECURRENCE-ID;TZID=Europe/Berlin:${dayOf(i)}`, rule)),
        ),
    },
    {
      name: `overrides in UTC of ${rule}`,
      make: (n) =>
        calendar(
          event(rule),
          repeat(n, (i) => event(`RECURRENCE-ID:${dayOf(i)}Z`)),
        ),
    },
    {
      name: `one occurrence overridden often, ${rule}`,
      make: (n) =>
        calendar(
          event(rule),
          repeat(n, (i) => event(`RECURRENCE-ID;TZID=Europe/Berlin:${dayOf(3)}`, `SEQUENCE:${i}`)),
        ),
    },
    {
      name: `future overrides of ${rule}`,
      make: (n) =>
        calendar(
          event(rule),
          repeat(n, (i) => event(`RECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Europe/Berlin:${dayOf(i)}`)),
        ),
    },
    {
      name: `EXDATE lines of ${rule}`,
      make: (n) =>
        calendar(
          event(
            rule,
            repeat(n, (i) => `EXDATE;TZID=Europe/Berlin:${dayOf(i)}`),
          ),
        ),
    },
    {
      name: `EXDATE values of ${rule}`,
      make: (n) =>
        calendar(event(rule, `EXDATE;TZID=Europe/Berlin:${Array.from({ length: n }, (_, i) => dayOf(i)).join(',')}`)),
    },
    {
      name: `RDATE values of ${rule}`,
      make: (n) =>
        calendar(event(rule, `RDATE;TZID=Europe/Berlin:${Array.from({ length: n }, (_, i) => dayOf(i)).join(',')}`)),
    },
    {
      name: `RDATE periods of ${rule}`,
      make: (n) =>
        calendar(event(rule, `RDATE;TZID=Europe/Berlin;VALUE=PERIOD:${list(n, (i) => `${dayOf(i)}/PT${i}M`)}`)),
    },
    {
      name: `${rule} repeated`,
      make: (n) => calendar(event(repeat(n, (i) => `${rule}${rule.startsWith('RR') ? `;INTERVAL=${i + 1}` : ''}`))),
    },
  ]),
  {
    name: 'BY values',
    make: (n) =>
      calendar(event(`RRULE:FREQ=YEARLY;BYYEARDAY=${list(n, (i) => (i % 366) + 1)};BYHOUR=${list(n, (i) => i % 24)}`)),
  },
  { name: 'dense rule', make: (n) => calendar(event(`RRULE:FREQ=SECONDLY;BYSECOND=${'1,'.repeat(n)}1;BYSETPOS=-1`)) },
  { name: 'attendees', make: (n) => calendar(event(repeat(n, (i) => `ATTENDEE;CN=N ${i}:mailto:p${i}@example.org`))) },
  {
    name: 'attendees of one address',
    make: (n) => calendar(event(repeat(n, (i) => `ATTENDEE;CN=N ${i}:mailto:p@example.org`))),
  },
  { name: 'nested components', make: (n) => calendar('BEGIN:X\r\n'.repeat(n) + 'END:X\r\n'.repeat(n), event()) },
  { name: 'components that do not end', make: (n) => calendar('BEGIN:VALARM\r\n'.repeat(n), event()) },
  { name: 'events that do not end', make: (n) => calendar('BEGIN:VEVENT\r\nUID:x\r\n'.repeat(n), event()) },
  { name: 'ends without a begin', make: (n) => calendar('END:VALARM\r\n'.repeat(n), event()) },
  { name: 'calendars', make: (n) => calendar(event()).repeat(n) },
  { name: 'calendars that do not end', make: (n) => 'BEGIN:VCALENDAR\r\n'.repeat(n) + event() },
  {
    name: 'alarms',
    make: (n) => calendar(event(repeat(n, () => 'BEGIN:VALARM\r\nACTION:DISPLAY\r\nTRIGGER:-PT5M\r\nEND:VALARM'))),
  },
  {
    name: 'time zones',
    make: (n) =>
      calendar(
        repeat(n, (i) => zone(`Z${i}`)),
        event(
          repeat(n, (i) => `EXDATE;TZID=Z${i}:20260106T080000`),
          'RRULE:FREQ=DAILY',
        ),
      ),
  },
  {
    name: 'time zones used by an event each',
    make: (n) =>
      calendar(
        repeat(n, (i) => zone(`Z${i}`)),
        repeat(n, (i) => event().replace('UID:u', `UID:${i}`).replaceAll('Europe/Berlin', `Z${i}`)),
      ),
  },
  {
    name: 'unknown time zones',
    make: (n) =>
      calendar(
        event(
          repeat(n, (i) => `EXDATE;TZID=Unknown ${i}:20260106T080000`),
          'RRULE:FREQ=DAILY',
        ),
      ),
  },
  ...[
    '',
    'RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU',
    'RRULE:FREQ=DAILY',
    'RRULE:FREQ=SECONDLY',
    'RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30',
  ].map(
    (rule): Shape => ({
      name: `observances ${rule}`,
      make: (n) =>
        calendar(
          'BEGIN:VTIMEZONE',
          'TZID:Custom',
          repeat(
            n,
            (i) =>
              `BEGIN:STANDARD\r\nDTSTART:${dayOf(i)}\r\nTZOFFSETFROM:+0137\r\nTZOFFSETTO:+0${100 + (i % 50)}\r\n` +
              `${rule ? `${rule}\r\n` : ''}END:STANDARD`,
          ),
          'END:VTIMEZONE',
          event('RRULE:FREQ=DAILY').replaceAll('Europe/Berlin', 'Custom'),
        ),
    }),
  ),
  {
    name: 'onsets of an observance',
    make: (n) =>
      calendar(
        'BEGIN:VTIMEZONE',
        'TZID:Custom',
        'BEGIN:STANDARD',
        'DTSTART:20260101T000000',
        'TZOFFSETFROM:+0137',
        'TZOFFSETTO:+0138',
        repeat(n, (i) => `RDATE:${dayOf(i)}`),
        'END:STANDARD',
        'END:VTIMEZONE',
        event('RRULE:FREQ=DAILY').replaceAll('Europe/Berlin', 'Custom'),
      ),
  },
  {
    name: 'other components',
    make: (n) =>
      calendar(
        repeat(n, () => 'BEGIN:VTODO\r\nUID:t\r\nEND:VTODO'),
        event(),
      ),
  },
];

/** A text that repeats one unit. */
export const REPEATED: readonly Shape[] = UNITS.flatMap((unit) => [
  { name: JSON.stringify(unit), make: (n: number) => unit.repeat(n) },
  { name: `${JSON.stringify(unit)} and an end`, make: (n: number) => `${unit.repeat(n)}>/` },
]);

/** Stored events of Google and of Graph, as JSON: both read the other's fields as absent. */
export function cloudTexts(): Shape[] {
  const times = { dateTime: '2026-01-05T08:00:00Z', timeZone: 'Europe/Berlin' };
  const series = (fields: object, exceptions: object = {}, cancelled: readonly string[] = []): string => {
    const recurrence = { pattern: { type: 'daily', interval: 1 }, range: { type: 'noEnd', startDate: '2026-01-05' } };
    const master = { id: 'x', start: times, end: times, recurrence, type: 'seriesMaster', ...fields };
    return JSON.stringify({ master, exceptions, cancelled });
  };
  const exceptionsOf = (n: number, fields: (index: number) => object): object =>
    Object.fromEntries(
      Array.from({ length: n }, (_, index) => {
        const id = `x_${dayOf(index)}Z`;
        const original = `${dayOf(index).slice(0, 4)}-${dayOf(index).slice(4, 6)}-${dayOf(index).slice(6, 8)}`;
        const originalStartTime = { dateTime: `${original}T08:00:00Z` };
        return [
          id,
          { id, originalStartTime, originalStart: `${original}T08:00:00Z`, start: times, end: times, ...fields(index) },
        ];
      }),
    );
  const rule = ['RRULE:FREQ=DAILY'];
  const fields: Readonly<Record<string, (text: string) => object>> = {
    texts: (text) => ({ summary: text, subject: text, location: { displayName: text } }),
    description: (text) => ({ description: text, body: { contentType: 'html', content: text } }),
    'description of a series': (text) => ({ recurrence: rule, description: `<p>${text}` }),
    'a rule': (text) => ({ recurrence: [`RRULE:FREQ=DAILY;${text}`] }),
    'a line': (text) => ({ recurrence: [...rule, text] }),
    'excluded dates': (text) => ({ recurrence: [...rule, `EXDATE;TZID=${text}:${text}`] }),
    times: (text) => ({ start: { dateTime: text, timeZone: text }, originalStartTimeZone: text }),
    'private data': (text) => ({
      extendedProperties: { private: { 'calpair.people.0': text, 'calpair.uid': text } },
      singleValueExtendedProperties: [{ id: `String {${text}} Name calpair.people`, value: text }],
    }),
    ids: (text) => ({ iCalUID: text, iCalUId: text, etag: text, transactionId: text }),
    people: (text) => ({
      attendees: [{ email: text, displayName: text, emailAddress: { address: text, name: text } }],
      organizer: { email: text, emailAddress: { address: text } },
    }),
  };
  const shapes = Object.entries(fields).flatMap(([name, of]) =>
    UNITS.map(
      (unit): Shape => ({ name: `${name} of ${JSON.stringify(unit)}`, make: (n) => series(of(unit.repeat(n))) }),
    ),
  );
  const person = (index: number): object => ({ email: `p${index}@b.c`, emailAddress: { address: `p${index}@b.c` } });
  const block = (n: number): string => `${'\u2014 People \u2014\n'.repeat(n)}[calpair 0123456789abcdef]`;
  const properties = (text: string): object => ({
    id: 'String {8e898599-fdd8-4ebe-a4c1-c0d0be8c4ec5} Name calpair.people',
    value: text,
  });
  const many: Shape[] = [
    { name: 'people', make: (n) => series({ attendees: Array.from({ length: n }, (_, at) => person(at)) }) },
    { name: 'lines', make: (n) => series({ recurrence: Array.from({ length: n }, () => 'EXDATE:20260106T080000Z') }) },
    { name: 'dates', make: (n) => series({ recurrence: [...rule, `EXDATE:${'20260106T080000Z,'.repeat(n)}`] }) },
    {
      name: 'exceptions',
      make: (n) =>
        series(
          { recurrence: rule },
          exceptionsOf(n, () => ({})),
        ),
    },
    {
      name: 'exceptions of Graph',
      make: (n) =>
        series(
          {},
          exceptionsOf(n, (at) => ({ subject: `s${at}` })),
        ),
    },
    {
      name: 'cancelled exceptions of a long series',
      make: (n) =>
        series(
          { recurrence: ['RRULE:FREQ=DAILY;COUNT=100000'] },
          exceptionsOf(n, () => ({ status: 'cancelled' })),
        ),
    },
    {
      name: 'cancelled dates',
      make: (n) =>
        series(
          {},
          {},
          Array.from({ length: n }, (_, at) => `2026-01-${(at % 28) + 1}`),
        ),
    },
    {
      name: 'exceptions of an event with many hidden people',
      make: (n) =>
        series(
          {
            singleValueExtendedProperties: [
              properties(
                JSON.stringify({ o: null, a: Array.from({ length: 300 }, (_, at) => [`p${at}@b.c`, 'n', 0, 0, 0]) }),
              ),
            ],
          },
          exceptionsOf(n, (at) => ({ subject: `s${at}` })),
        ),
    },
    { name: 'headings of attendee texts', make: (n) => series({ description: block(n), body: { content: block(n) } }) },
  ];
  return [...shapes, ...many];
}
