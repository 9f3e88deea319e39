/** The runs of a pair, and one run with what it wrote, which can be taken back. */
import { get } from './api.js';
import { button, dash, h, table, theirs } from './dom.js';
import { badge, errorTitle, resultTitle, took, triggerTitle, when } from './labels.js';
import { surroundings } from './overview.js';
import { loadPair, pairHead, pairPath } from './pair-data.js';
import { writes } from './pair-sections.js';
import { RUN, RUNS } from './texts/events.js';
import { PAIR } from './texts/pairs.js';
import { WORDS } from './texts/shell.js';
import { keptSection, undoAt, undoText } from './undo.js';
import { instantText } from './values.js';

export function runsSection(pairId, runs, sides, more = null) {
  const rows = runs.map((run) => ({
    key: run.id,
    cells: [
      h('a', { href: `#/pairs/${pairId}/runs/${run.id}` }, when(run.startedAt)),
      triggerTitle(run.trigger),
      resultOf(run, sides),
      duration(run),
      amount(run.read.caldav + run.read.cloud),
      writes(run.caldav),
      writes(run.cloud),
      found(run),
    ],
  }));
  const columns = [
    RUNS.began,
    RUNS.trigger,
    RUNS.result,
    RUNS.took,
    RUNS.read,
    PAIR.writtenTo(sides.caldav),
    PAIR.writtenTo(sides.cloud),
    RUNS.found,
  ];
  return h(
    'section',
    { 'data-key': 'runs' },
    h('h2', {}, RUNS.heading),
    rows.length === 0 ? h('p', { class: 'empty' }, RUNS.none) : table(RUNS.caption, columns, rows),
    more,
  );
}

function resultOf(run, sides) {
  return [
    badge(run.result, resultTitle(run.result)),
    run.error === null
      ? null
      : h(
          'p',
          { class: 'detail' },
          run.error.side ? RUNS.ofSide(sides[run.error.side]) : '',
          h('strong', {}, errorTitle(run.error.code)),
          ' ',
          theirs(run.error.detail, ''),
        ),
  ];
}

const amount = (n) => (n === 0 ? dash() : RUNS.readEvents(n));

const duration = ({ startedAt, finishedAt }) => (finishedAt === null ? RUNS.running : took(startedAt, finishedAt));

function found({ conflicts, held, problems }) {
  const parts = [
    [conflicts, RUNS.conflicts],
    [held, RUNS.held],
    [problems, RUNS.problems],
  ]
    .filter(([n]) => n > 0)
    .map(([n, text]) => text(n));
  return parts.length === 0 ? dash() : parts.join(', ');
}

const writesOf = ({ caldav, cloud }) =>
  [caldav, cloud].reduce((sum, { created, updated, deleted }) => sum + created + updated + deleted, 0);

export function runPage(id, { confirm, notify }, { other }) {
  const path = `${pairPath(id)}/runs/${encodeURIComponent(other)}`;
  let data = null;
  let run = null;
  let outcome = null;
  return {
    title: RUN.title,
    isLive: true,
    async load(signal) {
      [data, run] = await Promise.all([loadPair(id, signal), get(path, signal)]);
    },
    render() {
      const { sides } = surroundings(data.pair, data);
      const total = writesOf(run);
      return [
        ...pairHead(data, RUN.heading(instantText(run.startedAt))),
        h('p', {}, ...resultOf(run, sides)),
        h(
          'dl',
          { class: 'facts' },
          ...[
            [RUNS.trigger, triggerTitle(run.trigger)],
            [RUNS.began, when(run.startedAt)],
            [RUNS.took, duration(run)],
            [PAIR.writtenTo(sides.caldav), writes(run.caldav, WORDS.nothing)],
            [PAIR.writtenTo(sides.cloud), writes(run.cloud, WORDS.nothing)],
            [RUNS.found, found(run)],
          ].map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value))),
        ),
        run.undo ? h('p', {}, undoText(run.undo, data.pair)) : null,
        keptSection(outcome ?? run.undo, sides, id),
        total === 0
          ? h('p', { class: 'empty' }, RUN.wroteNothing)
          : run.result === 'running' || outcome !== null
            ? null
            : h('p', { class: 'buttons' }, button(RUN.undo(total), 'undo', { class: 'danger', 'data-key': 'undo' })),
      ].filter((part) => part !== null);
    },
    actions: {
      async undo() {
        const { sides } = surroundings(data.pair, data);
        const question = RUN.undoing(['caldav', 'cloud'].map((side) => [sides[side], run[side]]));
        if (!(await confirm({ ...question, isDangerous: true }))) return;
        outcome = await undoAt(`${path}/undo`, {}, data.pair);
        notify(undoText(outcome, data.pair));
      },
    },
  };
}
