/**
 * `npm run bench`: what a sync costs, as ratios and counts within one run on one machine. Takes most of an hour; a
 * section's name, and part of the name of a case, run only these.
 *
 *     npm run bench -- caldav 'that both'      cases of that section
 *     npm run bench -- latency                 edit to write, with ten pairs at once
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { measureLatency } from './latency.ts';
import { CASES, type Row, sideBySide, tableOf } from './side-by-side.ts';

const [section = 'all', part = ''] = process.argv.slice(2);

const work = mkdtempSync(join(tmpdir(), 'calpair-bench-'));
try {
  const rows: Row[] = [];
  if (['all', 'caldav'].includes(section))
    for (const one of CASES.filter(({ name }) => name.includes(part))) {
      console.error(`${one.name} ...`);
      rows.push(...(await sideBySide(one, ['floor', 'vdirsyncer', 'calpair'], join(work, 'caldav'))));
    }
  const latencies = ['all', 'latency'].includes(section) ? await measureLatency(10, 2) : [];
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`;
  console.log(`${cpus().length} × ${cpus()[0]?.model ?? 'CPU'}, ${memory}, Node ${process.version}\n`);
  if (rows.length > 0) console.log(tableOf(rows));
  if (latencies.length > 0) console.table(latencies);
  mkdirSync('build', { recursive: true });
  writeFileSync(join('build', 'bench.json'), JSON.stringify({ rows, latencies }, null, 1));
} finally {
  rmSync(work, { recursive: true, force: true });
}
