/**
 * `npm run bench`: what a sync costs, as ratios and counts within one run on one machine. Takes most of an hour; a
 * section's name runs only that one, and a further word changes its size or its part.
 *
 *     npm run bench -- caldav 'that both'      beside other tools; cases with these words in their names
 *     npm run bench -- clouds 300              with the Google and Microsoft stand-ins, that many events
 *     npm run bench -- idle 1000               so many idle pairs
 *     npm run bench -- large 10000             one pair with so many events
 *     npm run bench -- latency                 edit to write, with ten pairs at once
 *     npm run bench -- latency cloud-push 100  only one of its parts, and beside 100 busy pairs
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { measureClouds } from './clouds.ts';
import { measureIdle } from './idle.ts';
import { measureLarge } from './large.ts';
import { measureLatency } from './latency.ts';
import { CASES, type Row, sideBySide, tableOf } from './side-by-side.ts';

const [section = 'all', part = '', beside = ''] = process.argv.slice(2);
const isAsked = (name: string): boolean => ['all', name].includes(section);
const sizes = (...usual: number[]): number[] => (part === '' ? usual : [Number(part)]);
const results: Record<string, object[]> = {};

/** Shown at once: what follows may fail. */
function show(name: string, rows: object[]): void {
  results[name] = [...(results[name] ?? []), ...rows];
  console.table(rows);
}

const load = (): string =>
  loadavg()
    .map((one) => one.toFixed(1))
    .join(', ');
const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`;
console.log(`${cpus().length} × ${cpus()[0]?.model ?? 'CPU'}, ${memory}, Node ${process.version}, load ${load()}\n`);
const work = mkdtempSync(join(tmpdir(), 'calpair-bench-'));
try {
  if (isAsked('caldav')) {
    const rows: Row[] = [];
    for (const one of CASES.filter(({ name }) => name.includes(part))) {
      console.error(`${one.name} ...`);
      rows.push(...(await sideBySide(one, ['floor', 'vdirsyncer', 'calpair'], join(work, 'caldav'))));
    }
    results['caldav'] = rows;
    console.log(tableOf(rows));
  }
  if (isAsked('clouds')) for (const events of sizes(1_000)) show('clouds', await measureClouds(events));
  if (isAsked('idle'))
    for (const pairs of sizes(100, 1_000, 6_000))
      for (const workers of [1, 2]) show('idle', [await measureIdle(pairs, workers)]);
  if (isAsked('large')) for (const events of sizes(50_000)) show('large', await measureLarge(events));
  if (isAsked('latency')) show('latency', await measureLatency(part, 10, Number(beside)));
  console.log(`load at the end: ${load()}`);
  mkdirSync('build', { recursive: true });
  writeFileSync(join('build', 'bench.json'), JSON.stringify(results, null, 1));
} finally {
  rmSync(work, { recursive: true, force: true });
}
process.exit(0);
