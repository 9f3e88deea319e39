/** One pair: its state, its last runs, and everything that a person should know or decide. */
import { all, call, get, now, Problem } from './api.js';
import { button, folded, h, plain, table, theirs } from './dom.js';
import { count, directionOf, ERROR, HELD, PROBLEM, RESULT, TRIGGER, took, when } from './labels.js';
import { byId, facts, pairTitle, statusOf, surroundings } from './overview.js';

const RUNS = 20;
/** Of the other lists; held changes are loaded completely, as a decision names exactly what was loaded. */
const SHOWN = 200;
/** Longer lists are folded. */
const FOLDED = 25;

export function pairPage(id, { config, confirm, say, go }) {
  const path = `/v1/pairs/${encodeURIComponent(id)}`;
  let data = null;
  let listsAre = '';
  /**
   * What a sync would have done when somebody asked, and when that was; shown until a run is asked for or the page is
   * left.
   */
  let ahead = null;

  async function loadLists(pair, signal) {
    const wanted = JSON.stringify([pair.counts, pair.lastSyncAt]);
    if (wanted === listsAre) return data.lists;
    const { counts } = pair;
    const first = async (name, n) => (n === 0 ? [] : (await get(`${path}/${name}?limit=${SHOWN}`, signal)).items);
    const [held, problems, conflicts] = await Promise.all([
      counts.heldChanges === 0 ? [] : all(`${path}/held-changes`, signal),
      first('problems', counts.problems),
      first('conflicts', counts.conflicts),
    ]);
    listsAre = wanted;
    return { held, problems, conflicts };
  }

  async function decide(decision, ids) {
    const held = data.lists.held.filter((item) => ids.includes(item.id));
    const { sides } = surroundings(data.pair, data);
    if (!(await confirm(decision === 'apply' ? applying(held, sides) : restoring(held, sides)))) return;
    try {
      await call('POST', `${path}/held-changes/${decision}`, { ids });
      ahead = null;
      say(
        data.pair.status === 'paused'
          ? 'Decided. It is carried out once the pair is resumed.'
          : 'Decided. A run carries it out now.',
      );
    } catch (error) {
      if (!(error instanceof Problem) || error.code !== 'not-found') throw error;
      throw new Problem({
        ...error,
        title: 'The list has changed meanwhile',
        detail: 'Nothing was decided. Look at it again.',
      });
    } finally {
      listsAre = '';
    }
  }

  const post = (what) => call('POST', `${path}/${what}`);
  /** Asks for a run: what was foreseen is no longer ahead. */
  const begin = async (what) => {
    await post(what);
    ahead = null;
  };
  const actions = {
    async sync() {
      await begin('sync');
      say('Both calendars are looked at now.');
    },
    async preview() {
      say('Both calendars are read and compared; that takes up to a minute.');
      ahead = { preview: await post('preview'), at: new Date(now()).toISOString() };
      say('Nothing was written. Below is what a sync would do.');
    },
    async pause() {
      await post('pause');
      say('Paused: nothing more is written.');
    },
    async resume() {
      await begin('resume');
      say('Resumed: both calendars are looked at now.');
    },
    async resync() {
      const isSure = await confirm({
        title: 'Compare everything?',
        yes: 'Compare',
        text:
          'Both calendars are read completely and compared, event by event. What differs is put ' +
          'right by the usual rules, and ' +
          'many deletions at once still wait for you. With large calendars it takes a while.',
      });
      if (!isSure) return;
      await begin('resync');
      say('The full comparison has begun.');
    },
    async remove() {
      const isSure = await confirm({
        title: 'Delete this pair?',
        yes: 'Delete the pair',
        isDangerous: true,
        text:
          'The two calendars are no longer kept in sync, and what Calpair knows of them is deleted. ' +
          'All events stay where they are, on both sides.',
      });
      if (!isSure) return;
      await call('DELETE', path);
      say('The pair is deleted. All events have stayed.');
      go('#/');
    },
    apply: (element) => decide('apply', idsOf(element, data)),
    restore: (element) => decide('restore', idsOf(element, data)),
  };

  return {
    title: 'Pair',
    isLive: true,
    async load(signal) {
      const [pair, runs, accounts, connections] = await Promise.all([
        get(path, signal),
        get(`${path}/runs?limit=${RUNS}`, signal),
        all('/v1/accounts', signal),
        all('/v1/connections', signal),
      ]);
      data = {
        pair,
        runs: runs.items,
        accounts: byId(accounts),
        connections: byId(connections),
        lists: await loadLists(pair, signal),
      };
    },
    render() {
      const { pair, runs, lists } = data;
      const around = surroundings(pair, data);
      return [
        h('p', { class: 'back' }, h('a', { href: '#/' }, '← All pairs')),
        h('h1', { class: 'pair' }, ...pairTitle(pair, around)),
        h(
          'p',
          { class: 'sub' },
          theirs(around.connection?.name, 'Connection without a name'),
          ` · ${directionOf(pair.direction, around.sides)} · looks every `,
          count(pair.pollIntervalSeconds, 'second'),
        ),
        statusOf(pair, around),
        facts(pair),
        buttons(pair, config),
        previewSection(ahead, around.sides),
        heldSection(lists.held, around.sides),
        runsSection(runs, around.sides),
        problemsSection(lists.problems, pair.counts.problems, around.sides),
        conflictsSection(lists.conflicts, pair.counts.conflicts, around.sides),
        settings(pair),
      ].filter((part) => part !== null);
    },
    actions,
  };
}

function buttons(pair, config) {
  const isPaused = pair.status === 'paused';
  return h(
    'p',
    { class: 'buttons' },
    isPaused ? null : button('Sync now', 'sync', { class: 'main', 'data-key': 'sync' }),
    // One button with two meanings: the focus stays on it.
    isPaused
      ? button('Resume', 'resume', { class: 'main', 'data-key': 'pause' })
      : button('Pause', 'pause', { 'data-key': 'pause' }),
    button('Preview', 'preview', { 'data-key': 'preview' }),
    isPaused ? null : button('Full comparison …', 'resync', { 'data-key': 'resync' }),
    button('Delete …', 'remove', { class: 'danger', 'data-key': 'remove' }),
    config.workflowsUrl === null
      ? null
      : h(
          'a',
          {
            'data-key': 'workflow',
            href: config.workflowsUrl + encodeURIComponent(pair.workflowId),
            target: '_blank',
            rel: 'noopener noreferrer',
          },
          'Workflow in Temporal',
        ),
  );
}

function previewSection(ahead, sides) {
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
    matched === 0 ? null : h('p', {}, `${count(matched, 'event')} on both sides would be linked and not copied.`),
    held === 0 ? null : h('p', {}, `${count(held, 'deletion')} would wait for your decision.`),
    conflicts === 0 ? null : h('p', {}, `${count(conflicts, 'conflict')} would be decided and listed.`),
    h('p', { class: 'sub' }, 'Looked at ', when(ahead.at), '; nothing was written.'),
    long('changes', count(total, 'change'), total, 'What would be written', ['Event', 'Start', 'Where', 'What'], will),
    long(
      'matches',
      count(matched, 'match', 'matches'),
      matched,
      'Events on both sides that would be linked',
      ['Event', 'Start', 'Told by'],
      linked,
    ),
  );
}

/** A list of a preview, of which the API gives the first 200. */
function long(key, amount, total, caption, columns, rows) {
  if (rows.length === 0) return null;
  const isCut = total > rows.length;
  return folded(
    `ahead-${key}`,
    `Look at ${isCut ? `the first ${rows.length} of ${amount}` : amount}`,
    rows.length,
    FOLDED,
    table(caption, columns, rows),
  );
}

function heldSection(held, sides) {
  if (held.length === 0) return null;
  const rows = held.slice(0, SHOWN).map((item) => ({
    key: item.id,
    cells: [
      theirs(item.eventTitle),
      item.eventStart === null ? h('span', { class: 'none' }, 'no start') : theirs(timeOf(item.eventStart)),
      item.reason === 'lost-on-both' ? 'both sides' : `${sides[item.side]} still has it`,
      HELD[item.reason] ?? item.reason,
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
      `${count(held.length, 'deletion')} ${held.length === 1 ? 'waits' : 'wait'} for your ` +
        'decision. Until then the events stay where they still are.',
    ),
    h('p', { class: 'sub' }, 'Apply deletes an event where it still is. Restore brings it back where it was lost.'),
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
      `Look at ${count(held.length, 'event')}`,
      held.length,
      FOLDED,
      table('Deletions that wait', ['Event', 'Start', 'Where', 'Why it waits', 'Since', 'Decide'], rows),
    ),
    more(held.length, SHOWN),
  );
}

/** As it stands in the event, in its own zone. */
const timeOf = (start) => start.replace(/(T\d\d:\d\d):00$/, '$1').replace('T', ' ');
const nameOf = (item) => plain(item.eventTitle || 'an event without a title', 80);
const idsOf = (element, { lists }) => (element.dataset.id ? [element.dataset.id] : lists.held.map(({ id }) => id));

/** Says on which side how many events will be gone for good. */
function applying(held, sides) {
  const bySide = ['caldav', 'cloud']
    .map((side) => [side, held.filter((item) => item.side === side && item.reason !== 'lost-on-both').length])
    .filter(([, n]) => n > 0);
  const lost = held.length - bySide.reduce((sum, [, n]) => sum + n, 0);
  return {
    title: held.length === 1 ? `Delete ${nameOf(held[0])}?` : `Delete ${count(held.length, 'event')}?`,
    yes: held.length === 1 ? 'Delete it' : `Delete all ${held.length}`,
    isDangerous: true,
    text: [
      ...bySide.map(
        ([side, n]) =>
          `${count(n, 'event is', 'events are')} deleted from ${sides[side]}, as the other side has ` +
          `deleted ${n === 1 ? 'it' : 'them'} already.`,
      ),
      ...(lost > 0
        ? [`${count(lost, 'event is', 'events are')} gone from both sides and ${lost === 1 ? 'is' : 'are'} forgotten.`]
        : []),
    ].join(' '),
  };
}

function restoring(held, sides) {
  const other = { caldav: 'cloud', cloud: 'caldav' };
  const bySide = ['caldav', 'cloud']
    .map((side) => [other[side], held.filter((item) => item.side === side && item.reason !== 'lost-on-both').length])
    .filter(([, n]) => n > 0);
  const lost = held.length - bySide.reduce((sum, [, n]) => sum + n, 0);
  return {
    title: held.length === 1 ? `Bring back ${nameOf(held[0])}?` : `Bring back ${count(held.length, 'event')}?`,
    yes: held.length === 1 ? 'Bring it back' : `Bring back all ${held.length}`,
    text: [
      ...bySide.map(
        ([side, n]) => `${count(n, 'event is', 'events are')} written to ${sides[side]} again. Nothing is deleted.`,
      ),
      ...(lost > 0 ? [`${count(lost, 'event is', 'events are')} written to both sides again.`] : []),
    ].join(' '),
  };
}

function runsSection(runs, sides) {
  const rows = runs.map((run) => ({
    key: run.id,
    cells: [
      when(run.startedAt),
      TRIGGER[run.trigger] ?? run.trigger,
      resultOf(run, sides),
      run.finishedAt === null ? '…' : took(run.startedAt, run.finishedAt),
      amount(run.read.caldav),
      amount(run.read.cloud),
      writes(run.caldav),
      writes(run.cloud),
      found(run),
    ],
  }));
  const columns = [
    'Began',
    'Why',
    'Result',
    'Took',
    `Read: ${sides.caldav}`,
    `Read: ${sides.cloud}`,
    `Written: ${sides.caldav}`,
    `Written: ${sides.cloud}`,
    'Found',
  ];
  return h(
    'section',
    { 'data-key': 'runs' },
    h('h2', {}, 'Last runs'),
    rows.length === 0
      ? h('p', { class: 'empty' }, 'No run yet.')
      : table('Runs, newest first; looks that found nothing are left out', columns, rows),
  );
}

function resultOf(run, sides) {
  return [
    h('span', { class: `badge ${run.result}` }, RESULT[run.result] ?? run.result),
    run.error === null
      ? null
      : h(
          'p',
          { class: 'detail' },
          run.error.side ? `${sides[run.error.side]}: ` : '',
          h('strong', {}, ERROR[run.error.code] ?? run.error.code),
          ' ',
          theirs(run.error.detail, ''),
        ),
  ];
}

const dash = () => h('span', { class: 'none dash' }, '–');
const amount = (n) => (n === 0 ? dash() : count(n, 'event'));

function writes({ created, updated, deleted }, otherwise = dash()) {
  const parts = [
    [created, 'new'],
    [updated, 'changed'],
    [deleted, 'deleted'],
  ]
    .filter(([n]) => n > 0)
    .map(([n, word]) => `${n.toLocaleString('en')} ${word}`);
  return parts.length === 0 ? otherwise : parts.join(', ');
}

function found({ conflicts, held, problems }) {
  const parts = [
    [conflicts, 'conflict'],
    [held, 'held deletion'],
    [problems, 'problem'],
  ]
    .filter(([n]) => n > 0)
    .map(([n, word]) => count(n, word));
  return parts.length === 0 ? dash() : parts.join(', ');
}

function problemsSection(problems, total, sides) {
  const rows = problems.map((problem) => ({
    key: problem.id,
    cells: [
      theirs(problem.eventTitle),
      [h('strong', {}, PROBLEM[problem.code] ?? problem.code), ' ', h('code', {}, problem.code)],
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
      ? h('p', { class: 'empty' }, 'Every event is carried over.')
      : folded(
          'problem-events',
          `Look at ${count(rows.length, 'problem')}`,
          rows.length,
          FOLDED,
          table(
            'Events that cannot be carried over, or not fully',
            ['Event', 'Problem', 'Side', 'Detail', 'Since'],
            rows,
          ),
        ),
    more(total, problems.length),
  );
}

function conflictsSection(conflicts, total, sides) {
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
      ? h('p', { class: 'empty' }, 'Nobody has changed the same thing on both sides.')
      : folded(
          'conflict-events',
          `Look at ${count(rows.length, 'conflict')}`,
          rows.length,
          FOLDED,
          table(
            'Changed on both sides at once; one value was kept',
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

function more(total, shown) {
  return total > shown
    ? h('p', { class: 'sub' }, `The first ${shown} of ${total.toLocaleString('en')} are shown; the API lists them all.`)
    : null;
}

function settings(pair) {
  return h(
    'details',
    { 'data-key': 'settings' },
    h('summary', {}, 'Settings and ids'),
    h(
      'dl',
      { class: 'plain' },
      ...[
        ['Pair', pair.id],
        ['Connection', pair.connectionId],
        ['CalDAV calendar', pair.caldavCalendarId],
        ['Cloud calendar', pair.cloudCalendarId],
        ['Workflow', pair.workflowId],
        ['Created', new Date(pair.createdAt).toLocaleString()],
        ['Options', JSON.stringify(pair.options, null, 1)],
      ].map(([name, text]) => h('div', {}, h('dt', {}, name), h('dd', {}, h('code', {}, text)))),
    ),
  );
}
