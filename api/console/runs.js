/** The runs of a pair, and one run with what it wrote, which can be taken back. */
import { get } from './api.js';
import { button, h, table, theirs } from './dom.js';
import { count, errorTitle, resultTitle, took, triggerTitle, when } from './labels.js';
import { surroundings } from './overview.js';
import { loadPair, pairHead, pairPath } from './pair-data.js';
import { dash, writes } from './pair-sections.js';
import { keptSection, undoAt, undoText } from './undo.js';
import { instantText } from './values.js';

export function runsSection(pairId, runs, sides, more = null) {
  const rows = runs.map((run) => ({
    key: run.id,
    cells: [
      h('a', { href: `#/pairs/${pairId}/runs/${run.id}` }, when(run.startedAt)),
      triggerTitle(run.trigger),
      resultOf(run, sides),
      run.finishedAt === null ? '…' : took(run.startedAt, run.finishedAt),
      amount(run.read.caldav + run.read.cloud),
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
    'Read',
    `Written to ${sides.caldav}`,
    `Written to ${sides.cloud}`,
    'Found',
  ];
  return h(
    'section',
    { 'data-key': 'runs' },
    h('h2', {}, 'Last runs'),
    rows.length === 0
      ? h('p', { class: 'empty' }, 'No run yet.')
      : table('Newest first; polls that found nothing are left out. Open a run to undo it.', columns, rows),
    more,
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

const writesOf = ({ caldav, cloud }) =>
  [caldav, cloud].reduce((sum, { created, updated, deleted }) => sum + created + updated + deleted, 0);

export function runPage(id, { confirm, notify }, { other }) {
  const path = `${pairPath(id)}/runs/${encodeURIComponent(other)}`;
  let data = null;
  let run = null;
  let outcome = null;
  return {
    title: 'Run',
    isLive: true,
    async load(signal) {
      [data, run] = await Promise.all([loadPair(id, signal), get(path, signal)]);
    },
    render() {
      const { sides } = surroundings(data.pair, data);
      const total = writesOf(run);
      return [
        ...pairHead(data, `Run of ${instantText(run.startedAt)}`),
        h('p', {}, ...resultOf(run, sides)),
        h(
          'dl',
          { class: 'facts' },
          ...[
            ['Trigger', triggerTitle(run.trigger)],
            ['Began', when(run.startedAt)],
            ['Took', run.finishedAt === null ? '…' : took(run.startedAt, run.finishedAt)],
            [`Written to ${sides.caldav}`, writes(run.caldav, 'nothing')],
            [`Written to ${sides.cloud}`, writes(run.cloud, 'nothing')],
            ['Found', found(run)],
          ].map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value))),
        ),
        run.undo ? h('p', {}, undoText(run.undo, data.pair)) : null,
        keptSection(outcome ?? run.undo, sides),
        total === 0
          ? h('p', { class: 'empty' }, 'This run wrote nothing, so there is nothing to take back.')
          : run.result === 'running' || outcome !== null
            ? null
            : h(
                'p',
                { class: 'buttons' },
                button(`Undo ${total === 1 ? 'its change' : `all ${total.toLocaleString('en')} changes`} …`, 'undo', {
                  class: 'danger',
                  'data-key': 'undo',
                }),
              ),
      ].filter((part) => part !== null);
    },
    actions: {
      async undo() {
        const { sides } = surroundings(data.pair, data);
        if (!(await confirm(question(run, sides)))) return;
        outcome = await undoAt(`${path}/undo`, {}, data.pair);
        notify(undoText(outcome, data.pair));
      },
    },
  };
}

/** What an undo of the run does on each calendar. */
function question(run, sides) {
  const parts = ['caldav', 'cloud'].flatMap((side) => {
    const { created, updated, deleted } = run[side];
    return [
      created > 0
        ? `${count(created, 'copy', 'copies')} ${created === 1 ? 'is' : 'are'} taken away from ${sides[side]}.`
        : '',
      updated > 0
        ? `${count(updated, 'event')} ${updated === 1 ? 'gets its' : 'get their'} earlier values on ${sides[side]}.`
        : '',
      deleted > 0 ? `${count(deleted, 'event')} ${deleted === 1 ? 'comes' : 'come'} back to ${sides[side]}.` : '',
    ].filter((part) => part !== '');
  });
  return {
    title: 'Take back everything that this run wrote?',
    yes: 'Take it back',
    isDangerous: true,
    text: `${parts.join(' ')} Originals stay, and what has been changed since is left as it is.`,
  };
}
