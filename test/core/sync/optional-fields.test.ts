/** Fields that only some pairs copy: what is decided about them, whatever each side holds of them. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { CalendarEvent, OptionalField, SideName } from '../../../core/event.ts';
import { contentAt, type OptionalForms } from '../../../core/optional-fields.ts';
import { expandOccurrences } from '../../../core/recurrence/expand.ts';
import { occurrenceContent } from '../../../core/recurrence/series.ts';
import { type Decision, decide, type SideView } from '../../../core/sync/decide.ts';
import { DEFAULT_OPTIONS, type Direction, type PairOptions } from '../../../core/sync/policy.ts';
import { isUntouched } from '../../../core/sync/undo.ts';
import { HOLDS } from '../../../providers/microsoft/capabilities.ts';
import { anEvent } from '../../support/fake-side.ts';
import { NO_WRITES } from '../../support/no-writes.ts';

const NOW = Date.parse('2026-06-10T08:00:00Z');
const HOLDS_ALL: OptionalForms = { categories: (names) => names, reminders: (seconds) => seconds };
const HOLDS_ONE: OptionalForms = { reminders: HOLDS.reminders! };

const side = (now: CalendarEvent, base: CalendarEvent | null = now, more: Partial<SideView> = {}): SideView => ({
  now,
  base,
  isGone: false,
  isOwned: false,
  modifiedAt: null,
  seenAt: 0,
  hasGuests: false,
  problems: [],
  ...more,
});

interface Case {
  readonly caldav: SideView;
  readonly cloud: SideView | null;
  readonly agreed?: readonly OptionalField[];
  readonly forms?: Record<SideName, OptionalForms>;
  readonly direction?: Direction;
  readonly options?: Partial<PairOptions>;
}

function decided({ caldav, cloud, agreed = [], forms, direction = 'bidirectional', options = {} }: Case): Decision {
  return decide(
    { caldav, cloud, decision: null, agreedFields: agreed },
    {
      direction,
      options: { ...DEFAULT_OPTIONS, categories: 'copy', reminders: 'copy', ...options },
      now: NOW,
      unsupported: () => null,
      forms: forms ?? { caldav: HOLDS_ALL, cloud: HOLDS_ALL },
      journal: NO_WRITES,
    },
  );
}

/** What each side gets: `cloud a,b`; with conflicts. */
function outcome(decision: Decision, field: 'categories' | 'reminders'): string {
  const ops = decision.ops.map((op) => `${op.side} ${op.action} ${op.next?.[field]?.join() ?? 'nothing'}`);
  const conflicts = decision.conflicts.map(({ path, lost }) => `lost ${path.field} ${String(lost)}`);
  return [...ops, ...conflicts].join('; ');
}

const e = (...categories: string[]): CalendarEvent => anEvent({ title: 'A', categories });
const bare = anEvent({ title: 'A' });

describe('categories that a pair copies', () => {
  const agreed = ['categories'] as const;

  for (const [name, given, expected] of [
    ['an edit crosses', { caldav: side(e('a', 'b'), e('a')), cloud: side(e('a')), agreed }, 'cloud update a,b'],
    ['a removal crosses', { caldav: side(e('a')), cloud: side(e(), e('a')), agreed }, 'caldav update '],
    ['no edit, no write, though they differ', { caldav: side(e('A')), cloud: side(e('a')), agreed }, ''],
    [
      'two edits are a conflict',
      { caldav: side(e('b'), e('a')), cloud: side(e('c'), e('a'), { modifiedAt: 5 }), agreed },
      'caldav update c; lost categories b',
    ],
    [
      'where the option is new, they are united',
      { caldav: side(e('a')), cloud: side(e('b')) },
      'caldav update a,b; cloud update a,b',
    ],
    ['where the option is new, an empty set never wins', { caldav: side(e()), cloud: side(e('b')) }, 'caldav update b'],
    ['at first, a service with another case says the same', { caldav: side(e('A')), cloud: side(e('a')) }, ''],
    [
      'at the initial matching, they are united',
      { caldav: side(e('a'), null), cloud: side(e('b'), null) },
      'caldav update a,b; cloud update a,b',
    ],
    ['a side without them says nothing', { caldav: side(e('a'), e()), cloud: side(bare), agreed }, ''],
    ['a side that was not read with them says nothing', { caldav: side(e('a')), cloud: side(bare) }, ''],
    ['a copy has them', { caldav: side(e('a')), cloud: null }, 'cloud create a'],
    [
      'a copy on a side without them has none',
      { caldav: side(e('a')), cloud: null, forms: { caldav: HOLDS_ALL, cloud: {} } },
      'cloud create nothing',
    ],
    [
      'one way, the source decides',
      {
        caldav: side(e('a')),
        cloud: side(e('b', 'x'), e('a'), { isOwned: true }),
        agreed,
        direction: 'caldav-to-cloud',
      },
      'cloud update a',
    ],
    [
      'one way, the source decides where the option is new',
      { caldav: side(e('a')), cloud: side(e('b'), e(), { isOwned: true }), direction: 'caldav-to-cloud' },
      'cloud update a',
    ],
    [
      'one way, an event that was matched keeps its own',
      { caldav: side(e('a')), cloud: side(e('b')), direction: 'caldav-to-cloud' },
      '',
    ],
    [
      'a busy copy has none',
      { caldav: side(e('a')), cloud: null, options: { content: { toCloud: 'busy', toCaldav: 'full' } } },
      'cloud create ',
    ],
  ] as const satisfies readonly (readonly [string, Case, string])[]) {
    it(name, () => assert.equal(outcome(decided(given), 'categories'), expected));
  }

  it('are agreed on once both sides have them', () => {
    assert.deepEqual(decided({ caldav: side(e('a')), cloud: side(e('a')) }).agreedFields, ['categories']);
    assert.deepEqual(decided({ caldav: side(e('a')), cloud: side(bare) }).agreedFields, []);
  });

  it('stay whole where a side holds only some of them', () => {
    const forms = { caldav: HOLDS_ALL, cloud: { categories: (names: readonly string[]) => names.slice(0, 1) } };
    const whole = e('a', 'b');
    const at = (caldav: SideView, cloud: SideView): string =>
      outcome(decided({ caldav, cloud, forms, agreed }), 'categories');
    assert.equal(at(side(whole), side(e('a'))), '');
    assert.equal(at(side(whole), side(e('c'), e('a'))), 'caldav update b,c');
    assert.equal(at(side(whole), side(e(), e('a'))), 'caldav update b');
    assert.equal(at(side(e('b'), whole), side(e('a'))), 'cloud update b');
    assert.equal(at(side(e('a', 'b', 'c'), whole), side(e('a'))), '');
    assert.equal(outcome(decided({ caldav: side(whole), cloud: side(e('a')), forms }), 'categories'), '');
    assert.equal(outcome(decided({ caldav: side(whole), cloud: side(e()), forms }), 'categories'), 'cloud update a');
  });
});

describe('reminders that a pair copies', () => {
  const agreed = ['reminders'] as const;
  const forms = { caldav: HOLDS_ALL, cloud: HOLDS_ONE };
  const r = (...reminders: number[]): CalendarEvent => ({ ...future, reminders });
  const future = anEvent({ title: 'A', when: on('2026-06-10') });
  const past = (...reminders: number[]): CalendarEvent => ({ ...future, when: on('2026-06-09'), reminders });

  for (const [name, given, expected] of [
    ['a cut is never written back', { caldav: side(r(600, 3600)), cloud: side(r(600)), agreed, forms }, ''],
    [
      'an edit of the one that is shown leaves the rest',
      { caldav: side(r(600, 3600)), cloud: side(r(1800), r(600)), agreed, forms },
      'caldav update 1800,3600',
    ],
    [
      'the one that is shown, removed',
      { caldav: side(r(600, 3600)), cloud: side(r(), r(600)), agreed, forms },
      'caldav update 3600',
    ],
    [
      'the next one is shown when the nearest goes',
      { caldav: side(r(3600), r(600, 3600)), cloud: side(r(600)), agreed, forms },
      'cloud update 3600',
    ],
    [
      'one that is farther away is not shown',
      { caldav: side(r(600, 7200), r(600)), cloud: side(r(600)), agreed, forms },
      '',
    ],
    [
      'one after the start becomes one at the start',
      { caldav: side(r(-600), r()), cloud: side(r()), agreed, forms },
      'cloud update 0',
    ],
    ['which is not written back', { caldav: side(r(-600)), cloud: side(r(0)), agreed, forms }, ''],
    [
      'where the option is new, the one that is there wins',
      { caldav: side(r()), cloud: side(r(900)) },
      'caldav update 900',
    ],
    ['where the option is new, a cut says the same', { caldav: side(r(600, 3600)), cloud: side(r(600)), forms }, ''],
    [
      'where the option is new, the side modified last wins',
      { caldav: side(r(600)), cloud: side(r(900), r(900), { modifiedAt: 5 }), forms },
      'caldav update 900; lost reminders 600',
    ],
    ['where the option is new, the past is left alone', { caldav: side(past()), cloud: side(past(900)) }, ''],
    ['an edit of the past crosses', { caldav: side(past(60), past()), cloud: side(past()), agreed }, 'cloud update 60'],
    ['a copy of an event of the past has none', { caldav: side(past(60)), cloud: null }, 'cloud create '],
    ['a copy of an event of today has them', { caldav: side(r(60, 600)), cloud: null, forms }, 'cloud create 60'],
  ] as const satisfies readonly (readonly [string, Case, string])[]) {
    it(name, () => assert.equal(outcome(decided(given), 'reminders'), expected));
  }

  it('stay whole in an occurrence that is changed where only one is shown', () => {
    const series = (...reminders: number[]): CalendarEvent => ({
      ...r(...reminders),
      recurrence: { rules: ['RRULE:FREQ=DAILY;COUNT=5'], dates: [] },
    });
    const plain = series(600);
    const id = expandOccurrences(plain, 0, Date.parse('2027-01-01'), 3, 99).ids[1]!;
    const changed = { ...plain, exceptions: { [id]: { ...occurrenceContent(plain, id), location: 'There' } } };
    const decision = decided({ caldav: side(series(600, 3600)), cloud: side(changed, plain), agreed, forms });
    const written = decision.ops.map(({ side: on, next }) => [on, contentAt(next!, id).reminders, next!.reminders]);
    assert.deepEqual(written, [['caldav', [600, 3600], [600, 3600]]]);
  });

  it('of the past are not agreed on', () => {
    assert.deepEqual(decided({ caldav: side(past()), cloud: side(past(900)) }).agreedFields, []);
  });
});

function on(day: string): CalendarEvent['when'] {
  return { allDay: false, start: `${day}T05:00:00`, startZone: 'UTC', end: `${day}T06:00:00`, endZone: 'UTC' };
}

describe('a join link that only one side has', () => {
  const agreed = ['conference'] as const;
  const forms = { caldav: { conference: true }, cloud: { conference: true } } as const;
  const link = (own: string, shown = '', more: Partial<CalendarEvent> = {}): CalendarEvent =>
    anEvent({ title: 'A', conference: { own, shown }, ...more });
  const [a, b] = ['https://a.example', 'https://b.example'];

  const shown = (decision: Decision): string =>
    decision.ops
      .map((op) => `${op.side} ${op.action} ${op.next?.conference?.own ?? ''}/${op.next?.conference?.shown ?? ''}`)
      .join('; ');

  for (const [name, given, expected] of [
    ['is shown where the option is new', { caldav: side(link(a)), cloud: side(link('')) }, `cloud update /${a}`],
    ['is shown by the other side alike', { caldav: side(link('')), cloud: side(link(a)) }, `caldav update /${a}`],
    ['is shown by a copy', { caldav: side(link(a)), cloud: null, forms }, `cloud create /${a}`],
    ['is replaced', { caldav: side(link(b), link(a)), cloud: side(link('', a)), agreed }, `cloud update /${b}`],
    ['goes with its meeting', { caldav: side(link(''), link(a)), cloud: side(link('', a)), agreed }, 'cloud update /'],
    ['is not shown beside another one', { caldav: side(link(a)), cloud: side(link(b)) }, ''],
    ['is left alone at rest', { caldav: side(link(a)), cloud: side(link('', a)), agreed }, ''],
    ['stays out where a person took it out', { caldav: side(link(a)), cloud: side(link(''), link('', a)), agreed }, ''],
    [
      'is not shown twice',
      { caldav: side(link(a, '', { description: `See ${a}` })), cloud: null, forms },
      'cloud create /',
    ],
    [
      'goes where the text names it now',
      {
        caldav: side(link(a, '', { description: a }), link(a)),
        cloud: side(link('', a)),
        agreed,
      },
      'cloud update /',
    ],
    [
      'comes where the text names it no more',
      {
        caldav: side(link(a, '', { description: 'none' }), link(a, '', { description: a })),
        cloud: side(link('', '', { description: a })),
        agreed,
      },
      `cloud update /${a}`,
    ],
    [
      'one way, is shown on the target and never read there',
      {
        caldav: side(link(a)),
        cloud: side(link(b), link(b), { isOwned: true }),
        agreed,
        direction: 'caldav-to-cloud',
      },
      '',
    ],
    [
      'one way, where the option is new',
      { caldav: side(link(a)), cloud: side(link(''), link(''), { isOwned: true }), direction: 'caldav-to-cloud' },
      `cloud update /${a}`,
    ],
    [
      'is not shown by a busy copy',
      { caldav: side(link(a)), cloud: null, forms, options: { content: { toCloud: 'busy', toCaldav: 'full' } } },
      'cloud create /',
    ],
  ] as const satisfies readonly (readonly [string, Case, string])[]) {
    it(name, () => assert.equal(shown(decided(given)), expected));
  }

  it('is of each exception of a series', () => {
    const series = (own: string, of: string, showsAt: string | null): CalendarEvent => {
      const plain = link(own, '', { recurrence: { rules: ['RRULE:FREQ=DAILY'], dates: [] } });
      const { uid: _uid, recurrence: _rule, exceptions: _none, ...content } = plain;
      const conference = showsAt === null ? { own: of, shown: '' } : { own: '', shown: showsAt };
      return { ...plain, exceptions: { '20260612T080000Z': { ...content, title: 'B', conference } } };
    };
    const { ops } = decided({ caldav: side(series(a, b, null)), cloud: side(series('', '', '')) });
    const exception = ops[0]?.next?.exceptions['20260612T080000Z'];
    assert.deepEqual(
      [ops[0]?.next?.conference, typeof exception === 'object' && exception.conference],
      [
        { own: '', shown: a },
        { own: '', shown: b },
      ],
    );
  });
});

it('a copy whose reminders were not read before is untouched until somebody sets one', () => {
  const [before, read] = [anEvent(), anEvent({ reminders: [] })];
  assert.equal(isUntouched({ base: before, now: read }), true);
  assert.equal(isUntouched({ base: read, now: anEvent({ reminders: [600] }) }), false);
  assert.equal(isUntouched({ base: before, now: { ...read, title: 'B' } }), false);
});
