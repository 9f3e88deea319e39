/** Every check fails on a planted example of what it is for: in a copy of the project, and by name. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { appendFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { copyProject } from './support/project-copy.ts';

describe('npm run check', () => {
  const copy = copyProject();
  before(() => {
    const plants = {
      'core/planted/long.mjs': `// ${'x'.repeat(127)}\n`,
      'core/planted/one.ts': "import { two } from './two.ts';\n\nexport const one = (): unknown => two;\n",
      'core/planted/two.ts': "import { one } from './one.ts';\n\nexport const two = (): unknown => one;\n",
      'core/planted/unformatted.ts': 'export  const x = "x"\n',
      'providers/planted.ts': "import { parse } from 'ical.js';\n\nexport const planted = parse;\n",
    };
    mkdirSync(join(copy, 'core/planted'));
    for (const [path, text] of Object.entries(plants)) writeFileSync(join(copy, path), text);
  });
  after(() => rmSync(copy, { recursive: true, force: true }));

  /** What a program says that has to fail. */
  const fails = (...command: string[]): string => {
    const { NODE_TEST_CONTEXT: _context, ...env } = process.env;
    const { status, stdout, stderr } = spawnSync(process.execPath, command, { cwd: copy, env, encoding: 'utf8' });
    assert.equal(status, 1, stdout + stderr);
    return stdout + stderr;
  };

  it('runs what is tried here, and the test of the configuration', () => {
    const script = readFileSync(join(copy, 'test/run.mjs'), 'utf8');
    for (const part of ['biome/bin/biome', 'knip/bin/knip.js', 'test/house.test.ts', 'test/config.test.ts'])
      assert.ok(script.includes(part), part);
  });

  it('fails on a line of more than 120 characters, and on an import that a folder may not have', () => {
    const output = fails('--import', 'tsx', '--test', 'test/house.test.ts');
    assert.match(output, /core\/planted\/long\.mjs:1 has 130 characters/);
    assert.match(output, /providers\/planted\.ts:1 imports ical\.js/);
  });

  it('fails on an import cycle, and on a file that is not formatted', () => {
    const biome = ['node_modules/@biomejs/biome/bin/biome', 'check', '--reporter=github', 'core/planted'];
    const output = fails(...biome);
    assert.match(output, /noImportCycles,file=\S*core\/planted\/one\.ts/);
    assert.match(output, /format,file=\S*core\/planted\/unformatted\.ts/);
  });

  it('fails on an export that nothing imports, and on a file that nothing imports', () => {
    appendFileSync(join(copy, 'core/booking.ts'), 'export const planted = 1;\n');
    const output = fails('node_modules/knip/bin/knip.js', '--no-progress');
    assert.match(output, /^planted +core\/booking\.ts/m);
    assert.match(output, /^core\/planted\/one\.ts/m);
  });
});
