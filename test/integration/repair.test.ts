/** FA1: objects that an earlier version wrote wrong are repaired once, and only those. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { repairEnds } from '../../core/ical/repair.ts';
import { validateObject } from '../../core/ical/validate.ts';
import { CLOUDS } from '../support/clouds.ts';
import { type DavPerson, unfolded } from '../support/dav-person.ts';
import { fixture } from '../support/fixture.ts';
import { object } from '../support/ics.ts';

/** What version 0.1.0 wrote when an all-day event of 4 June was moved to 11 June in the cloud. */
const WRONG = ['DTSTART;VALUE=DATE:20270611', 'DTEND;VALUE=DATE:20270605'];
const day = (title: string) => ({ title, when: { allDay: true, start: '2027-06-11', end: '2027-06-12' } as const });

/** The object as that version would have left it: nothing but the end differs. */
async function spoil(person: DavPerson, title: string): Promise<string> {
  const name = await person.nameOf(`SUMMARY:${title}`);
  await person.edit(name, (text) => text.replace(/^DTEND.*$/m, WRONG[1]!));
  return name;
}

const endOf = (text: string): string | undefined => unfolded(text).find((line) => /^(DTEND|DURATION)/.test(line));

describe('FA1: the repair of what an earlier version wrote', () => {
  const servers = fixture(CLOUDS[0]!);

  it('FA1: happens with a full comparison, once, and is no change', async () => {
    const { pair, person } = await servers.open({ cloud: [day('Ours'), day('Later')] });
    await person.put('theirs.ics', object('theirs', ['SUMMARY:Theirs', ...WRONG]));
    await pair.settle();
    const name = await spoil(person, 'Ours');
    assert.deepEqual(await pair.settle(), [], 'the meaning is the same, so there is nothing to do');
    const run = await pair.post('resync?wait=120');
    assert.equal(run.result, 'ok');
    const repaired = await person.get(name);
    assert.equal(endOf(repaired), 'DTEND;VALUE=DATE:20270612');
    assert.deepEqual(validateObject(repaired), []);
    assert.equal(endOf(await person.get('theirs.ics')), WRONG[1], 'a person wrote it');
    assert.deepEqual(await pair.list('held-changes'), []);
    assert.deepEqual(await pair.list('conflicts'), []);

    const other = await spoil(person, 'Later');
    await pair.post('resync?wait=120');
    assert.equal(endOf(await person.get(other)), WRONG[1], 'it happens once for a pair');
    assert.deepEqual(await pair.settle(), []);
  });

  it('FA1: never writes to the source of a one-way pair', async () => {
    const { pair, person } = await servers.open({ cloud: [day('Ours')] });
    const name = await spoil(person, 'Ours');
    await pair.patch({ direction: 'caldav-to-cloud' });
    await pair.settle();
    const before = (await person.list()).get(name);
    await pair.post('resync?wait=120');
    assert.equal((await person.list()).get(name), before);
  });
});

describe('repairEnds', () => {
  const SETTING = { floatingZone: 'Europe/Berlin' };
  for (const [name, lines, end] of [
    ['a date before the start', WRONG, 'DTEND;VALUE=DATE:20270612'],
    ['a time beside a date', ['DTSTART;VALUE=DATE:20270611', 'DTEND:20270612T000000Z'], 'DTEND;VALUE=DATE:20270612'],
    ['the start itself', ['DTSTART:20270611T100000Z', 'DTEND:20270611T100000Z'], 'DURATION:PT0S'],
    ['a time before the start', ['DTSTART:20270611T100000Z', 'DTEND:20270611T090000Z'], 'DURATION:PT0S'],
  ] as const)
    it(`FA1: mends an end that is ${name}`, () => {
      const text = object('u', ['SUMMARY:One', ...lines]);
      const repaired = repairEnds(text, null, SETTING)!;
      assert.equal(endOf(repaired), end);
      assert.deepEqual(
        unfolded(repaired).filter((line) => !/^(DTSTART|DTEND|DURATION)/.test(line)),
        unfolded(text).filter((line) => !/^(DTSTART|DTEND|DURATION)/.test(line)),
      );
      assert.equal(repairEnds(repaired, null, SETTING), null);
    });

  it('FA1: leaves valid and unreadable objects alone', () => {
    for (const lines of [
      ['DTSTART:20270611T100000Z', 'DTEND:20270611T110000Z'],
      ['DTSTART;VALUE=DATE:20270611'],
      ['DTSTART;VALUE=DATE:20270611', 'DURATION:P1D'],
      ['DTSTART:nonsense', 'DTEND:20270611T110000Z'],
    ])
      assert.equal(repairEnds(object('u', lines), null, SETTING), null);
  });
});
