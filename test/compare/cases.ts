/**
 * What people fear of a program that syncs calendars, each tried once between two Radicale servers: many events
 * deleted, one series edited on both sides, an event with guests, and a kill in the middle.
 */

import { until } from '../support/calpair.ts';
import { type DavPerson, unfolded } from '../support/dav-person.ts';
import { at, object } from '../support/ics.ts';
import type { Running } from './tools.ts';

export interface Case {
  readonly name: string;
  /** @returns what happened, for a cell of the table */
  readonly run: (a: DavPerson, b: DavPerson, tool: Running) => Promise<string>;
}

const MANY = 20;
const FOR_THE_KILL = 300;

function single(number: number): string {
  const day = String(1 + (number % 28)).padStart(2, '0');
  return object(`event-${number}`, [...at(`202703${day}T090000`), `SUMMARY:Event ${number}`]);
}

async function fill(person: DavPerson, count: number): Promise<void> {
  for (let number = 0; number < count; number += 1) await person.put(`event-${number}.ics`, single(number));
}

const linesOf = async (person: DavPerson): Promise<string[]> => [...(await person.all()).values()].flatMap(unfolded);
const titlesOf = async (person: DavPerson): Promise<string[]> =>
  (await linesOf(person)).filter((line) => line.startsWith('SUMMARY:')).map((line) => line.slice('SUMMARY:'.length));

async function massDeletion(a: DavPerson, b: DavPerson, tool: Running): Promise<string> {
  await fill(a, MANY);
  await tool.sync();
  const copied = (await b.list()).size;
  for (const name of [...(await a.list()).keys()].slice(1)) await a.remove(name);
  const said = await tool.sync();
  return `${(await b.list()).size} of ${copied} left on the other side${said ? `: ${said}` : ''}`;
}

/** Another occurrence of one series is renamed on each side between two syncs. */
async function editedOccurrence(a: DavPerson, b: DavPerson, tool: Running): Promise<string> {
  const start = ['DTSTART:20270301T090000Z', 'DTEND:20270301T100000Z', 'RRULE:FREQ=WEEKLY;COUNT=6', 'SUMMARY:Series'];
  await a.put('series.ics', object('series', start));
  await tool.sync();
  const rename = (day: string, title: string) => (text: string) =>
    text.replace(
      /END:VEVENT\r?\n(?=END:VCALENDAR)/,
      [
        'END:VEVENT',
        'BEGIN:VEVENT',
        'UID:series',
        'DTSTAMP:20270102T000000Z',
        'SEQUENCE:1',
        `RECURRENCE-ID:${day}T090000Z`,
        `DTSTART:${day}T090000Z`,
        `DTEND:${day}T100000Z`,
        `SUMMARY:${title}`,
        'END:VEVENT',
        '',
      ].join('\r\n'),
    );
  await a.edit(await a.nameOf('UID:series'), rename('20270308', 'edited on A'));
  await b.edit(await b.nameOf('UID:series'), rename('20270315', 'edited on B'));
  const said = (await tool.sync()) || (await tool.sync());
  const both = await Promise.all([a, b].map(titlesOf));
  const has = both.map((titles) => ['edited on A', 'edited on B'].filter((title) => titles.includes(title)).length);
  if (has.every((count) => count === 2)) return 'both edits are on both sides';
  const lost = ['edited on A', 'edited on B'].some((title) => both.every((titles) => !titles.includes(title)));
  return `${lost ? 'one edit is lost' : 'each side keeps its own'}${said ? `: ${said}` : ''}`;
}

/** RFC 6638 section 7.1: without SCHEDULE-AGENT a server that schedules sends the invitation itself. */
async function guests(a: DavPerson, b: DavPerson, tool: Running): Promise<string> {
  const people = ['ORGANIZER:mailto:alice@example.com', 'ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:bob@example.com'];
  const times = ['DTSTART:20270301T090000Z', 'DTEND:20270301T100000Z', 'SUMMARY:Meeting'];
  await a.put('meeting.ics', object('meeting', [...times, ...people]));
  await tool.sync();
  const lines = await linesOf(b);
  const attendees = lines.filter((line) => line.startsWith('ATTENDEE'));
  if (!lines.includes('SUMMARY:Meeting')) return 'the event is not copied';
  if (attendees.length === 0) return 'guests are left out';
  return attendees.every((line) => /;SCHEDULE-AGENT=(NONE|CLIENT)/.test(line))
    ? 'the copy asks its server not to invite the guests'
    : 'the server is free to invite the guests again';
}

async function kill(a: DavPerson, b: DavPerson, tool: Running): Promise<string> {
  await fill(a, FOR_THE_KILL);
  const began = tool.begin();
  const written = await until(
    'events on the other side',
    async () => {
      const { size } = await b.list();
      return size >= 40 ? size : false;
    },
    180_000,
  );
  await began.kill();
  const said = (await tool.sync()) || (await tool.sync());
  const [onA, onB] = await Promise.all([titlesOf(a), titlesOf(b)]);
  const missing = onA.filter((title) => !onB.includes(title)).length;
  const twice = onB.length - new Set(onB).size;
  const after = `after a kill at ${written} of ${FOR_THE_KILL}`;
  return `${missing} missing, ${twice} twice ${after}${said ? `: ${said}` : ''}`;
}

export const CASES: readonly Case[] = [
  { name: `${MANY - 1} of ${MANY} events are deleted on one side`, run: massDeletion },
  { name: 'another occurrence of a series is edited on each side', run: editedOccurrence },
  { name: 'an event has a guest', run: guests },
  { name: 'killed (SIGKILL) in the middle of the first sync', run: kill },
];
