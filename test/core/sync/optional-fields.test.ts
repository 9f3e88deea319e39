/** Fields that only some pairs copy: what is decided about them, whatever each side holds of them. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { CalendarEvent, OptionalField, SideName } from '../../../core/event.ts';
import type { OptionalForms } from '../../../core/optional-fields.ts';
import { type Decision, decide, type SideView } from '../../../core/sync/decide.ts';
import { DEFAULT_OPTIONS, type Direction, type PairOptions } from '../../../core/sync/policy.ts';
import { anEvent } from '../../support/fake-side.ts';

const NOW = Date.parse('2026-06-10T08:00:00Z');
const HOLDS_ALL: OptionalForms = { categories: (names) => names };

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
      options: { ...DEFAULT_OPTIONS, categories: 'copy', ...options },
      now: NOW,
      unsupported: () => null,
      forms: forms ?? { caldav: HOLDS_ALL, cloud: HOLDS_ALL },
      journal: {
        isOwnWrite: () => false,
        mayHaveWritten: () => false,
        hasArrived: () => false,
        isOwnDeletion: () => false,
        isNormalisedTo: () => false,
      },
    },
  );
}

/** What each side gets: `cloud a,b`; with conflicts. */
function outcome(decision: Decision, field: 'categories'): string {
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
