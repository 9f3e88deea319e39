/**
 * `npm run compare -- [calpair] [vdirsyncer] [neverest]`: what each does where people lose events, as a table. By
 * default Calpair and vdirsyncer; neverest is the program that NEVEREST names, or on the PATH.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startRadicale } from '../support/dav.ts';
import { DavPerson } from '../support/dav-person.ts';
import { CASES } from './cases.ts';
import { calendarOf, TOOLS } from './tools.ts';

const asked = process.argv.slice(2);
const tools = (asked.length > 0 ? asked : ['calpair', 'vdirsyncer']).map((name) => {
  const tool = TOOLS[name];
  if (!tool) throw new Error(`unknown: ${name}; known are ${Object.keys(TOOLS).join(', ')}`);
  return tool;
});

const rows = [];
for (const one of CASES) {
  const cells = [];
  for (const tool of tools) {
    const dir = mkdtempSync(join(tmpdir(), 'calpair-compare-'));
    const [a, b] = [await startRadicale(), await startRadicale()];
    for (const server of [a, b]) await server.createCalendar('work');
    const running = await tool.setUp(a, b, dir);
    try {
      cells.push(await one.run(new DavPerson(a, calendarOf(a)), new DavPerson(b, calendarOf(b)), running));
    } finally {
      await running.close();
      await Promise.all([a.stop(), b.stop()]);
      rmSync(dir, { recursive: true, force: true });
    }
    console.error(`${one.name}, ${tool.name}: ${cells.at(-1)}`);
  }
  rows.push([one.name, ...cells]);
}
const head = ['', ...tools.map(({ name }) => name)];
for (const row of [head, head.map(() => '---'), ...rows]) console.log(`| ${row.join(' | ')} |`);
process.exit(0);
