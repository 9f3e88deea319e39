/**
 * `npm run release -- 1.2.3` dates the `Unreleased` section of CHANGELOG.md, sets the version, commits and tags. It
 * pushes nothing. It refuses to release time zone data that is not the newest. With `--dry-run` it says what it would
 * do and changes nothing.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PROJECT_DIR } from '../config.ts';
import { ZONE_DATABASE_VERSION } from '../core/zone-database.ts';
import { assertGreaterVersion, ReleaseError, releaseUnreleased } from './changelog.ts';

/** Called by `start.mjs`. */
export async function main(): Promise<void> {
  const args = process.argv.slice(3);
  const versions = args.filter((arg) => arg !== '--dry-run');
  try {
    if (versions.length !== 1) throw new ReleaseError('Usage: npm run release -- <version> [--dry-run]');
    assertCurrentZones(newestZoneData());
    release(PROJECT_DIR, versions[0]!, { isDryRun: args.includes('--dry-run'), date: new Date(), say: console.log });
  } catch (error) {
    if (!(error instanceof ReleaseError)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}

/**
 * A release ships the newest time zone data. It is checked here and not by the tests, which would begin to fail one day
 * without a change of ours. `newest` is the IANA release (`2026f`) of the newest package.
 * @throws ReleaseError if Calpair's is older
 */
export function assertCurrentZones(newest: string, shipped: string = ZONE_DATABASE_VERSION): void {
  if (newest > shipped)
    throw new ReleaseError(
      `The time zone data ${shipped} is out of date: update moment-timezone, which has ${newest}.`,
    );
}

/** The IANA release in the newest version of the package that the zone database comes from. */
function newestZoneData(): string {
  const folder = mkdtempSync(join(tmpdir(), 'zone-data-'));
  try {
    execFileSync('npm', [
      'install',
      '--silent',
      '--no-save',
      '--ignore-scripts',
      '--prefix',
      folder,
      'moment-timezone@latest',
    ]);
    const file = join(folder, 'node_modules/moment-timezone/data/packed/latest.json');
    return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
  } finally {
    rmSync(folder, { recursive: true, force: true });
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
