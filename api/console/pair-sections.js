/** Sections of a pair's page: its preview and its lists. */
import { inWords } from './api.js';
import { button, dash, folded, h, nameIn, table, theirs } from './dom.js';
import { heldTitle, problemTitle, when } from './labels.js';
import { CONFLICTS, HELD, PAIR, PREVIEW, PROBLEMS } from './texts/pairs.js';
import { WORDS } from './texts/shell.js';
import { fieldTitle, startOf, valueOf } from './values.js';

/** Longer lists are folded. */
const FOLDED = 10;

/** @param heading null: the page has one already */
export function previewSection(ahead, sides, heading = PREVIEW.heading) {
  if (ahead === null) return null;
  const { changes, matches, matched, held, conflicts, ...writesOf } = ahead.preview;
  const totals = ['caldav', 'cloud'].map((side) => [side, writesOf[side]]);
  const total = totals.reduce((sum, [, { create, update, delete: gone }]) => sum + create + update + gone, 0);
  const start = (item) => startOf(item.start);
  const will = changes.map((item, n) => ({
    key: `${n}`,
    cells: [theirs(item.title), start(item), sides[item.side], PREVIEW.actions[item.action]],
  }));
  const linked = matches.map((item, n) => ({
    key: `${n}`,
    cells: [theirs(item.title), start(item), PREVIEW.matchedBy(item.by)],
  }));
  return h(
    'section',
    { 'data-key': 'ahead' },
    heading === null ? null : h('h2', {}, heading),
    total === 0
      ? h('p', {}, PREVIEW.nothing)
      : h(
          'dl',
          { class: 'facts' },
          ...totals.map(([side, { create, update, delete: deleted }]) =>
            h(
              'div',
              {},
              h('dt', {}, PAIR.writtenTo(sides[side])),
              h('dd', {}, writes({ created: create, updated: update, deleted }, WORDS.nothing)),
            ),
          ),
        ),
    matched === 0 ? null : h('p', {}, PREVIEW.linked(matched)),
    held === 0 ? null : h('p', {}, PREVIEW.held(held)),
    conflicts === 0 ? null : h('p', {}, PREVIEW.conflicts(conflicts)),
    h('p', { class: 'sub' }, ...PREVIEW.compared(when(ahead.at))),
    previewList(
      'changes',
      PREVIEW.changes(total),
      total,
      table(PREVIEW.changesCaption, PREVIEW.changesColumns, will),
      will.length,
    ),
    previewList(
      'matches',
      PREVIEW.matches(matched),
      matched,
      table(PREVIEW.matchesCaption, PREVIEW.matchesColumns, linked),
      linked.length,
    ),
  );
}

/** A list of a preview, of which the API returns the first 200. */
function previewList(key, amount, total, list, listed) {
  if (listed === 0) return null;
  const summary = total > listed ? PREVIEW.showFirst(listed, amount) : PREVIEW.show(amount);
  return folded(`ahead-${key}`, summary, listed, FOLDED, list);
}

/**
 * Deletions that wait, by the calendar that would lose the events, each with a tick.
 * @param picked ids of those that are ticked @param most how many are listed
 */
export function heldSection(held, sides, { picked, most }) {
  if (held.length === 0) return null;
  const groups = [
    ...['caldav', 'cloud'].map((side) => [
      HELD.stillIn(sides[side]),
      held.filter((item) => item.side === side && !isLost(item)),
    ]),
    [HELD.onBoth, held.filter(isLost)],
  ].filter(([, items]) => items.length > 0);
  return h(
    'section',
    { 'data-key': 'held', class: 'urgent' },
    h('h2', {}, HELD.heading),
    h('p', {}, HELD.intro(held.length)),
    h(
      'p',
      { class: 'buttons' },
      button(HELD.restore(held.length, picked.size), 'restore', { 'data-key': 'restore' }),
      button(HELD.delete(held.length, picked.size), 'apply', {
        class: 'danger',
        'data-key': 'apply',
      }),
    ),
    ...groups.map(([caption, items]) =>
      table(
        caption,
        HELD.columns,
        items.slice(0, most).map((item) => heldRow(item, picked)),
      ),
    ),
    groups.some(([, items]) => items.length > most)
      ? button(HELD.listMore, 'moreHeld', { 'data-key': 'more-held' })
      : null,
  );
}

const isLost = ({ reason }) => reason === 'lost-on-both';

function heldRow(item, picked) {
  return {
    key: item.id,
    cells: [
      h(
        'label',
        { class: 'tick' },
        h('input', { type: 'checkbox', 'data-change': 'pick', 'data-id': item.id, checked: picked.has(item.id) }),
        h('span', {}, theirs(item.eventTitle)),
      ),
      startOf(item.eventStart),
      heldTitle(item.reason),
      when(item.since),
    ],
  };
}

const nameOf = (item) => nameIn(item.eventTitle, HELD.untitled);

const OTHER = { caldav: 'cloud', cloud: 'caldav' };

/** What is asked before events are deleted on the sides that still have them. */
export function applying(held, sides) {
  return { ...HELD.applying(...amountsOf(held, (side) => sides[side])), isDangerous: true };
}

/** What is asked before events are written to the sides that lost them. */
export const restoring = (held, sides) => HELD.restoring(...amountsOf(held, (side) => sides[OTHER[side]]));

function amountsOf(held, placeAt) {
  const bySide = ['caldav', 'cloud']
    .map((side) => [placeAt(side), held.filter((item) => item.side === side && !isLost(item)).length])
    .filter(([, n]) => n > 0);
  return [held.length, nameOf(held[0]), bySide, held.filter(isLost).length];
}

export function problemsSection(problems, total, sides) {
  if (problems.length === 0) return null;
  const rows = problems.map((problem) => ({
    key: problem.id,
    cells: [
      theirs(problem.eventTitle),
      [h('strong', {}, problemTitle(problem.code)), ' ', h('code', {}, problem.code)],
      sides[problem.side] ?? problem.side,
      theirs(inWords(problem.detail), ''),
      when(problem.since),
    ],
  }));
  return h(
    'section',
    { 'data-key': 'problems' },
    h('h2', {}, PROBLEMS.heading),
    folded(
      'problem-events',
      PROBLEMS.show(rows.length, total),
      rows.length,
      FOLDED,
      table(PROBLEMS.caption, PROBLEMS.columns, rows),
    ),
    more('problems', total, problems.length),
  );
}

export function conflictsSection(conflicts, total, sides) {
  if (conflicts.length === 0) return null;
  const rows = conflicts.map((conflict) => ({
    key: conflict.id,
    cells: [
      theirs(conflict.eventTitle),
      fieldTitle(conflict.field),
      valueOf(conflict.field, conflict.keptValue),
      valueOf(conflict.field, conflict.lostValue),
      sides[conflict.winner] ?? conflict.winner,
      when(conflict.at),
    ],
  }));
  return h(
    'section',
    { 'data-key': 'conflicts' },
    h('h2', {}, CONFLICTS.heading),
    folded(
      'conflict-events',
      CONFLICTS.show(rows.length, total),
      rows.length,
      FOLDED,
      table(CONFLICTS.caption, CONFLICTS.columns, rows),
    ),
    more('conflicts', total, conflicts.length),
  );
}

function more(list, total, listed) {
  return total > listed
    ? button(PAIR.listMore(total), 'more', { 'data-list': list, 'data-key': `more-${list}` })
    : null;
}

/** What was written to one side. */
export function writes(amounts, otherwise = dash()) {
  const parts = Object.entries(PAIR.written).filter(([what]) => amounts[what] > 0);
  return parts.length === 0 ? otherwise : parts.map(([what, word]) => PAIR.amount(amounts[what], word)).join(', ');
}
