/**
 * Calendars from other projects, through a real Radicale to each cloud and on to a second calendar. Every event is
 * copied or has a problem with a code; a second run writes nothing; no mail is sent.
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { PROBLEM_CODES } from '../../core/event-problem.ts';
import { splitFeed } from '../../core/ical/feed.ts';
import { differingFields } from '../../demo/agree.ts';
import type { Json } from '../support/calpair.ts';
import type { CloudPerson } from '../support/cloud.ts';
import { CLOUDS } from '../support/clouds.ts';
import { DavPerson } from '../support/dav-person.ts';
import { fixture } from '../support/fixture.ts';
import { createPair, type Pair } from '../support/pair.ts';

const CORPUS = fileURLToPath(new URL('../../../shared/corpus/ics/', import.meta.url));
const skip = existsSync(CORPUS) ? false : 'the corpus is not beside the repository';

for (const kind of CLOUDS)
  describe(`the corpus, between CalDAV and ${kind.title}`, { skip }, () => {
    const servers = fixture(kind);
    let owner: CloudPerson;
    let source: DavPerson;
    /**
     * Series that the cloud cannot express: expanded there, they would become a thousand identical events in the second
     * calendar.
     */
    let odd: DavPerson;
    let second: DavPerson;
    let there: Pair;
    let oddThere: Pair;
    let back: Pair;
    let original: string[];
    let etags: Map<string, string>;
    const texts = async (): Promise<string[]> => [...(await source.all()).values(), ...(await odd.all()).values()];

    async function setOddAside(): Promise<void> {
      for (const [name, data] of await source.all()) {
        const { event } = there.sides.caldav.read({ ref: name, resource: name, version: null, data });
        if (!event || there.sides.cloud.unsupported(event)?.code !== 'recurrence-written-out') continue;
        await odd.put(name, data);
        await source.remove(name);
      }
    }

    before(async () => {
      owner = servers.cloud.addOwner('owner@calendars.example');
      [source, odd, second] = (await Promise.all(
        ['corpus', 'odd', 'second'].map(
          async (name) => new DavPerson(servers.radicale, await servers.radicale.createCalendar(name)),
        ),
      )) as [DavPerson, DavPerson, DavPerson];
      const stored = await fill(source);
      assert.ok(stored > 100, `Radicale accepted only ${stored} objects`);
      there = await createPair(servers.calpair, { server: servers.radicale, url: source.url }, owner.calendar, {
        paused: true,
      });
      await setOddAside();
      [original, etags] = [await texts(), await source.list()];
    });

    it('is copied to the cloud, whole or with a problem code', async () => {
      await there.post('resume');
      await there.settle();
      await assertExplained(there, 300);
    });

    it('is copied with every occurrence when the cloud cannot express the rule', async () => {
      const place = owner.addCalendar('Odd');
      oddThere = await createPair(servers.calpair, { server: servers.radicale, url: odd.url }, place.calendar);
      await oddThere.settle();
      const problems = await oddThere.list('problems');
      const unreported = [...(await oddThere.events('caldav')).values()].filter(
        ({ title }) => !problems.some(({ eventTitle }) => eventTitle === title),
      );
      assert.deepEqual(
        unreported.map(({ title }) => title),
        [],
      );
      assert.ok(place.list().length > problems.length);
    });

    it('leaves the source calendar unchanged, byte by byte', async () => {
      assert.deepEqual(await source.list(), etags);
      assert.deepEqual(await texts(), original);
    });

    it('is copied on to a second calendar', async () => {
      back = await createPair(servers.calpair, { server: servers.radicale, url: second.url }, owner.calendar);
      await back.settle();
      await assertExplained(back, 300);
    });

    it('is the same in the second calendar as in the first', async () => {
      const reported = new Set(
        [...(await there.list('problems')), ...(await back.list('problems'))].map(({ eventTitle }) => eventTitle),
      );
      const [was, is] = [await there.events('caldav'), await back.events('caldav')];
      const lost = [...was]
        .filter(([uid, event]) => !is.has(uid) && !reported.has(event.title))
        .map(([, event]) => event.title);
      assert.ok(is.size > 300, `${is.size} events came through`);
      const changed = [...was].flatMap(([uid, event]) => {
        const fields = is.has(uid) && !reported.has(event.title) ? differingFields(event, is.get(uid)!) : [];
        return fields.length > 0 ? [{ title: event.title, fields }] : [];
      });
      assert.deepEqual(changed, []);
      assert.deepEqual(lost, []);
    });

    it('causes no writes in further runs, on either side', async () => {
      const pairs = [there, back, oddThere];
      for (const pair of pairs) await pair.settle();
      const [writes, here, beyond] = [servers.cloud.fake.writes.length, await source.list(), await second.list()];
      for (const pair of [...pairs, ...pairs]) {
        const run = await pair.sync();
        assert.equal(run.result, 'ok');
      }
      for (const pair of pairs) await pair.post('resync?wait=120');
      assert.deepEqual(
        servers.cloud.fake.writes.slice(writes).map(({ method, path }) => `${method} ${path}`),
        [],
      );
      assert.deepEqual(await source.list(), here);
      assert.deepEqual(await second.list(), beyond);
      assert.deepEqual(here, etags, 'the first calendar is still untouched');
    });

    it('is counted by outcome', async (t) => {
      const counts = {
        [`to ${kind.title}`]: await outcomes(there),
        'what it cannot express': await outcomes(oddThere),
        'on to the second calendar': await outcomes(back),
      };
      const kinds = [...new Set(Object.values(counts).flatMap((one) => [...one.keys()]))].sort();
      t.diagnostic(`| outcome | ${Object.keys(counts).join(' | ')} |`);
      for (const outcome of kinds)
        t.diagnostic(
          `| ${outcome} | ${Object.values(counts)
            .map((one) => one.get(outcome) ?? 0)
            .join(' | ')} |`,
        );
      for (const outcome of kinds)
        for (const code of outcome.split(' + '))
          assert.ok(code === 'whole' || PROBLEM_CODES.some((known) => known === code), outcome);
      assert.ok(counts[`to ${kind.title}`]!.get('whole')! > 250);
    });

    it('causes no mail and no unconditional write', () => {
      assert.deepEqual(servers.cloud.harm(), []);
    });
  });

/**
 * Numbers of events of the CalDAV side by the problems reported for them; unreadable objects count by their problem.
 */
async function outcomes(pair: Pair): Promise<Map<string, number>> {
  const problems = await pair.list('problems');
  const titles = [...(await pair.events('caldav')).values()].map(({ title }) => title);
  const outcomeOf = (title: string): string =>
    [...new Set(problems.filter(({ eventTitle }) => eventTitle === title).map(({ code }) => code as string))]
      .sort()
      .join(' + ') || 'whole';
  const all = [
    ...titles.map(outcomeOf),
    ...problems.filter(({ eventTitle }) => !titles.includes(eventTitle ?? '')).map(({ code }) => code as string),
  ];
  return all.reduce(
    (counts, outcome) => counts.set(outcome, (counts.get(outcome) ?? 0) + 1),
    new Map<string, number>(),
  );
}

/** Stores every object of every file; returns how many the server accepted. */
async function fill(person: DavPerson): Promise<number> {
  let stored = 0;
  for (const folder of ['valid', 'broken']) {
    for (const [number, file] of readdirSync(`${CORPUS}${folder}`)
      .filter((name) => name.endsWith('.ics'))
      .sort()
      .entries()) {
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

/** Every difference between the two calendars has a problem with a code, and no event is duplicated. */
async function assertExplained(pair: Pair, atLeast: number): Promise<void> {
  const [agreement, problems] = [await pair.compare(), await pair.list('problems')];
  const reported = new Set(problems.map(({ eventTitle }: Json) => eventTitle ?? ''));
  for (const { code } of problems) assert.ok(PROBLEM_CODES.includes(code), code);
  const unexplained = [
    ...agreement.different.map(({ title, uid, fields }) => ({ title, uid, what: fields.slice(0, 4).join(', ') })),
    ...agreement.onlyCaldav.map((one) => ({ ...one, what: 'only in CalDAV' })),
    ...agreement.onlyCloud.map((one) => ({ ...one, what: 'only in the cloud' })),
  ].filter(({ title }) => !reported.has(title));
  assert.deepEqual(unexplained, []);
  assert.deepEqual(agreement.doubled, []);
  assert.ok(agreement.same > atLeast, `${agreement.same} events are alike`);
}
