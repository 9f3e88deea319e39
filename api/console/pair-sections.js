/** Sections of a pair's page: its preview and its lists. */
import { button, folded, h, plain, table, theirs } from './dom.js';
import { count, heldTitle, problemTitle, when } from './labels.js';

/** How many items the page lists of each kind. */
export const LISTED = 200;
/** Longer lists are folded. */
const FOLDED = 10;

export function previewSection(ahead, sides) {
  if (ahead === null) return null;
  const { changes, matches, matched, held, conflicts, ...writesOf } = ahead.preview;
  const totals = ['caldav', 'cloud'].map((side) => [side, writesOf[side]]);
  const total = totals.reduce((sum, [, { create, update, delete: gone }]) => sum + create + update + gone, 0);
  const verb = { create: 'new', update: 'changed', delete: 'deleted' };
  const start = (item) => theirs(timeOf(item.start), 'no start');
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

export function heldSection(held, sides) {
  if (held.length === 0) return null;
  const rows = held.slice(0, LISTED).map((item) => ({
    key: item.id,
    cells: [
      theirs(item.eventTitle),
      item.eventStart === null ? h('span', { class: 'none' }, 'no start') : theirs(timeOf(item.eventStart)),
      item.reason === 'lost-on-both' ? 'both sides' : `${sides[item.side]} still has it`,
      heldTitle(item.reason),
      when(item.since),
      h(
        'span',
        { class: 'buttons' },
        button('Apply …', 'apply', { 'data-id': item.id, 'aria-label': `Apply the deletion of ${nameOf(item)}` }),
        button('Restore …', 'restore', { 'data-id': item.id, 'aria-label': `Restore ${nameOf(item)}` }),
      ),
    ],
  }));
  return h(
    'section',
    { 'data-key': 'held', class: 'urgent' },
    h('h2', {}, 'Held deletions'),
    h(
      'p',
      {},
      `${count(held.length, 'deletion')} ${held.length === 1 ? 'waits' : 'wait'} for your decision. Until then the ` +
        'events stay where they are.',
    ),
    h(
      'p',
      { class: 'sub' },
      'Apply deletes the event on the side that still has it. Restore writes it again to the side that lost it.',
    ),
    held.length === 1
      ? null
      : h(
          'p',
          { class: 'buttons' },
          button(`Restore all ${held.length} …`, 'restore'),
          button(`Apply all ${held.length} …`, 'apply', { class: 'danger' }),
        ),
    folded(
      'held-events',
      `Show ${count(held.length, 'event')}`,
      held.length,
      FOLDED,
      table('Held deletions', ['Event', 'Start', 'Where', 'Reason', 'Since', 'Decide'], rows),
    ),
    more(held.length, LISTED),
  );
}

/** As in the event, in its own time zone. */
const timeOf = (start) => start.replace(/(T\d\d:\d\d):00$/, '$1').replace('T', ' ');

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
    rows.length === 0
      ? h('p', { class: 'empty' }, 'Every event is synced.')
      : folded(
          'problem-events',
          `Show ${count(rows.length, 'problem')}`,
          rows.length,
          FOLDED,
          table('Events that cannot be synced, or not fully', ['Event', 'Problem', 'Side', 'Detail', 'Since'], rows),
        ),
    more(total, problems.length),
  );
}

export function conflictsSection(conflicts, total, sides) {
  const rows = conflicts.map((conflict) => ({
    key: conflict.id,
    cells: [
      theirs(conflict.eventTitle),
      theirs(conflict.field, 'the event'),
      value(conflict.keptValue),
      value(conflict.lostValue),
      sides[conflict.winner] ?? conflict.winner,
      when(conflict.at),
    ],
  }));
  return h(
    'section',
    { 'data-key': 'conflicts' },
    h('h2', {}, 'Conflicts'),
    rows.length === 0
      ? h('p', { class: 'empty' }, 'No field was changed on both sides at once.')
      : folded(
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
    more(total, conflicts.length),
  );
}

function value(of) {
  if (of === null || of === undefined || of === '') return h('span', { class: 'none' }, 'nothing');
  return typeof of === 'object' ? h('code', {}, theirs(JSON.stringify(of))) : theirs(String(of));
}

function more(total, listed) {
  return total > listed
    ? h(
        'p',
        { class: 'sub' },
        `The first ${listed} of ${total.toLocaleString('en')} are listed here; the API lists all.`,
      )
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
