/**
 * The workflows as one script for Temporal's sandbox, about 1.6 MB. Bundling takes a second or two and 100 MB of memory
 * for good, so an image contains the bundle (`scripts/build-workflow-bundle.ts`), and other installations make it in a
 * process of its own and keep it.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { promisify } from 'node:util';
import type { WorkflowBundle } from '@temporalio/worker';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { PROJECT_DIR } from '../config.ts';

export const BUNDLE_FILE = join(PROJECT_DIR, 'build', 'workflow-bundle.js');

/**
 * The bundle of the first of these files that was made from the current sources; else a new one. Workers of a process
 * share it.
 */
export async function bundleWorkflows(files: readonly string[] = [BUNDLE_FILE]): Promise<WorkflowBundle> {
  return readFirst(files) ?? bundleSources();
}

/** The same, and keeps a new bundle in `cacheFile` for the next start, where that can be written to. */
export async function bundleWorkflowsOnce(cacheFile: string): Promise<WorkflowBundle> {
  const files = [BUNDLE_FILE, cacheFile];
  const known = readFirst(files);
  if (known) return known;
  const build = [join(PROJECT_DIR, 'start.mjs'), 'scripts/build-workflow-bundle.ts', cacheFile];
  await promisify(execFile)(process.execPath, build, { cwd: PROJECT_DIR }).catch(() => undefined);
  return bundleWorkflows(files);
}

/** Writes the file that `bundleWorkflows` then uses. */
export async function writeWorkflowBundle(file = BUNDLE_FILE): Promise<void> {
  const { code } = await bundleSources();
  mkdirSync(dirname(file), { recursive: true });
  const unfinished = `${file}.${process.pid}`;
  writeFileSync(unfinished, `${firstLine()}${code}`);
  renameSync(unfinished, file);
}

function bundleSources(): Promise<WorkflowBundle> {
  return bundleWorkflowCode({
    workflowsPath: join(PROJECT_DIR, 'workflows', 'index.ts'),
    logger: new DefaultLogger('ERROR'),
  });
}

function readFirst(files: readonly string[]): WorkflowBundle | null {
  for (const file of files) {
    const bundle = readBundle(file);
    if (bundle) return bundle;
  }
  return null;
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

/** Names the sources of the bundle: the workflows, all of `core`, from which they may import, and the packages. */
function firstLine(): string {
  const sources = ['workflows', 'core'].flatMap((folder) =>
    readdirSync(join(PROJECT_DIR, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .sort(),
  );
  const hash = createHash('sha256');
  for (const path of [join(PROJECT_DIR, 'package-lock.json'), ...sources])
    hash.update(`\0${relative(PROJECT_DIR, path)}\0`).update(readFileSync(path));
  return `// ${hash.digest('hex')}\n`;
}
