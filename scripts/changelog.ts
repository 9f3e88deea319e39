/** CHANGELOG.md: one `## Unreleased` section on top, then one section for each release, the newest first. */

const UNRELEASED = '## Unreleased';

/** What keeps a release from being made, in words for the person who makes it. */
export class ReleaseError extends Error {
  override readonly name = 'ReleaseError';
}

/**
 * The changelog after a release: the entries of `Unreleased` stand under the version, and `Unreleased` is empty again.
 * @param date of the release, `2026-11-29`
 * @throws ReleaseError when there is no `Unreleased` section, or no entry in it, or the version has a section already
 */
export function releaseUnreleased(changelog: string, version: string, date: string): string {
  const lines = changelog.split('\n');
  const start = lines.indexOf(UNRELEASED);
  if (start === -1) throw new ReleaseError(`CHANGELOG.md has no section "${UNRELEASED}".`);
  if (lines.some((line) => line.startsWith(`## ${version} `)))
    throw new ReleaseError(`CHANGELOG.md has a section for ${version} already.`);
  const next = lines.findIndex((line, index) => index > start && line.startsWith('## '));
  const entries = lines.slice(start + 1, next === -1 ? lines.length : next);
  if (!entries.some((line) => line.startsWith('- ')))
    throw new ReleaseError(`The section "${UNRELEASED}" of CHANGELOG.md has no entry.`);
  return [...lines.slice(0, start + 1), '', `## ${version} (${date})`, ...lines.slice(start + 1)].join('\n');
}

/**
 * @throws ReleaseError when `next` is not of the form 1.2.3, or not greater than `current`
 */
export function assertGreaterVersion(current: string, next: string): void {
  if (!/^(0|[1-9]\d*)(\.(0|[1-9]\d*)){2}$/.test(next))
    throw new ReleaseError(`"${next}" is not a version: give three numbers, such as 1.2.3.`);
  const [from, to] = [current, next].map((version) => version.split('.').map(Number));
  const difference = to!.map((number, index) => number - from![index]!).find((step) => step !== 0) ?? 0;
  if (difference <= 0) throw new ReleaseError(`${next} is not greater than the current version, ${current}.`);
}
