/**
 * What every `Side` must do with the fields that only some pairs copy. Each service has some of them, in its own form.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type CalendarEvent, changedPaths, EXCLUDED, type OptionalField } from '../../core/event.ts';
import { fitted, optionalFieldsOf, shapedFor } from '../../core/optional-fields.ts';
import { fieldsOf } from '../../providers/optional-forms.ts';
import type { Found, Side, SideSetting } from '../../providers/provider.ts';
import { type ContractSetup, event, StoredState } from './contract.ts';

/** Everything is copied. */
const ALL_OPTIONS = {
  categories: 'copy',
  reminders: 'copy',
  conference: 'text',
} as const satisfies Partial<SideSetting>;

export interface OptionsSetup extends ContractSetup {
  /** The same calendar under other options. */
  open(setting: Partial<SideSetting>): Side;
}

const KEY = '019300aa-0000-7000-8000-00000000000';
const FULL: Pick<CalendarEvent, OptionalField> = {
  categories: ['Work', 'a, b'],
  reminders: [0, 600, 3600, 86_400],
  conference: { own: '', shown: 'https://meet.example.com/a?pwd=b&x=c' },
};
const OTHER: Pick<CalendarEvent, OptionalField> = {
  categories: ['Work', 'new'],
  reminders: [900],
  conference: { own: '', shown: 'https://meet.example.com/other' },
};

/** @param holds what the service has of an event with `FULL`; the fields of a service without them are missing */
export function optionsContract(
  name: string,
  open: () => Promise<OptionsSetup>,
  holds: Pick<CalendarEvent, OptionalField>,
): void {
  describe(`the fields that only some pairs copy: ${name}`, () => {
    const inSetup = async (run: (setup: OptionsSetup, side: Side) => Promise<void>): Promise<void> => {
      const setup = await open();
      try {
        await run(setup, setup.open(ALL_OPTIONS));
      } finally {
        await setup.close();
      }
    };
    const at = async (side: Side, resource: string): Promise<Found & { event: CalendarEvent }> => {
      const found = (await side.get([resource])).get(resource);
      assert.ok(found !== undefined && found !== 'gone' && found[0]?.event);
      return found[0] as Found & { event: CalendarEvent };
    };
    const optional = (one: CalendarEvent): Partial<CalendarEvent> =>
      Object.fromEntries(optionalFieldsOf(one).map((field) => [field, one[field]]));
    const created = async (side: Side, one: CalendarEvent, n: number): Promise<Found & { event: CalendarEvent }> =>
      at(side, (await side.create(one, `${KEY}${n}`, 0)).resource);

    /** Of an event of a person's, whose text shows no link. */
    const plain = { ...holds, conference: { own: '', shown: '' } };

    it('are read only where they are copied, and only those that the service has', () =>
      inSetup(async (setup, side) => {
        const resource = await setup.person.create(event('A', FULL));
        assert.deepEqual(optional((await at(side, resource)).event), plain);
        assert.deepEqual(optional((await at(setup.side, resource)).event), {});
        await setup.side.create(event('to have written'), `${KEY}9`, 0);
      }));

    it('are written with a copy, and in an update', () =>
      inSetup(async (_, side) => {
        const copy = await created(side, event('A', FULL), 1);
        assert.deepEqual(optional(copy.event), holds);
        const next = { ...copy.event, ...optional(shapedFor({ ...copy.event, ...OTHER }, side.forms ?? {})) };
        const written = await side.update(copy, next);
        assert.deepEqual(changedPaths(next, (await at(side, written.resource)).event), []);
        const empty = { ...next, ...optional(shapedFor(event('none'), side.forms ?? {})) };
        const again = await at(side, written.resource);
        await side.update(again, empty);
        assert.deepEqual(changedPaths(empty, (await at(side, written.resource)).event), []);
      }));

    it('are of each exception of a series', () =>
      inSetup(async (_, side) => {
        const series = event('Weekly', { ...FULL, recurrence: { rules: ['RRULE:FREQ=WEEKLY;COUNT=5'], dates: [] } });
        const { uid: _uid, recurrence: _rule, exceptions: _none, ...content } = series;
        const when = { ...content.when, start: '2027-01-12T09:00:00', end: '2027-01-12T10:30:00' };
        const exception = { ...content, ...OTHER, when: when as typeof content.when };
        const exceptions = { '20270112T080000Z': exception, '20270119T080000Z': EXCLUDED } as const;
        const whole = shapedFor({ ...series, exceptions }, side.forms ?? {});
        const copy = await created(side, whole, 1);
        const expected =
          optionalFieldsOf(copy.event).length > 0 ? whole : { ...whole, exceptions: { '20270119T080000Z': EXCLUDED } };
        assert.deepEqual(changedPaths(expected as CalendarEvent, copy.event), []);
      }));

    it('stay as they are in a write that does not name them, and where they are not copied', () =>
      inSetup(async (setup, side) => {
        const copy = await created(side, event('A', FULL), 1);
        const bare = { ...copy.event, title: 'B' };
        for (const field of optionalFieldsOf(bare)) delete (bare as Partial<Record<OptionalField, unknown>>)[field];
        await side.update(copy, bare);
        assert.deepEqual(optional((await at(side, copy.resource)).event), holds);
        const kept = await at(setup.side, copy.resource);
        await setup.side.update(kept, { ...kept.event, title: 'C', ...OTHER });
        // The link may go with the first write after the option was switched off.
        const after = optional((await at(side, copy.resource)).event);
        assert.deepEqual({ ...after, conference: holds.conference }, holds);
      }));

    it('come with the next poll once they are copied, though nothing has changed since', () =>
      inSetup(async (setup, side) => {
        const resource = await setup.person.create(event('A', FULL));
        const stored = new StoredState();
        const poll = async (one: Side, cursor: string | null): Promise<{ found: Found[]; cursor: string }> => {
          const found: Found[] = [];
          let next = '';
          for await (const page of one.changes(cursor, stored)) {
            found.push(...page.found);
            for (const each of page.found) stored.keep(each);
            next = page.end?.cursor ?? next;
          }
          return { found, cursor: next };
        };
        const first = await poll(setup.side, null);
        await poll(side, first.cursor);
        const [found] = await stored.byResource([resource]);
        const shown = side.read(found!).event!;
        assert.deepEqual(optional(shown), plain);
        await setup.side.create(event('to have written'), `${KEY}9`, 0);
      }));

    it('are what the service says that it holds', () =>
      inSetup(async (setup, side) => {
        assert.deepEqual(optional(shapedFor(event('A', FULL), side.forms ?? {})), holds);
        assert.deepEqual(optional(fitted(event('A', holds), side.forms ?? {})), holds);
        assert.deepEqual(Object.keys(setup.side.forms ?? {}), []);
        assert.deepEqual(fieldsOf(ALL_OPTIONS), Object.keys(FULL));
        await setup.side.create(event('to have written'), `${KEY}9`, 0);
      }));
  });
}
