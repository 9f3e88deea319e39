/**
 * Real calendars that nobody wrote for this project, through a real Radicale to Google and on to a second calendar. Every event is carried, or is a
 * problem with a code; a second run writes nothing; nobody is mailed.
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { CalendarEvent } from '../../core/event.ts';
import { splitFeed } from '../../core/ical-feed.ts';
import { PROBLEM_CODES } from '../../core/problem.ts';
import { startCalpair, type Json, type RunningCalpair } from '../support/calpair.ts';
import { startRadicale, type DavServer } from '../support/dav.ts';
import { DavPerson } from '../support/dav-person.ts';
import type { GoogleAccount } from '../support/google/account.ts';
import { startGoogle, type GoogleStandIn } from '../support/google/start.ts';
import { createPair, type Calendar, type Pair } from '../support/pair.ts';

const CORPUS = fileURLToPath(new URL('../../../shared/corpus/ics/', import.meta.url));
const skip = existsSync(CORPUS) ? false : 'the corpus is not beside the repository';

describe('the corpus', { skip }, () => {
  let radicale: DavServer;
  let google: GoogleStandIn;
  let account: GoogleAccount;
  let calpair: RunningCalpair;
  let source: DavPerson;
  let second: DavPerson;
  let there: Pair;
  let back: Pair;
  let original: Map<string, string>;
  let etags: Map<string, string>;
  const cloud = (): Calendar => ({ account, calendarId: account.email });

  before(async () => {
    [radicale, google] = await Promise.all([startRadicale(), startGoogle()]);
    account = google.addAccount({ email: 'owner@calendars.example' });
    calpair = await startCalpair(google);
    source = new DavPerson(radicale, await radicale.createCalendar('corpus'));
    second = new DavPerson(radicale, await radicale.createCalendar('second'));
    const stored = await fill(source);
    assert.ok(stored > 100, `Radicale took ${stored} objects only`);
    original = await source.all();
    etags = await source.list();
  });
  after(async () => {
    await calpair?.stop();
    await Promise.all([radicale?.stop(), google?.close()]);
  });

  it('goes to Google, whole or as a problem with a code', async () => {
    there = await createPair(calpair, { server: radicale, url: source.url }, cloud());
    await there.settle();
    await assertExplained(there);
  });

  it('leaves the calendar that it came from as it was, byte by byte', async () => {
    assert.deepEqual(await source.list(), etags);
    assert.deepEqual(await source.all(), original);
  });

  it('goes on to a second calendar', async () => {
    // Without the days to come of series that Google holds written out: a thousand events that are all alike.
    back = await createPair(calpair, { server: radicale, url: second.url }, cloud(), { options: { window: { pastDays: 36_500, futureDays: FUTURE_DAYS } } });
    await back.settle();
    await assertExplained(back, isLater);
  });

  it('comes out there as it went in', async () => {
    const told = new Set([...(await there.list('problems')), ...(await back.list('problems'))].map(({ eventTitle }) => eventTitle));
    const [was, is] = [await there.events('caldav'), await back.events('caldav')];
    const lost = [...was].filter(([uid, event]) => !is.has(uid) && !isLater(event) && !told.has(event.title)).map(([, event]) => event.title);
    assert.ok(is.size > 200, `${is.size} events came through`);
    assert.deepEqual(lost, []);
  });

  it('is quiet from then on: further runs write nothing, on either side', async () => {
    for (const pair of [there, back]) await pair.settle();
    const [writes, here, beyond] = [google.writes.length, await source.list(), await second.list()];
    for (const pair of [there, back, there, back]) {
      const run = await pair.sync();
      assert.equal(run.result, 'ok');
    }
    for (const pair of [there, back]) await pair.post('resync?wait=120');
    assert.deepEqual(google.writes.slice(writes).map(({ method, path }) => `${method} ${path}`), []);
    assert.deepEqual(await source.list(), here);
    assert.deepEqual(await second.list(), beyond);
    assert.deepEqual(here, etags, 'the first calendar is still untouched');
  });

  it('reaches nobody, and writes nothing without its conditions', () => {
    assert.deepEqual(google.mailLedger, []);
    assert.deepEqual(google.carelessWrites.map(({ method, path, query }) => ({ method, path, query })), []);
  });
});

/** Every object of every file, as it is and with CRLF; answers how many the server took. */
async function fill(person: DavPerson): Promise<number> {
  let stored = 0;
  for (const folder of ['valid', 'broken']) {
    for (const [number, file] of readdirSync(`${CORPUS}${folder}`).filter((name) => name.endsWith('.ics')).sort().entries()) {
      for (const [index, text] of objectsOf(readFileSync(`${CORPUS}${folder}/${file}`, 'utf8')).entries()) {
        const status = await person.tryPut(`${folder}-${number}-${index}.ics`, text);
        if (status < 300) stored += 1;
      }
    }
  }
  return stored;
}

function objectsOf(text: string): string[] {
  try {
    return splitFeed(text).map((one) => one.text);
  } catch {
    return [text];
  }
}

const FUTURE_DAYS = 1;

/** Beyond the window of the second pair. */
function isLater({ when, recurrence }: CalendarEvent): boolean {
  return recurrence === null && Date.parse(when.start.slice(0, 10)) > Date.now() + (FUTURE_DAYS - 1) * 86_400_000;
}

/** Whatever differs between the two calendars has a problem with a code, and nothing is there twice. */
async function assertExplained(pair: Pair, isLeftOut: (event: CalendarEvent) => boolean = () => false): Promise<void> {
  const [agreement, problems] = [await pair.compare(), await pair.list('problems')];
  const told = new Set(problems.map(({ eventTitle }: Json) => eventTitle ?? ''));
  for (const { code } of problems) assert.ok(PROBLEM_CODES.includes(code), code);
  const leftOut = new Set([...(await pair.events('cloud'))].filter(([, event]) => isLeftOut(event)).map(([uid]) => uid));
  const unexplained = [
    ...agreement.different.map(({ title, uid, fields }) => ({ title, uid, what: fields.slice(0, 4).join(', ') })),
    ...agreement.onlyCaldav.map((one) => ({ ...one, what: 'only in CalDAV' })),
    ...agreement.onlyCloud.map((one) => ({ ...one, what: 'only in the cloud' })),
  ].filter(({ title, uid }) => !told.has(title) && !leftOut.has(uid));
  assert.deepEqual(unexplained, []);
  assert.deepEqual(agreement.doubled, []);
  assert.ok(agreement.same > 100, `${agreement.same} events are alike`);
}
