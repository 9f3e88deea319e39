/** The page of one pair: its status, its last runs and its lists. */
import { all, call, get, now, Problem } from './api.js';
import { button, h, table, theirs } from './dom.js';
import { count, directionOf, errorTitle, resultTitle, took, triggerTitle, when } from './labels.js';
import { byId, facts, pairTitle, statusOf, surroundings } from './overview.js';
import {
  applying,
  conflictsSection,
  dash,
  heldSection,
  LISTED,
  previewSection,
  problemsSection,
  restoring,
  writes,
} from './pair-sections.js';

const RUNS = 20;

export function pairPage(id, { config, confirm, notify, go }) {
  const path = `/v1/pairs/${encodeURIComponent(id)}`;
  let data = null;
  /** The counts that the loaded lists belong to. */
  let listedCounts = '';
  /** The last preview and its time, shown until a run is requested or the page is left. */
  let ahead = null;

  async function loadLists(pair, signal) {
    const current = JSON.stringify([pair.counts, pair.lastSyncAt]);
    if (current === listedCounts) return data.lists;
    const { counts } = pair;
    // Held changes are loaded completely, since a decision names exactly what was loaded.
    const first = async (name, n) => (n === 0 ? [] : (await get(`${path}/${name}?limit=${LISTED}`, signal)).items);
    const [held, problems, conflicts] = await Promise.all([
      counts.heldChanges === 0 ? [] : all(`${path}/held-changes`, signal),
      first('problems', counts.problems),
      first('conflicts', counts.conflicts),
    ]);
    listedCounts = current;
    return { held, problems, conflicts };
  }

  async function decide(decision, ids) {
    const held = data.lists.held.filter((item) => ids.includes(item.id));
    const { sides } = surroundings(data.pair, data);
    if (!(await confirm(decision === 'apply' ? applying(held, sides) : restoring(held, sides)))) return;
    try {
      await call('POST', `${path}/held-changes/${decision}`, { ids });
      ahead = null;
      notify(
        data.pair.status === 'paused'
          ? 'Decided. The pair carries it out after it is resumed.'
          : 'Decided. A run carries it out now.',
      );
    } catch (error) {
      if (!(error instanceof Problem) || error.code !== 'not-found') throw error;
      throw new Problem({
        ...error,
        title: 'The list has changed',
        detail: 'Nothing was decided. Review the new list.',
      });
    } finally {
      listedCounts = '';
    }
  }

  const post = (what) => call('POST', `${path}/${what}`);
  /** Requests a run, which makes the preview outdated. */
  const begin = async (what) => {
    await post(what);
    ahead = null;
  };
  const actions = {
    async sync() {
      await begin('sync');
      notify('The sync has begun.');
    },
    async preview() {
      notify('Both calendars are read and compared, which takes up to a minute.');
      const answer = await post('preview?wait=120');
      if (answer.changes === undefined) return notify('The calendars are large: ask again in a minute.');
      ahead = { preview: answer, at: new Date(now()).toISOString() };
      notify('Nothing was written. Below is what a sync would do.');
    },
    async pause() {
      await post('pause');
      notify('The pair is paused.');
    },
    async resume() {
      await begin('resume');
      notify('The pair is resumed; a sync has begun.');
    },
    async resync() {
      const isSure = await confirm({
        title: 'Compare everything?',
        yes: 'Compare',
        text:
          'Both calendars are read in full and compared event by event. Differences are synced by the usual rules, ' +
          'and many deletions at once still wait for your decision. Large calendars take a while.',
      });
      if (!isSure) return;
      await begin('resync');
      notify('The full comparison has begun.');
    },
    async remove() {
      const isSure = await confirm({
        title: 'Delete this pair?',
        yes: 'Delete the pair',
        isDangerous: true,
        text:
          'The two calendars are no longer kept in sync, and what Calpair stored of their events is deleted. All ' +
          'events stay on both sides.',
      });
      if (!isSure) return;
      await call('DELETE', path);
      notify('The pair is deleted. All events stay.');
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
          ` · ${directionOf(pair.direction, around.sides)} · polls every `,
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

const idsOf = (element, { lists }) => (element.dataset.id ? [element.dataset.id] : lists.held.map(({ id }) => id));

function runsSection(runs, sides) {
  const rows = runs.map((run) => ({
    key: run.id,
    cells: [
      when(run.startedAt),
      triggerTitle(run.trigger),
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
    'Trigger',
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
      : table('Runs, newest first; polls that found nothing are left out', columns, rows),
  );
}

function resultOf(run, sides) {
  return [
    h('span', { class: `badge ${run.result}` }, resultTitle(run.result)),
    run.error === null
      ? null
      : h(
          'p',
          { class: 'detail' },
          run.error.side ? `${sides[run.error.side]}: ` : '',
          h('strong', {}, errorTitle(run.error.code)),
          ' ',
          theirs(run.error.detail, ''),
        ),
  ];
}

const amount = (n) => (n === 0 ? dash() : count(n, 'event'));

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
