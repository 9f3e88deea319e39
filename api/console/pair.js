/** The page of one pair: its status, its last runs and its lists. */
import { all, call, list, now, Problem } from './api.js';
import { backLink, button, h, theirs } from './dom.js';
import { facts, MORE, pairTitle, statusOf, surroundings } from './overview.js';
import { loadPair } from './pair-data.js';
import { optionTexts } from './pair-options.js';
import {
  applying,
  conflictsSection,
  heldSection,
  previewSection,
  problemsSection,
  restoring,
} from './pair-sections.js';
import { askPreview, previewProgress } from './preview.js';
import { runsSection } from './runs.js';
import { RUNS } from './texts/events.js';
import { HELD, PAIR } from './texts/pairs.js';
import { WORDS } from './texts/shell.js';
import { interval } from './texts/units.js';

/** How many of each list are shown at first. */
const LISTED = 20;

export function pairPage(id, { config, confirm, notify, go, redraw }) {
  const path = `/v1/pairs/${encodeURIComponent(id)}`;
  let data = null;
  /** The counts that the loaded lists belong to. */
  let listedCounts = '';
  /** The last preview and its time, shown until a run is requested or the page is left. */
  let ahead = null;
  const most = { runs: LISTED, held: LISTED, problems: LISTED, conflicts: LISTED };
  /** Ids of held deletions that are ticked. */
  const picked = new Set();

  async function loadLists(pair, signal) {
    const current = JSON.stringify([pair.counts, pair.lastSyncAt, most]);
    if (current === listedCounts) return data.lists;
    const { counts } = pair;
    // Held changes are loaded completely, since a decision names exactly what was loaded.
    const first = async (name, n) => (n === 0 ? [] : (await list(`${path}/${name}`, most[name], signal)).items);
    const [held, problems, conflicts] = await Promise.all([
      counts.heldChanges === 0 ? [] : all(`${path}/held-changes`, signal),
      first('problems', counts.problems),
      first('conflicts', counts.conflicts),
    ]);
    listedCounts = current;
    const ids = new Set(held.map(({ id }) => id));
    for (const id of picked) if (!ids.has(id)) picked.delete(id);
    return { held, problems, conflicts };
  }

  const decided = () => (picked.size > 0 ? [...picked] : data.lists.held.map(({ id }) => id));

  async function decide(decision, ids) {
    const held = data.lists.held.filter((item) => ids.includes(item.id));
    const { sides } = surroundings(data.pair, data);
    if (!(await confirm(decision === 'apply' ? applying(held, sides) : restoring(held, sides)))) return;
    try {
      await call('POST', `${path}/held-changes/${decision}`, { ids });
      ahead = null;
      notify(data.pair.status === 'paused' ? HELD.decidedWhilePaused : HELD.decided);
    } catch (error) {
      if (!(error instanceof Problem) || error.code !== 'not-found') throw error;
      throw new Problem({ ...error, ...HELD.listChanged });
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
      notify(PAIR.syncBegan);
    },
    async preview() {
      notify(previewProgress(null));
      const answer = await askPreview(path, (progress) => notify(previewProgress(progress)));
      ahead = { preview: answer, at: new Date(now()).toISOString() };
      notify(PAIR.previewed);
    },
    async pause() {
      await post('pause');
      notify(PAIR.paused);
    },
    async resume() {
      await begin('resume');
      notify(PAIR.resumed);
    },
    async resync() {
      if (!(await confirm(PAIR.resyncQuestion))) return;
      await begin('resync');
      notify(PAIR.resyncBegan);
    },
    async remove() {
      if (!(await confirm({ ...PAIR.removeQuestion, isDangerous: true }))) return;
      await call('DELETE', path);
      notify(PAIR.removed);
      go('#/');
    },
    apply: () => decide('apply', decided()),
    restore: () => decide('restore', decided()),
    pick(element) {
      if (element.checked) picked.add(element.dataset.id);
      else picked.delete(element.dataset.id);
      redraw();
    },
    more(element) {
      most[element.dataset.list] *= MORE;
    },
    moreHeld() {
      most.held *= MORE;
    },
    moreRuns() {
      most.runs *= MORE;
    },
  };

  return {
    title: PAIR.title,
    isLive: true,
    async load(signal) {
      const [loaded, runs] = await Promise.all([loadPair(id, signal), list(`${path}/runs`, most.runs, signal)]);
      data = { ...loaded, runs, lists: await loadLists(loaded.pair, signal) };
    },
    render() {
      const { pair, runs, lists } = data;
      const around = surroundings(pair, data);
      return [
        backLink('#/', PAIR.back),
        h('h1', { class: 'pair' }, ...pairTitle(pair, around)),
        h(
          'p',
          { class: 'sub' },
          around.connection?.name ? [theirs(around.connection.name), ' · '] : null,
          [
            PAIR.direction(pair.direction, around.sides),
            ...noticedTexts(pair, around.accountNames),
            ...optionTexts(pair.options, around.sides),
          ].join(' · '),
        ),
        statusOf(pair, around),
        facts(pair),
        buttons(pair, config),
        previewSection(ahead, around.sides),
        heldSection(lists.held, around.sides, { picked, most: most.held }),
        problemsSection(lists.problems, pair.counts.problems, around.sides),
        conflictsSection(lists.conflicts, pair.counts.conflicts, around.sides),
        runsSection(
          pair.id,
          runs.items,
          around.sides,
          runs.nextCursor === null ? null : button(RUNS.listMore, 'moreRuns', { 'data-key': 'more-runs' }),
        ),
      ].filter((part) => part !== null);
    },
    actions,
  };
}

/** How the changes of each side are noticed. */
function noticedTexts({ changeDetection }, accountNames) {
  return ['caldav', 'cloud'].map((side) => {
    const { mode, pollSeconds } = changeDetection[side];
    return mode === 'push'
      ? PAIR.reportsChanges(accountNames[side])
      : PAIR.isAsked(accountNames[side], interval(pollSeconds));
  });
}

function buttons(pair, config) {
  const isPaused = pair.status === 'paused';
  return h(
    'p',
    { class: 'buttons' },
    isPaused ? null : button(PAIR.sync, 'sync', { class: 'main', 'data-key': 'sync' }),
    // One button with two meanings: the focus stays on it.
    isPaused
      ? button(PAIR.resume, 'resume', { class: 'main', 'data-key': 'pause' })
      : button(PAIR.pause, 'pause', { 'data-key': 'pause' }),
    button(PAIR.preview, 'preview', { 'data-key': 'preview' }),
    h('a', { class: 'button', href: `#/pairs/${pair.id}/events`, 'data-key': 'events' }, PAIR.events),
    h('a', { class: 'button', href: `#/pairs/${pair.id}/settings`, 'data-key': 'settings' }, PAIR.settings),
    isPaused ? null : button(PAIR.resync, 'resync', { 'data-key': 'resync' }),
    button(WORDS.delete, 'remove', { class: 'danger', 'data-key': 'remove' }),
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
          PAIR.workflow,
        ),
  );
}
