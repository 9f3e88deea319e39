/** Sections of a pair's page: its preview and its lists. */
import { button, folded, h, plain, table, theirs } from './dom.js';
import { count, heldTitle, problemTitle, when } from './labels.js';
import { fieldTitle, startOf, valueOf } from './values.js';

/** Longer lists are folded. */
const FOLDED = 10;

export function previewSection(ahead, sides) {
  if (ahead === null) return null;
  const { changes, matches, matched, held, conflicts, ...writesOf } = ahead.preview;
  const totals = ['caldav', 'cloud'].map((side) => [side, writesOf[side]]);
  const total = totals.reduce((sum, [, { create, update, delete: gone }]) => sum + create + update + gone, 0);
  const verb = { create: 'new', update: 'changed', delete: 'deleted' };
  const start = (item) => startOf(item.start);
  const will = changes.map((item, n) => ({
    key: `${n}`,
    cells: [theirs(item.title), start(item), sides[item.side], verb[item.action]],
  }));
  const linked = matches.map((item, n) => ({
    key: `${n}`,
    cells: [theirs(item.title), start(item), item.by === 'uid' ? 'same UID' : 'same title, start and recurrence'],
  }));
  return h(
    'section',
    { 'data-key': 'ahead' },
    h('h2', {}, 'What a sync would do'),
    h(
      'p',
      {},
      total === 0
        ? 'Nothing would be written.'
        : totals.flatMap(([side, { create, update, delete: deleted }]) => [
            `${sides[side]}: `,
            writes({ created: create, updated: update, deleted }, 'nothing'),
            '. ',
          ]),
    ),
    matched === 0 ? null : h('p', {}, `${count(matched, 'event')} on both sides would be linked instead of copied.`),
    held === 0 ? null : h('p', {}, `${count(held, 'deletion')} would wait for your decision.`),
    conflicts === 0 ? null : h('p', {}, `${count(conflicts, 'conflict')} would be resolved and listed.`),
    h('p', { class: 'sub' }, 'Compared ', when(ahead.at), '; nothing was written.'),
    previewList(
      'changes',
      count(total, 'change'),
      total,
      'What would be written',
      ['Event', 'Start', 'Where', 'What'],
      will,
    ),
    previewList(
      'matches',
      count(matched, 'match', 'matches'),
      matched,
      'Events on both sides that would be linked',
      ['Event', 'Start', 'Matched by'],
      linked,
    ),
  );
}

/** A list of a preview, of which the API returns the first 200. */
function previewList(key, amount, total, caption, columns, rows) {
  if (rows.length === 0) return null;
  const isCut = total > rows.length;
  return folded(
    `ahead-${key}`,
    `Show ${isCut ? `the first ${rows.length} of ${amount}` : amount}`,
    rows.length,
    FOLDED,
    table(caption, columns, rows),
  );
}

/**
 * Deletions that wait, by the calendar that would lose the events, each with a tick.
 * @param picked ids of those that are ticked @param most how many are listed
 */
export function heldSection(held, sides, { picked, most }) {
  if (held.length === 0) return null;
  const groups = [
    ...['caldav', 'cloud'].map((side) => [sides[side], held.filter((item) => item.side === side && !isLost(item))]),
    ['both sides', held.filter(isLost)],
  ].filter(([, items]) => items.length > 0);
  const n = picked.size;
  const chosen = n === 0 ? `all ${held.length}` : `the ${n} ticked`;
  return h(
    'section',
    { 'data-key': 'held', class: 'urgent' },
    h('h2', {}, 'Held deletions'),
    h(
      'p',
      {},
      `${count(held.length, 'deletion')} ${held.length === 1 ? 'waits' : 'wait'} for your decision. Until then the ` +
        'events stay where they are. Tick some to decide only about them.',
    ),
    h(
      'p',
      { class: 'buttons' },
      button(held.length === 1 ? 'Restore it …' : `Restore ${chosen} …`, 'restore', { 'data-key': 'restore' }),
      button(held.length === 1 ? 'Delete it …' : `Delete ${chosen} …`, 'apply', {
        class: 'danger',
        'data-key': 'apply',
      }),
    ),
    ...groups.map(([place, items]) =>
      table(
        place === 'both sides' ? 'Deleted on both sides' : `Still in ${place}, deleted on the other side`,
        ['Event', 'Start', 'Why it waits', 'Since'],
        items.slice(0, most).map((item) => heldRow(item, picked)),
      ),
    ),
    groups.some(([, items]) => items.length > most)
      ? button('List more', 'moreHeld', { 'data-key': 'more-held' })
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

const nameOf = (item) => plain(item.eventTitle || 'an event without a title', 80);

/** How many events will be deleted, by side. */
export function applying(held, sides) {
  const bySide = ['caldav', 'cloud']
    .map((side) => [side, held.filter((item) => item.side === side && item.reason !== 'lost-on-both').length])
    .filter(([, n]) => n > 0);
  const lost = held.length - bySide.reduce((sum, [, n]) => sum + n, 0);
  const [[onlySide] = []] = bySide;
  const where = bySide.length === 1 && lost === 0 ? ` from ${sides[onlySide]}` : '';
  const what = held.length === 1 ? nameOf(held[0]) : count(held.length, 'event');
  return {
    title: `Delete ${what}${where}?`,
    yes: held.length === 1 ? 'Delete it' : `Delete all ${held.length}`,
    isDangerous: true,
    text: [
      ...bySide.map(
        ([side, n]) =>
          `${count(n, 'event is', 'events are')} deleted from ${sides[side]}, since the other side has already ` +
          `deleted ${n === 1 ? 'it' : 'them'}.`,
      ),
      ...(lost > 0
        ? [`${count(lost, 'event is', 'events are')} already deleted on both sides and no longer listed.`]
        : []),
    ].join(' '),
  };
}

export function restoring(held, sides) {
  const other = { caldav: 'cloud', cloud: 'caldav' };
  const bySide = ['caldav', 'cloud']
    .map((side) => [other[side], held.filter((item) => item.side === side && item.reason !== 'lost-on-both').length])
    .filter(([, n]) => n > 0);
  const lost = held.length - bySide.reduce((sum, [, n]) => sum + n, 0);
  return {
    title: held.length === 1 ? `Restore ${nameOf(held[0])}?` : `Restore ${count(held.length, 'event')}?`,
    yes: held.length === 1 ? 'Restore it' : `Restore all ${held.length}`,
    text: [
      ...bySide.map(
        ([side, n]) => `${count(n, 'event is', 'events are')} written to ${sides[side]} again. Nothing is deleted.`,
      ),
      ...(lost > 0 ? [`${count(lost, 'event is', 'events are')} written to both sides again.`] : []),
    ].join(' '),
  };
}

export function problemsSection(problems, total, sides) {
  if (problems.length === 0) return null;
  const rows = problems.map((problem) => ({
    key: problem.id,
    cells: [
      theirs(problem.eventTitle),
      [h('strong', {}, problemTitle(problem.code)), ' ', h('code', {}, problem.code)],
      sides[problem.side] ?? problem.side,
      theirs(problem.detail, ''),
      when(problem.since),
    ],
  }));
  return h(
    'section',
    { 'data-key': 'problems' },
    h('h2', {}, 'Problems'),
    folded(
      'problem-events',
      `Show ${count(rows.length, 'problem')}`,
      rows.length,
      FOLDED,
      table('Events that cannot be synced, or not fully', ['Event', 'Problem', 'Side', 'Detail', 'Since'], rows),
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
    h('h2', {}, 'Conflicts'),
    folded(
      'conflict-events',
      `Show ${count(rows.length, 'conflict')}`,
      rows.length,
      FOLDED,
      table(
        'Changed on both sides at once; one value won',
        ['Event', 'Field', 'Kept', 'Lost', 'Kept from', 'When'],
        rows,
      ),
    ),
    more('conflicts', total, conflicts.length),
  );
}

function more(list, total, listed) {
  return total > listed
    ? button(`List more of ${total.toLocaleString('en')}`, 'more', { 'data-list': list, 'data-key': `more-${list}` })
    : null;
}

export const dash = () => h('span', { class: 'none dash' }, '–');

export function writes({ created, updated, deleted }, otherwise = dash()) {
  const parts = [
    [created, 'new'],
    [updated, 'changed'],
    [deleted, 'deleted'],
  ]
    .filter(([n]) => n > 0)
    .map(([n, word]) => `${n.toLocaleString('en')} ${word}`);
  return parts.length === 0 ? otherwise : parts.join(', ');
}
