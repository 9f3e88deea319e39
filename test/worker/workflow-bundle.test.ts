/** The bundle of an image is used as long as it belongs to the sources. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Worker } from '@temporalio/worker';
import { installRuntime } from '../../worker/workers.ts';
import { bundleWorkflows, bundleWorkflowsOnce, writeWorkflowBundle } from '../../worker/workflow-bundle.ts';
import { fromJson } from '../histories/json.ts';

describe('the workflow bundle', () => {
  const folder = mkdtempSync(join(tmpdir(), 'calpair-bundle-'));
  const file = join(folder, 'build', 'workflow-bundle.js');
  let fresh: string;

  before(async () => {
    fresh = (await bundleWorkflows([file])).code;
    await writeWorkflowBundle(file);
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('is made where there is no file', () => {
    assert.match(fresh, /sourceMappingURL/);
  });

  it('is read from the file, and is the same script', async () => {
    const text = readFileSync(file, 'utf8');
    assert.equal(withoutSourceMap((await bundleWorkflows([file])).code), withoutSourceMap(fresh));
    writeFileSync(file, `${text}\n// read from the file`);
    assert.match((await bundleWorkflows([file])).code, /\/\/ read from the file$/);
    writeFileSync(file, text);
  });

  it('runs the workflows when it is read from the file', async () => {
    installRuntime(() => {});
    const history: unknown = JSON.parse(readFileSync(new URL('../histories/change.json', import.meta.url), 'utf8'));
    await Worker.runReplayHistory(
      { workflowBundle: await bundleWorkflows([file]) },
      fromJson(history),
      'pair:recorded',
    );
  });

  it('is made by a process of its own on the first start, and kept', async () => {
    const cache = join(folder, 'cache', 'workflow-bundle.js');
    const first = await bundleWorkflowsOnce(cache);
    assert.equal(withoutSourceMap(first.code), withoutSourceMap(fresh));
    writeFileSync(cache, `${readFileSync(cache, 'utf8')}\n// read from the cache`);
    assert.match((await bundleWorkflowsOnce(cache)).code, /\/\/ read from the cache$/);
  });

  it('is made where it cannot be kept', async () => {
    const { code } = await bundleWorkflowsOnce(join(file, 'not-a-folder', 'workflow-bundle.js'));
    assert.equal(withoutSourceMap(code), withoutSourceMap(fresh));
  });

  it('is made anew where the file belongs to other sources', async () => {
    writeFileSync(
      file,
      readFileSync(file, 'utf8')
        .replace(/^\/\/ ..../, '// 0000')
        .concat('\n// read from the file'),
    );
    assert.doesNotMatch((await bundleWorkflows([file])).code, /read from the file/);
  });
});

/** The source map has the name of a temporary file. */
function withoutSourceMap(code: string): string {
  return code.slice(0, code.lastIndexOf('//# sourceMappingURL'));
}
