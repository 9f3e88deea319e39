/** Free/busy of every calendar of the corpus, over two years and in four zones, compared with an independent engine. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { before, describe, it } from 'node:test';
import { busySpans, STEPS_PER_QUERY } from '../../core/availability/busy-time.ts';
import { mergeSpans } from '../../core/availability/interval.ts';
import { splitFeed } from '../../core/ical/feed.ts';
import { readBusySources } from '../../core/ical/free-busy.ts';
import { type ExpectedFreeBusy, expectedFreeBusy, type OracleCalendar } from '../support/free-busy-oracle.ts';

/** Zones whose offset changes by an hour or half an hour, in both hemispheres, and one that never changes. */
const ZONES = ['America/New_York', 'Europe/Berlin', 'Asia/Tokyo', 'Australia/Lord_Howe'];

/** Files where the two engines differ: which one is right, and why. */
const DIFFERENT: Readonly<Record<string, string>> = {
  'valid/icalnet__Categories1.ics':
    'its VTIMEZONE has the American rules from before 2007 under the name US-Eastern: we use the ' +
    'zone of that name, the oracle the old rules',
  'valid/icalnet__DailyInterval2.ics':
    'with DTEND all occurrences have the same duration (RFC 5545 3.8.5.3), 24 hours; the oracle uses ' +
    'the wall-clock time of the end',
  'valid/nodeical__test_with_int_tzid.ics': 'the oracle does not find the VTIMEZONE of the TZID " 1"',
  'valid/vobject__UntilRespectsTimezoneTest.ics':
    'UNTIL without a zone breaks RFC 5545; we read it in the zone of the start, the oracle in UTC',
  'broken/ical4j__friday13-NOT.ics': 'the oracle does not know EXRULE (RFC 2445)',
  'broken/ical4j__incoming.ics': 'contradictory messages about one meeting: it is open which of them counts',
  'broken/icalendar__event_with_recurrence.ics':
    'EXDATE in UTC for a floating start: the oracle reads everything as UTC',
  'broken/icsparser__ICal.ics': 'a TZID in the form that Outlook displays, which the oracle reads as floating time',
  'broken/libical__rfc2446.ics':
    'ends before starts, which the oracle swaps; and the old American rules in a VTIMEZONE',
  'broken/nodeical__badRRULE.ics':
    'an invalid rule: its start counts for us, the oracle ignores the parts that it does not know',
  'broken/pyrie__end_before_start_event.ics': 'an end before the start: no busy time for us, the oracle swaps them',
  'broken/pyrie__issue_132_swapped_start_and_end.ics': 'the same',
  'broken/pyrie__issue_75_range_parameter.ics':
    'UNTIL is a date in a timed series: the whole day for us, its midnight for the oracle',
};
/** Files that the oracle cannot read as a whole: it gets their objects one by one. */
const READ_IN_PARTS = [
  'valid/icalendar__rfc_7529.ics',
  'valid/icsparser__issue-340.ics',
  'valid/libical__calendar.ics',
  'broken/ical4j__twinkle_orig.ics',
  'broken/icalendar__issue_165_missing_event.ics',
  'broken/icsparser__ICal.ics',
  'broken/libical__crash.ics',
  'broken/libical__malloc.ics',
  'broken/libical__rfc2446.ics',
  'broken/nodeical__ms_timezones.ics',
  'broken/nodeical__test_date_duration.ics',
];

const CORPUS = new URL('../../../shared/corpus/ics/', import.meta.url);
const NOT_FOR_THE_ORACLE = 'valid/icalnet__Secondly1.ics';

describe('free/busy of the corpus', {
  skip: existsSync(CORPUS) ? false : 'the corpus is not beside the repository',
}, () => {
  const files = ['valid', 'broken'].flatMap((folder) =>
    readdirSync(new URL(folder, CORPUS))
      .sort()
      .map((name) => `${folder}/${name}`),
  );
  const texts = new Map(files.map((file) => [file, readFileSync(new URL(file, CORPUS), 'utf8')]));
  /** By file: what was compared, and how. */
  const cases: { file: string; calendar: OracleCalendar; expected: ExpectedFreeBusy }[] = [];
  const readInParts: string[] = [];

  before(async () => {
    const whole = files
      .filter((file) => file !== NOT_FOR_THE_ORACLE)
      .map((file) => ({ file, calendar: calendarOf(texts.get(file)!) }));
    const results = await expectedFreeBusy(whole.map(({ calendar }) => calendar));
    const parts: typeof whole = [];
    for (const [index, expected] of results.entries()) {
      const { file, calendar } = whole[index]!;
      if (!('error' in expected)) cases.push({ file, calendar, expected });
      else parts.push(...partsOf(calendar.text).map((text) => ({ file, calendar: { ...calendar, text } })));
    }
    readInParts.push(...new Set(parts.map(({ file }) => file)));
    for (const [index, expected] of (await expectedFreeBusy(parts.map(({ calendar }) => calendar))).entries())
      cases.push({ ...parts[index]!, expected });
  });

  it("equals the oracle's, except for the listed files", (t) => {
    const different = new Set<string>();
    let [compared, spans] = [0, 0];
    for (const { file, calendar, expected } of cases) {
      if ('error' in expected) continue;
      for (const zone of ZONES) {
        for (const [index, window] of calendar.windows.entries()) {
          const own = ownBusy(calendar.text, window, zone);
          const theirs = expected[index]![zone]!;
          compared += 1;
          spans += theirs.length;
          if (JSON.stringify(own) !== JSON.stringify(theirs)) different.add(file);
        }
      }
    }
    t.diagnostic(`${files.length} files, ${compared} comparisons of two years each, ${spans} busy times`);
    assert.ok(compared > 700 && spans > 20_000, `${compared} comparisons, ${spans} busy times`);
    assert.deepEqual([...different].sort(), Object.keys(DIFFERENT).sort());
  });

  it('is compared object by object for files that the oracle cannot read', () => {
    assert.deepEqual(readInParts.sort(), READ_IN_PARTS.toSorted());
  });
});

/** Two years each from the years of its first and last event, and from 2026. */
function calendarOf(text: string): OracleCalendar {
  const events = text.replace(/BEGIN:VTIMEZONE[\s\S]*?END:VTIMEZONE/g, '');
  const years = [...events.matchAll(/^DTSTART[^:\r\n]*:(\d{4})\d{4}/gm)]
    .map((match) => Number(match[1]))
    .filter((year) => year >= 1990)
    .sort();
  const first = [...new Set([years[0] ?? 2026, years.at(-1) ?? 2026, 2026])];
  return { text, zones: ZONES, windows: first.map((year) => [`${year}-01-01`, `${year + 2}-01-01`] as const) };
}

function partsOf(text: string): string[] {
  try {
    return splitFeed(text).map((part) => part.text);
  } catch {
    return [];
  }
}

function ownBusy(text: string, [first, after]: readonly [string, string], zone: string): [number, number][] {
  const view = {
    range: { from: Date.parse(first), to: Date.parse(after) },
    zone,
    own: new Set<string>(),
    unanswered: 'busy' as const,
  };
  const budget = { steps: STEPS_PER_QUERY };
  const sources = readBusySources(text, { floatingZone: zone });
  return mergeSpans(sources.flatMap((source) => busySpans(source, view, budget))).map(({ from, to }) => [from, to]);
}
