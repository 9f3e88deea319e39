/**
 * The workflows as one script for Temporal's sandbox, about 1.6 MB. Bundling takes a second or two, so an image
 * contains the bundle (`scripts/build-workflow-bundle.ts`).
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { WorkflowBundle } from '@temporalio/worker';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { PROJECT_DIR } from '../config.ts';

export const BUNDLE_FILE = join(PROJECT_DIR, 'build', 'workflow-bundle.js');

/** The bundle of the file, if it was made from the current sources; else a new one. Workers of a process share it. */
export async function bundleWorkflows(file = BUNDLE_FILE): Promise<WorkflowBundle> {
  return readBundle(file) ?? bundleSources();
}

/** For the image: writes the file that `bundleWorkflows` then uses. */
export async function writeWorkflowBundle(file = BUNDLE_FILE): Promise<void> {
  const { code } = await bundleSources();
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}.new`, `${firstLine()}${code}`);
  renameSync(`${file}.new`, file);
}

function bundleSources(): Promise<WorkflowBundle> {
  return bundleWorkflowCode({
    workflowsPath: join(PROJECT_DIR, 'workflows', 'index.ts'),
    logger: new DefaultLogger('ERROR'),
  });
}

function readBundle(file: string): WorkflowBundle | null {
  try {
    const [text, sources] = [readFileSync(file, 'utf8'), firstLine()];
    // Without the line, since the source map in the script does not count it.
    return text.startsWith(sources) ? { code: text.slice(sources.length) } : null;
  } catch {
    return null;
  }
}

/** Names the sources of the bundle: the workflows, the one file of ours that they import, and the packages. */
function firstLine(): string {
  const sources = readdirSync(join(PROJECT_DIR, 'workflows'))
    .sort()
    .map((name) => join('workflows', name));
  const hash = createHash('sha256');
  for (const path of ['package-lock.json', 'core/waiting-times.ts', ...sources])
    hash.update(`\0${path}\0`).update(readFileSync(join(PROJECT_DIR, path)));
  return `// ${hash.digest('hex')}\n`;
}
