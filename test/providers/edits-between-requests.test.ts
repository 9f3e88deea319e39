/**
 * A write takes several requests, and a person may edit the event between any two of them, also between a request
 * whose answer was lost and its repetition. No such edit is ever overwritten, and none counts as Calpair's own write.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type CalendarEvent, type Content, EXCLUDED, sameValue } from '../../core/event.ts';
import { occurrenceContent } from '../../core/recurrence/series.ts';
import { SyncError } from '../../core/sync-error.ts';
import type { Side, Stored, Written } from '../../providers/provider.ts';
import type { GoogleAccount } from '../fakes/google/account.ts';
import { type ContractSetup, event } from '../support/contract.ts';
import { openGoogle } from '../support/contract-google.ts';
import { openGraph } from '../support/contract-graph.ts';

type Json = Record<string, unknown>;

const at = (date: string, hour: number): Content['when'] => ({
  allDay: false,
  start: `${date}T${String(hour).padStart(2, '0')}:00:00`,
  startZone: 'Europe/Berlin',
  end: `${date}T${String(hour + 1).padStart(2, '0')}:00:00`,
  endZone: 'Europe/Berlin',
});
const SINGLE = event('Talk', { when: at('2027-01-06', 9), location: 'Room', description: 'Text' });
const WEEKLY = event('Weekly', {
  when: at('2027-01-06', 9),
  location: 'Room',
  recurrence: { rules: ['RRULE:FREQ=WEEKLY;COUNT=6'], dates: [] },
});
const [SECOND, THIRD, FOURTH] = ['20270113T080000Z', '20270120T080000Z', '20270127T080000Z'];
const occurrence = (series: CalendarEvent, id: string, change: Partial<Content>): Content => ({
  ...occurrenceContent({ ...series, exceptions: {} }, id),
  ...change,
});
const SERIES: CalendarEvent = {
  ...WEEKLY,
  exceptions: { [THIRD]: occurrence(WEEKLY, THIRD, { title: 'Third' }), [FOURTH]: EXCLUDED },
};
const retitled: CalendarEvent = {
  ...SERIES,
  title: 'Ours',
  exceptions: { ...SERIES.exceptions },
};

/** What Calpair is writing. */
const WRITES: readonly (readonly [name: string, before: CalendarEvent, next: CalendarEvent])[] = [
  ['the title of an event', SINGLE, { ...SINGLE, title: 'Ours' }],
  ['title and time of an event', SINGLE, { ...SINGLE, title: 'Ours', when: at('2027-01-07', 9) }],
  ['the title of a series', SERIES, retitled],
  [
    'one occurrence of a series',
    SERIES,
    { ...SERIES, exceptions: { ...SERIES.exceptions, [SECOND]: occurrence(WEEKLY, SECOND, { title: 'Ours' }) } },
  ],
  ['an exclusion', SERIES, { ...SERIES, exceptions: { ...SERIES.exceptions, [SECOND]: EXCLUDED } }],
  [
    'title and an exclusion',
    SERIES,
    { ...SERIES, title: 'Ours', exceptions: { ...SERIES.exceptions, [SECOND]: EXCLUDED } },
  ],
  [
    'the hour of a series',
    SERIES,
    {
      ...WEEKLY,
      when: at('2027-01-06', 11),
      exceptions: {
        '20270120T100000Z': occurrence({ ...WEEKLY, when: at('2027-01-06', 11) }, '20270120T100000Z', {
          title: 'Third',
        }),
        '20270127T100000Z': EXCLUDED,
      },
    },
  ],
  ['the rule of a series', SERIES, { ...SERIES, recurrence: { rules: ['RRULE:FREQ=WEEKLY;COUNT=8'], dates: [] } }],
];

/** What a person can do meanwhile; `of` the whole event, or one occurrence by its original date. */
interface Edit {
  readonly name: string;
  readonly date: string | null;
  readonly field: 'title' | 'location' | 'hour' | 'deleted';
}
const EDITS: readonly Edit[] = [
  { name: 'the same title', date: null, field: 'title' },
  { name: 'the place', date: null, field: 'location' },
  { name: 'the title of the second occurrence', date: '2027-01-13', field: 'title' },
  { name: 'the place of the second occurrence', date: '2027-01-13', field: 'location' },
  { name: 'the title of the third occurrence', date: '2027-01-20', field: 'title' },
  { name: 'a deletion of the second occurrence', date: '2027-01-13', field: 'deleted' },
  { name: 'a deletion of the third occurrence', date: '2027-01-20', field: 'deleted' },
  { name: 'the hour', date: null, field: 'hour' },
];
const SOME_EDITS = [EDITS[0]!, EDITS[2]!, EDITS[6]!, EDITS[7]!];
const THEIRS = 'A person wrote this';
const THEIR_HOURS = Object.fromEntries(
  ['start', 'end'].map((name, index) => [
    name,
    { dateTime: `2027-01-06T${15 + index}:00:00`, timeZone: 'Europe/Berlin' },
  ]),
);

function showsEdit({ when, ...rest }: CalendarEvent, { field }: Edit): boolean {
  return field === 'hour' ? when.start.endsWith('T15:00:00') : JSON.stringify(rest).includes(THEIRS);
}

interface World extends ContractSetup {
  openWith(transport: typeof fetch): Side;
  /** False where the service has no such occurrence at the moment. */
  edit(ref: string, edit: Edit): boolean;
  /** Whether the person still finds the edit. */
  holds(ref: string, edit: Edit): boolean;
  countsAs(url: string): boolean;
  /** Whether the service refuses a write with this method where the edit comes directly before it. */
  isCovered(method: string): boolean;
}

async function googleWorld(
  options: Parameters<typeof openGoogle>[0] = {},
): Promise<World & { owner: GoogleAccount; calendarId: string }> {
  const setup = await openGoogle(options);
  const { owner, calendarId } = setup;
  const original = (item: Json): string =>
    new Date(String((item['originalStartTime'] as Json)['dateTime'])).toISOString().slice(0, 10);
  const bodies = { title: { summary: THEIRS }, location: { location: THEIRS }, hour: THEIR_HOURS };
  const item = (ref: string, date: string | null): Json | undefined =>
    date === null
      ? owner.getEvent(ref, calendarId)
      : owner.instances(ref, calendarId).find((one) => original(one) === date);
  return {
    ...setup,
    edit(ref, { date, field }) {
      const now = item(ref, date);
      if (!now || now['status'] === 'cancelled') return false;
      const id = String(now['id']);
      if (field === 'deleted') owner.deleteEvent(id, calendarId);
      else owner.patchEvent(id, bodies[field], calendarId);
      return true;
    },
    holds(ref, { date, field }) {
      const now = item(ref, date);
      if (field === 'deleted') return now === undefined || now['status'] === 'cancelled';
      if (field === 'hour') return String((now?.['start'] as Json)['dateTime']).slice(11, 13) === '15';
      return now?.[field === 'title' ? 'summary' : 'location'] === THEIRS;
    },
    countsAs: (url) => url.includes('/calendar/v3/'),
    // An ETag of a master that does not cover its exceptions leaves the time between reading and writing.
    isCovered: (method) => method === 'GET' || options.instanceWriteTouchesMaster !== false,
  };
}

async function graphWorld(options: Parameters<typeof openGraph>[0] = {}): Promise<World> {
  const setup = await openGraph(options);
  const { owner, calendarId } = setup;
  const bodies = { title: { subject: THEIRS }, location: { location: { displayName: THEIRS } }, hour: THEIR_HOURS };
  const item = (ref: string, date: string | null): Json | undefined =>
    date === null
      ? owner.getEvent(ref)
      : owner.instances(ref, calendarId).find((one) => String(one['occurrenceId']).endsWith(date));
  return {
    ...setup,
    edit(ref, { date, field }) {
      const now = item(ref, date);
      if (!now) return false;
      const id = String(now['id']);
      if (field === 'deleted') owner.deleteEvent(id);
      else owner.patchEvent(id, bodies[field]);
      return true;
    },
    holds(ref, { date, field }) {
      const now = item(ref, date);
      if (field === 'deleted') return now === undefined;
      if (field === 'hour') return String((now?.['start'] as Json)['dateTime']).slice(11, 13) === '15';
      if (field === 'title') return now?.['subject'] === THEIRS;
      return (now?.['location'] as Json | undefined)?.['displayName'] === THEIRS;
    },
    countsAs: (url) => url.includes('/v1.0/'),
    // Graph ignores `If-Match` on DELETE.
    isCovered: (method) => method !== 'DELETE',
  };
}

interface Interruption {
  /** The person edits before this request, counted from 0. */
  readonly editBefore: number;
  /** The answer to this request is lost after it was executed; then the write is repeated. */
  readonly loseAnswer: number | null;
}

let keys = 0;

/** A copy of `from`, and a write of it that a person interrupts. */
async function interrupt<T>(
  world: World,
  from: CalendarEvent,
  edit: Edit,
  interruption: Interruption,
  write: (side: Side, stored: Stored) => Promise<T>,
): Promise<{
  /** Undefined where the write has fewer requests, null where the person could not edit. */
  outcome: T | SyncError | undefined | null;
  stored: Stored;
}> {
  const created = await world.side.create(from, nextKey(), 0);
  const [found] = (await world.side.get([created.ref])).get(created.ref) as readonly Stored[];
  const stored = found!;
  const { side, state } = interrupted(world, () => stored.ref, edit, interruption);
  let outcome: T | SyncError = new SyncError('bug', 'not tried');
  for (let attempt = 0; attempt < 2; attempt += 1) {
    try {
      outcome = await write(side, stored);
    } catch (error) {
      if (!(error instanceof SyncError)) throw error;
      outcome = error;
    }
    if (!(outcome instanceof SyncError) || outcome.kind !== 'unreachable') break;
  }
  if (!state.isEdited || (interruption.loseAnswer !== null && !state.isLost)) return { outcome: undefined, stored };
  return { outcome: state.isPossible ? outcome : null, stored };
}

/** The side over a transport that lets the person edit between two requests. */
function interrupted(
  world: World,
  ref: () => string | Promise<string>,
  edit: Edit,
  { editBefore, loseAnswer }: Interruption,
) {
  const state = { isEdited: false, isPossible: true, isLost: false };
  let count = 0;
  const side = world.openWith(async (input, init) => {
    if (!world.countsAs(String(input))) return fetch(input, init);
    const number = count++;
    if (number === editBefore) {
      state.isEdited = true;
      state.isPossible = world.isCovered(init?.method ?? 'GET') && world.edit(await ref(), edit);
    }
    const answer = await fetch(input, init);
    if (number === loseAnswer && !state.isLost) {
      state.isLost = true;
      throw new SyncError('unreachable', 'the answer was lost');
    }
    return answer;
  });
  return { side, state };
}

function nextKey(): string {
  keys += 1;
  return `019300aa-0000-7000-8000-${String(keys).padStart(12, '0')}`;
}

/** What went wrong with a change; null for nothing, undefined where it has fewer requests. */
async function play(
  world: World,
  from: CalendarEvent,
  next: CalendarEvent,
  edit: Edit,
  interruption: Interruption,
): Promise<string | null | undefined> {
  const uid = `${keys}@example.org`;
  const { outcome, stored } = await interrupt(world, { ...from, uid }, edit, interruption, (side, one) =>
    side.update(one, { ...next, uid }),
  );
  if (outcome === undefined || outcome === null) return outcome;
  if (outcome instanceof SyncError && !['stale', 'rejected', 'gone'].includes(outcome.kind))
    return `failed with ${outcome.kind}: ${outcome.message}`;
  const isWritten = !(outcome instanceof SyncError);
  if (!world.holds(stored.ref, edit)) return `the edit was overwritten (${isWritten ? 'written' : outcome.kind})`;
  if (!isWritten) return null;
  if (!showsWrite(outcome.event!, from, next)) return 'what was not written counts as written';
  if (edit.field === 'deleted') return null;
  return showsEdit(outcome.event!, edit) ? "the edit counts as Calpair's own write" : null;
}

/** Whether an event shows what Calpair set out to write. */
function showsWrite(event: CalendarEvent, from: CalendarEvent, next: CalendarEvent): boolean {
  const excluded = ({ exceptions }: CalendarEvent) =>
    Object.values(exceptions).filter((one) => one === EXCLUDED).length;
  return (
    JSON.stringify(event).includes('Ours') === JSON.stringify(next).includes('Ours') &&
    excluded(event) >= excluded(next) &&
    (sameValue(from.when, next.when) || sameValue(event.when, next.when)) &&
    (sameValue(from.recurrence, next.recurrence) || sameValue(event.recurrence, next.recurrence))
  );
}

/** The same for a new copy. */
async function create(
  world: World,
  event: CalendarEvent,
  edit: Edit,
  editBefore: number,
): Promise<string | null | undefined> {
  const before = new Set(await world.person.list());
  const newRef = async (): Promise<string> => (await world.person.list()).find((one) => !before.has(one))!;
  const { side, state } = interrupted(world, newRef, edit, { editBefore, loseAnswer: null });
  let written: Written;
  const key = nextKey();
  try {
    written = await side.create({ ...event, uid: `${keys}@example.org` }, key, 0);
  } catch (error) {
    // The engine decides again, and creates again.
    if (!(error instanceof SyncError) || (error.kind !== 'stale' && error.kind !== 'gone')) throw error;
    written = await side.create({ ...event, uid: `${keys}@example.org` }, key, 0);
  }
  if (!state.isEdited) return undefined;
  if (!state.isPossible) return null;
  if (!world.holds(written.ref, edit)) return 'the edit was overwritten';
  const isIncluded =
    edit.field === 'deleted'
      ? Object.keys(written.event!.exceptions).length !== Object.keys(event.exceptions).length
      : showsEdit(written.event!, edit);
  return isIncluded && written.existed !== true ? "the edit counts as Calpair's own write" : null;
}

it('an occurrence that a person changes in Google just before its series is written follows the series', async () => {
  const world = await googleWorld({ instanceWriteTouchesMaster: false });
  try {
    const uid = 'follows@example.org';
    const edit = EDITS.find(({ name }) => name === 'the place of the second occurrence')!;
    const { outcome, stored } = await interrupt(
      { ...world, isCovered: () => true },
      { ...WEEKLY, uid },
      edit,
      { editBefore: 0, loseAnswer: null },
      (side, one) => side.update(one, { ...WEEKLY, uid, title: 'Ours' }),
    );
    assert.deepEqual((outcome as Written).event?.exceptions, {}, 'what the person did is no write of Calpair');
    const instances = world.owner.instances(stored.ref, world.calendarId);
    assert.deepEqual(
      instances.slice(0, 3).map(({ summary, location }) => [summary, location]),
      [
        ['Ours', 'Room'],
        ['Ours', THEIRS],
        ['Ours', 'Room'],
      ],
    );
  } finally {
    await world.close();
  }
});

/** The other two differ in what becomes of exceptions. */
const WITH_EVERYTHING = ['Google', 'Graph'];
const WORLDS: readonly (readonly [name: string, open: () => Promise<World>])[] = [
  ['Google', () => googleWorld()],
  ['Google, forgetful', () => googleWorld({ lostExceptions: 'vanish', instanceWriteTouchesMaster: false })],
  ['Google, clinging', () => googleWorld({ lostExceptions: 'orphan', masterWriteTouchesExceptions: false })],
  ['Graph', () => graphWorld({ latencyMs: 0 })],
];

for (const [name, open] of WORLDS) {
  describe(`edits between the requests of a write: ${name}`, () => {
    let world: World;
    before(async () => {
      world = await open();
    });
    after(() => world.close());

    for (const [what, from, next] of WRITES) {
      it(`a person's edit survives a write of ${what}`, async () => {
        const wrong: string[] = [];
        for (const edit of EDITS.filter(({ date }) => date === null || from.recurrence !== null)) {
          for (let editBefore = 0; editBefore < 40; editBefore += 1) {
            const outcome = await play(world, from, next, edit, { editBefore, loseAnswer: null });
            if (outcome === undefined) break;
            if (outcome !== null) wrong.push(`${edit.name}, before request ${editBefore}: ${outcome}`);
          }
        }
        assert.deepEqual(wrong, []);
      });

      if (!WITH_EVERYTHING.includes(name)) continue;

      it(`a person's edit survives a lost answer and a repetition: ${what}`, async () => {
        const wrong: string[] = [];
        for (const edit of SOME_EDITS.filter(({ date }) => date === null || from.recurrence !== null)) {
          for (let loseAnswer = 0; loseAnswer < 12; loseAnswer += 1) {
            const outcome = await play(world, from, next, edit, { editBefore: loseAnswer + 1, loseAnswer });
            if (outcome === undefined) break;
            if (outcome !== null) wrong.push(`${edit.name}, after request ${loseAnswer}: ${outcome}`);
          }
        }
        assert.deepEqual(wrong, []);
      });
    }

    if (!WITH_EVERYTHING.includes(name)) return;

    for (const [what, from] of [
      ['an event', SINGLE],
      ['a series', SERIES],
    ] as const) {
      it(`a person's edit survives the deletion of ${what}`, async () => {
        const wrong: string[] = [];
        for (const edit of EDITS.filter(({ date, field }) => field !== 'deleted' && (!date || from.recurrence))) {
          for (let editBefore = 0; editBefore < 10; editBefore += 1) {
            const { outcome, stored } = await interrupt(
              world,
              from,
              edit,
              { editBefore, loseAnswer: null },
              (side, one) => side.remove(one),
            );
            if (outcome === undefined) break;
            if (outcome === null) continue;
            const isKept = outcome instanceof SyncError && outcome.kind === 'stale' && world.holds(stored.ref, edit);
            if (!isKept) wrong.push(`${edit.name}, before request ${editBefore}: ${String(outcome)}`);
          }
        }
        assert.deepEqual(wrong, []);
      });

      it(`a person's edit survives the creation of ${what}`, async () => {
        const wrong: string[] = [];
        for (const edit of SOME_EDITS.filter(({ date }) => !date || from.recurrence)) {
          for (let editBefore = 1; editBefore < 30; editBefore += 1) {
            const outcome = await create(world, from, edit, editBefore);
            if (outcome === undefined) break;
            if (outcome !== null) wrong.push(`${edit.name}, before request ${editBefore}: ${outcome}`);
          }
        }
        assert.deepEqual(wrong, []);
      });
    }
  });
}

describe('edits between the attempts of one request', () => {
  for (const { name, open, id } of [
    { name: 'Google', open: () => googleWorld(), id: /\/events\/[^/?]+/ },
    { name: 'Graph', open: () => graphWorld({ latencyMs: 0 }), id: /\/events\/[^/?]+/ },
  ]) {
    it(`${name}: a 412 leads to a new read, and no attempt goes without a precondition`, async () => {
      const world = await open();
      const created = await world.side.create(SINGLE, nextKey(), 0);
      const [stored] = (await world.side.get([created.ref])).get(created.ref) as readonly Stored[];
      for (const refused of [1, 2]) {
        let patches = 0;
        const preconditions: (string | null)[] = [];
        const side = world.openWith(async (input, init) => {
          if (init?.method !== 'PATCH' || !id.test(String(input))) return fetch(input, init);
          patches += 1;
          preconditions.push(new Headers(init.headers).get('if-match'));
          if (patches <= refused) {
            const error = { code: 412, message: 'Precondition Failed', errors: [{ reason: 'conditionNotMet' }] };
            return Response.json({ error }, { status: 412 });
          }
          // The last moment at which a person can edit before this attempt.
          world.edit(created.ref, EDITS[0]!);
          return fetch(input, init);
        });
        const outcome = await side.update(stored!, { ...SINGLE, title: 'Ours' }).catch((error: unknown) => error);
        assert.ok(outcome instanceof SyncError && outcome.kind === 'stale', String(outcome));
        assert.ok(world.holds(created.ref, EDITS[0]!));
        assert.ok(
          preconditions.every((one) => one !== null && one !== '*'),
          String(preconditions),
        );
      }
      await world.close();
    });
  }
});
