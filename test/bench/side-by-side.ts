/**
 * Calpair beside other tools: the same work on the same servers in the same minutes, through counting proxies, by the
 * harness in `../shared/bench` (Go and Python). Its "floor" is a bare client without any safety, which the others are
 * divided by.
 */
import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { PROJECT_DIR, readConfig } from '../../config.ts';
import { pythonWith } from '../support/python.ts';

const run = promisify(execFile);
const HARNESS = join(PROJECT_DIR, '..', 'shared', 'bench');
const ADAPTERS = join(PROJECT_DIR, 'test', 'bench', 'adapters');
const VDIRSYNCER = 'vdirsyncer==0.21.0';
const RADICALE = 'radicale==3.9.0';

export interface Case {
  readonly name: string;
  readonly events: number;
  readonly args: readonly string[];
  /** Without the proxies' network; with it a tool that waits for each answer is slow by nature. */
  readonly delay?: string;
  /** The bare client writes on this many connections: one is best for Radicale. */
  readonly floorConnections: number;
}

export const CASES: readonly Case[] = [
  { name: '1,000 events, Radicale to Radicale', events: 1_000, args: ['--no-guard'], floorConnections: 1 },
  {
    name: '1,000 events, fast target, 20 ms network',
    events: 1_000,
    args: ['--refdav', 'BIN/refdav', '--no-guard'],
    delay: '20ms',
    floorConnections: 8,
  },
  {
    name: '10,000 events, fast target',
    events: 10_000,
    args: ['--refdav', 'BIN/refdav', '--no-guard'],
    floorConnections: 8,
  },
  { name: '10,000 events that both sides have', events: 10_000, args: ['--same', '--no-guard'], floorConnections: 1 },
];

/** One phase of one tool. */
export interface Row {
  readonly case: string;
  readonly tool: string;
  readonly phase: string;
  readonly wall: number;
  readonly cpu: number;
  readonly rss_mb: number;
  readonly req_a: number;
  readonly req_b: number;
  readonly kb_up: number;
  readonly kb_down: number;
  readonly missing: number;
  readonly extra: number;
  readonly rc: number;
  /** The end of the tool's output. */
  readonly tail: string;
  /** Calpair only. */
  readonly statements?: number;
  readonly pssMb?: number;
}

/** Measures one case with each tool once. @throws where the harness or one of its needs is missing */
export async function sideBySide(one: Case, tools: readonly string[], work: string): Promise<Row[]> {
  const bin = await buildHarness();
  const python = await pythonWith(RADICALE, VDIRSYNCER);
  // The scripts of a virtual environment that was moved do not run.
  writeFileSync(join(bin, 'vdirsyncer'), `#!/bin/sh\nexec ${python} -m vdirsyncer "$@"\n`, { mode: 0o755 });
  const out = join(work, 'rows.json');
  const notes = join(work, 'notes');
  mkdirSync(work, { recursive: true });
  rmSync(notes, { force: true });
  const adapters = {
    calpair: join(ADAPTERS, 'calpair.sh'),
    vdirsyncer: join(HARNESS, 'adapters', 'vdirsyncer.sh'),
    floor: join(HARNESS, 'adapters', 'floor.sh'),
  };
  const args = [
    join(HARNESS, 'bench.py'),
    ...Object.entries(adapters).flatMap(([tool, file]) => (tools.includes(tool) ? ['--tool', `${tool}=${file}`] : [])),
    ...['-n', String(one.events), '--reps', '1', '--python', python, '--proxy', join(bin, 'proxy')],
    ...['--delay', one.delay ?? '0s', '--work', join(work, 'servers'), '--out', out],
    ...one.args.map((arg) => arg.replace('BIN', bin)),
  ];
  const child = spawn(python, args, {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      ...process.env,
      PERF_VDIRSYNCER: join(bin, 'vdirsyncer'),
      PERF_FLOOR: join(bin, 'floor'),
      FLOOR_CONNS: String(one.floorConnections),
      BENCH_KEY: randomBytes(24).toString('hex'),
      BENCH_NOTES: notes,
    },
  });
  const code = await new Promise((resolve) => child.once('exit', resolve));
  if (code !== 0) throw new Error(`the harness ended with ${String(code)}`);
  const rows = (JSON.parse(readFileSync(out, 'utf8')) as Row[]).map((row) => ({ ...row, case: one.name }));
  const failed = rows.find(({ phase, rc }) => phase === 'setup' && rc !== 0);
  if (failed) throw new Error(`${failed.tool} could not be set up: ${failed.tail}`);
  return withNotes(rows, existsSync(notes) ? readFileSync(notes, 'utf8') : '');
}

/** Builds the proxy, the fast server and the bare client once. @returns their folder */
async function buildHarness(): Promise<string> {
  if (!existsSync(HARNESS)) throw new Error(`the harness is missing: ${HARNESS}`);
  const bin = join(readConfig().cacheDir, 'bench');
  mkdirSync(bin, { recursive: true });
  for (const program of ['proxy', 'refdav', 'floor'])
    if (!existsSync(join(bin, program)))
      await run('go', ['build', '-o', join(bin, program), '.'], { cwd: join(HARNESS, program) });
  return bin;
}

/** The adapter notes the state before each phase after the set-up, and at the end. */
function withNotes(rows: readonly Row[], notes: string): Row[] {
  const states = notes
    .trim()
    .split('\n')
    .map((line) => line.split(' ').map(Number));
  let phase = 0;
  return rows.map((row) => {
    if (row.tool !== 'calpair' || row.phase === 'setup') return row;
    const [before, after] = [states[phase], states[phase + 1]];
    phase += 1;
    if (!before || !after) return row;
    return { ...row, statements: after[0]! - before[0]!, pssMb: Math.round(after[1]! / 1024) };
  });
}

/** Texts differ where a tool copies fields and not whole objects, so only presence is judged. */
function stateOf({ rc, missing, extra }: Row): string {
  if (rc !== 0) return `exit ${rc}`;
  return missing + extra === 0 ? 'same events' : `${missing} missing, ${extra} extra`;
}

/** Rows as a Markdown table, with the time as a ratio to the bare client. */
export function tableOf(rows: readonly Row[]): string {
  const floorOf = (row: Row) =>
    rows.find((other) => other.case === row.case && other.phase === row.phase && other.tool === 'floor');
  const phases = [...new Set(rows.map((row) => `${row.case}\0${row.phase}`))].filter((key) => !key.endsWith('\0setup'));
  const lines = phases.flatMap((key) =>
    rows
      .filter((row) => `${row.case}\0${row.phase}` === key)
      .map((row) => {
        const floor = floorOf(row);
        const cells = [
          row.phase,
          row.tool,
          row.wall.toFixed(2),
          floor ? (row.wall / Math.max(floor.wall, 0.001)).toFixed(1) : '',
          row.cpu.toFixed(2),
          row.pssMb ?? Math.round(row.rss_mb),
          row.req_a,
          row.req_b,
          `${row.kb_up}/${row.kb_down}`,
          row.statements ?? '',
          stateOf(row),
        ];
        return { case: row.case, line: `| ${cells.join(' | ')} |` };
      }),
  );
  const head =
    '| phase | tool | wall s | of the bare client | CPU s | MB | requests A | B | KB up/down | SQL | calendars |';
  return [...new Set(rows.map((row) => row.case))]
    .map((name) =>
      [
        `### ${name}`,
        '',
        head,
        `|${' --- |'.repeat(11)}`,
        ...lines.filter((line) => line.case === name).map(({ line }) => line),
      ].join('\n'),
    )
    .join('\n\n');
}
