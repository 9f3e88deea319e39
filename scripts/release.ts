/**
 * `npm run release -- 1.2.3` dates the `Unreleased` section of CHANGELOG.md, sets the version, commits and tags. It
 * pushes nothing. With `--dry-run` it says what it would do and changes nothing.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT_DIR } from '../config.ts';
import { assertGreaterVersion, ReleaseError, releaseUnreleased } from './changelog.ts';

/** Called by `start.mjs`. */
export async function main(): Promise<void> {
  const args = process.argv.slice(3);
  const versions = args.filter((arg) => arg !== '--dry-run');
  try {
    if (versions.length !== 1) throw new ReleaseError('Usage: npm run release -- <version> [--dry-run]');
    release(PROJECT_DIR, versions[0]!, { isDryRun: args.includes('--dry-run'), date: new Date(), say: console.log });
  } catch (error) {
    if (!(error instanceof ReleaseError)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}

export interface ReleaseOptions {
  readonly isDryRun: boolean;
  readonly date: Date;
  readonly say: (line: string) => void;
}

/**
 * @param folder of the repository
 * @throws ReleaseError when something is not ready; then nothing has been changed
 */
export function release(folder: string, version: string, { isDryRun, date, say }: ReleaseOptions): void {
  const git = (...args: string[]): string => execFileSync('git', args, { cwd: folder, encoding: 'utf8' }).trim();
  const read = (file: string): string => readFileSync(join(folder, file), 'utf8');
  const readJson = (file: string): PackageJson => JSON.parse(read(file)) as PackageJson;
  const tag = `v${version}`;

  const [manifest, lock] = [readJson('package.json'), readJson('package-lock.json')];
  assertGreaterVersion(manifest.version, version);
  if (git('status', '--porcelain') !== '')
    throw new ReleaseError('The worktree has changes: commit or stash them first.');
  if (git('tag', '--list', tag) !== '') throw new ReleaseError(`The tag ${tag} exists already.`);
  const changelog = releaseUnreleased(read('CHANGELOG.md'), version, date.toISOString().slice(0, 10));

  const files = {
    'CHANGELOG.md': changelog,
    'package.json': toText({ ...manifest, version }),
    'package-lock.json': toText({
      ...lock,
      version,
      packages: { ...lock.packages, '': { ...lock.packages?.[''], version } },
    }),
  };
  const steps: [string, () => void][] = [
    ...Object.entries(files).map(([file, text]): [string, () => void] => [
      `write ${file}`,
      () => writeFileSync(join(folder, file), text),
    ]),
    [`commit "Calpair ${version}"`, () => void git('commit', '--quiet', '--all', '-m', `Calpair ${version}`)],
    [`tag ${tag}`, () => void git('tag', '--annotate', tag, '-m', `Calpair ${version}`)],
  ];
  for (const [name, run] of steps) {
    say(isDryRun ? `would ${name}` : name);
    if (!isDryRun) run();
  }
  if (!isDryRun) say('Push the commit and the tag with: git push --follow-tags');
}

interface PackageJson {
  readonly version: string;
  readonly packages?: Readonly<Record<string, object>>;
}

/** As npm writes it. */
const toText = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;
