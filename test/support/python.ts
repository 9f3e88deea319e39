/**
 * Python with packages from PyPI, for tests: virtual environments that are created once and stay in the user's cache.
 * Needs `python3` with `venv`.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * The Python of an environment with the requirements (`name==version`). It is created under another name and then
 * moved, so that several processes may try at once.
 */
export async function pythonWith(...requirements: readonly string[]): Promise<string> {
  const cache = process.env['XDG_CACHE_HOME'] ?? path.join(homedir(), '.cache');
  const dir = path.join(cache, 'calpair', 'venvs', requirements.join('+').replaceAll('==', '-'));
  const python = path.join('bin', 'python');
  if (existsSync(path.join(dir, python))) return path.join(dir, python);
  await mkdir(path.dirname(dir), { recursive: true });
  const aside = await mkdtemp(`${dir}.`);
  await run('python3', ['-m', 'venv', aside], { timeout: 300_000 });
  await run(
    path.join(aside, python),
    ['-m', 'pip', '--quiet', '--disable-pip-version-check', 'install', ...requirements],
    { timeout: 300_000 },
  );
  try {
    await rename(aside, dir);
  } catch (error) {
    await rm(aside, { recursive: true, force: true });
    if (!existsSync(path.join(dir, python))) throw error;
  }
  return path.join(dir, python);
}
