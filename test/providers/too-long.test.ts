/** FA20: what a service has to cut is told by the write itself, and again by every later reading. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Attendee, CalendarEvent } from '../../core/event.ts';
import type { Found } from '../../providers/provider.ts';
import { type ContractSetup, event } from '../support/contract.ts';
import { openGoogle } from '../support/contract-google.ts';
import { openGraph } from '../support/contract-graph.ts';

const guest = (at: number): Attendee => ({
  address: `guest${String(at).padStart(3, '0')}@example.org`,
  name: `Guest ${at}`,
  participation: 'accepted',
  role: 'required',
  kind: 'individual',
});
const INPUTS: readonly (readonly [name: string, fields: Partial<CalendarEvent>])[] = [
  ['a title of 3,000 characters', { title: 'T'.repeat(3000) }],
  ['a place of 3,000 characters', { location: 'P'.repeat(3000) }],
  ['400 guests', { attendees: Array.from({ length: 400 }, (_, at) => guest(at)) }],
  ['a description of 600,000 characters', { description: 'Line of text\n'.repeat(46_154) }],
];
const CLOUDS: readonly (readonly [name: string, open: () => Promise<ContractSetup>])[] = [
  ['Google', () => openGoogle()],
  ['Graph', () => openGraph({ latencyMs: 0 })],
];

for (const [name, open] of CLOUDS) {
  describe(`what is too long for ${name}`, () => {
    let setup: ContractSetup;
    before(async () => {
      setup = await open();
    });
    after(() => setup.close());
    const codes = (found: Found): string[] => found.problems.map(({ code }) => code);
    const getOne = async (ref: string): Promise<Found> => {
      const answer = (await setup.side.get([ref])).get(ref);
      assert.ok(answer !== undefined && answer !== 'gone');
      return answer[0]!;
    };

    const inputs =
      name === 'Google' ? [...INPUTS, ['20,000 characters', { description: 'word '.repeat(4000) }] as const] : INPUTS;
    for (const [at, [what, fields]] of inputs.entries()) {
      it(`FA20: ${what} are a problem after the create and after an update`, async () => {
        const next = event('Long', fields);
        const created = await setup.side.create(next, `019300aa-0000-7000-8000-00000000000${at}`, 0);
        assert.deepEqual(codes(created), ['text-too-long']);
        assert.deepEqual(codes(await getOne(created.ref)), ['text-too-long']);
        // An event that becomes too long, and one that fits again.
        const short = event('Short', { uid: next.uid });
        const fitting = await setup.side.update(await getOne(created.ref), short);
        assert.deepEqual(codes(fitting), []);
        const again = await setup.side.update(await getOne(created.ref), next);
        assert.deepEqual(codes(again), ['text-too-long']);
      });
    }

    it('FA20: an edit of a cut description leaves the problem', async () => {
      const next = event('Long', { description: 'word '.repeat(120_000) });
      const created = await setup.side.create(next, '019300aa-0000-7000-8000-000000000099', 0);
      const { event: shown } = await getOne(created.ref);
      await setup.person.edit(created.ref, { ...shown!, description: `Edited ${shown!.description.slice(7)}` });
      const edited = await getOne(created.ref);
      assert.match(edited.event!.description, /^Edited .*…$/s);
      assert.deepEqual(codes(edited), ['text-too-long']);
    });
  });
}
