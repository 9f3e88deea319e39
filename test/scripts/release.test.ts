/** The release script, on strings and on a repository of its own. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { PROJECT_DIR } from '../../config.ts';
import { assertGreaterVersion, releaseUnreleased } from '../../scripts/changelog.ts';
import { assertCurrentZones, release } from '../../scripts/release.ts';

const CHANGELOG = `# Changelog

## Unreleased

### Sync

- A new thing.

## 0.1.0 (2026-01-01)

- The first release.
`;

describe('the changelog of a release', () => {
  it('has the unreleased entries under the version, and an empty section for the next ones', () => {
    assert.equal(
      releaseUnreleased(CHANGELOG, '0.2.0', '2026-11-29'),
      `# Changelog

## Unreleased

## 0.2.0 (2026-11-29)

### Sync

- A new thing.

## 0.1.0 (2026-01-01)

- The first release.
`,
    );
  });

  it('can be the first one', () => {
    assert.equal(
      releaseUnreleased('# Changelog\n\n## Unreleased\n\n- All.\n', '1.0.0', '2026-11-29'),
      '# Changelog\n\n## Unreleased\n\n## 1.0.0 (2026-11-29)\n\n- All.\n',
    );
  });

  it('is refused without an unreleased section', () => {
    assert.throws(
      () => releaseUnreleased('# Changelog\n\n## 0.1.0\n\n- A.\n', '0.2.0', '2026-11-29'),
      /has no section/,
    );
  });

  it('is refused when the unreleased section has headings only', () => {
    const text = CHANGELOG.replace('- A new thing.\n', '');
    assert.throws(() => releaseUnreleased(text, '0.2.0', '2026-11-29'), /has no entry/);
    assert.throws(() => releaseUnreleased(releaseUnreleased(CHANGELOG, '0.2.0', 'x'), '0.3.0', 'x'), /has no entry/);
  });

  it('is refused for a version that has a section', () => {
    assert.throws(() => releaseUnreleased(CHANGELOG, '0.1.0', '2026-11-29'), /already/);
  });

  it('finds its section in the changelog of this project', () => {
    assert.ok(readFileSync(join(PROJECT_DIR, 'CHANGELOG.md'), 'utf8').split('\n').includes('## Unreleased'));
  });
});

describe('the version of a release', () => {
  it('is greater than the current one', () => {
    for (const version of ['0.1.1', '0.2.0', '0.10.0', '1.0.0']) assertGreaterVersion('0.1.0', version);
    for (const version of ['0.1.0', '0.0.9', '0.0.10'])
      assert.throws(() => assertGreaterVersion('0.1.0', version), /not greater/, version);
  });

  it('is three numbers', () => {
    for (const version of ['', '1', '1.2', 'v1.2.3', '1.2.3-rc.1', '01.2.3', '1.2.3.4', 'next'])
      assert.throws(() => assertGreaterVersion('0.1.0', version), /not a version/, version);
  });
});

describe('a release', () => {
  const folder = mkdtempSync(join(tmpdir(), 'calpair-release-'));
  const git = (...args: string[]): string => execFileSync('git', args, { cwd: folder, encoding: 'utf8' }).trim();
  const read = (file: string): string => readFileSync(join(folder, file), 'utf8');
  const said: string[] = [];
  const run = (version: string, isDryRun = false): void =>
    release(folder, version, { isDryRun, date: new Date('2026-11-29T10:00:00Z'), say: (line) => said.push(line) });

  before(() => {
    writeFileSync(join(folder, 'CHANGELOG.md'), CHANGELOG);
    writeFileSync(join(folder, 'package.json'), '{\n  "name": "calpair",\n  "version": "0.1.0"\n}\n');
    writeFileSync(
      join(folder, 'package-lock.json'),
      '{\n  "name": "calpair",\n  "version": "0.1.0",\n  "packages": {\n' +
        '    "": {\n      "version": "0.1.0"\n    }\n  }\n}\n',
    );
    git('init', '--quiet');
    git('config', 'user.name', 'A Maintainer');
    git('config', 'user.email', 'maintainer@example.org');
    git('add', '--all');
    git('commit', '--quiet', '-m', 'First');
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('is refused while the worktree has changes', () => {
    writeFileSync(join(folder, 'new.txt'), '');
    assert.throws(() => run('0.2.0'), /worktree has changes/);
    rmSync(join(folder, 'new.txt'));
  });

  it('changes nothing in a dry run, and says what it would do', () => {
    run('0.2.0', true);
    assert.deepEqual(said.splice(0), [
      'would write CHANGELOG.md',
      'would write package.json',
      'would write package-lock.json',
      'would commit "Calpair 0.2.0"',
      'would tag v0.2.0',
    ]);
    assert.equal(git('status', '--porcelain'), '');
    assert.equal(git('tag'), '');
  });

  it('dates the changelog, sets the version, commits and tags', () => {
    run('0.2.0');
    assert.match(read('CHANGELOG.md'), /\n## Unreleased\n\n## 0\.2\.0 \(2026-11-29\)\n\n### Sync\n/);
    assert.equal(read('package.json'), '{\n  "name": "calpair",\n  "version": "0.2.0"\n}\n');
    assert.deepEqual(JSON.parse(read('package-lock.json')), {
      name: 'calpair',
      version: '0.2.0',
      packages: { '': { version: '0.2.0' } },
    });
    assert.equal(git('log', '-1', '--format=%s'), 'Calpair 0.2.0');
    assert.equal(git('rev-parse', 'v0.2.0^{commit}'), git('rev-parse', 'HEAD'));
    assert.equal(git('status', '--porcelain'), '');
  });

  it('is refused while nothing has been noted since the last one', () => {
    assert.throws(() => run('0.3.0'), /has no entry/);
  });

  it('is refused when the tag exists', () => {
    git('tag', 'v0.4.0');
    assert.throws(() => run('0.4.0'), /exists already/);
  });
});

describe('the time zone data of a release', () => {
  it('FA5: is refused if there is a newer one', () => {
    assert.throws(() => assertCurrentZones('2027a', '2026f'), /2026f is out of date/);
    assert.doesNotThrow(() => assertCurrentZones('2026f', '2026f'));
    assert.doesNotThrow(() => assertCurrentZones('2026e', '2026f'));
  });
});
