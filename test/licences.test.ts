/** Every package that is shipped has a licence that goes with Apache-2.0, and a checksum. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { PROJECT_DIR } from '../config.ts';

const FINE = new Set([
  '0BSD',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'BlueOak-1.0.0',
  'CC0-1.0',
  'ISC',
  'MIT',
  'MIT-0',
  'PostgreSQL',
  'Unlicense',
]);
/** Read one by one. */
const BY_NAME: Readonly<Record<string, string>> = {
  // Weak copyleft: used as it is, and its source is public.
  'ical.js': 'MPL-2.0',
  // Data, of which nothing is shown.
  'caniuse-lite': 'CC-BY-4.0',
  // The three-clause licence, by its file.
  'url-template': 'BSD',
  // The Unlicense, by its file.
  unionfs: 'none',
};

interface Locked {
  readonly dev?: boolean;
  readonly devOptional?: boolean;
  readonly license?: string;
  readonly integrity?: string;
  readonly hasInstallScript?: boolean;
}

const { packages } = JSON.parse(readFileSync(join(PROJECT_DIR, 'package-lock.json'), 'utf8')) as {
  packages: Record<string, Locked>;
};
const shipped = Object.entries(packages).filter(([path, { dev, devOptional }]) => path && !dev && !devOptional);

/** As the package itself says, else as the lockfile has it. */
function licenceOf(path: string, { license }: Locked): string {
  const file = join(PROJECT_DIR, path, 'package.json');
  const own = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as { license?: unknown }).license : undefined;
  return typeof own === 'string' ? own : (license ?? 'none');
}

/** `(A OR B)` is fine where one of them is, `A AND B` where both are. */
function isFine(licence: string): boolean {
  const plain = licence.replace(/[()]/g, '');
  return plain.split(' OR ').some((one) => one.split(' AND ').every((part) => FINE.has(part.trim())));
}

test('every shipped package has a licence that goes with ours', () => {
  assert.ok(shipped.length > 50, `${shipped.length} packages`);
  const others = shipped.flatMap(([path, locked]) => {
    const [name, licence] = [path.replace(/^.*node_modules\//, ''), licenceOf(path, locked)];
    return isFine(licence) || BY_NAME[name] === licence ? [] : [`${name}: ${licence}`];
  });
  assert.deepEqual(others, []);
});

test('every package is pinned by a checksum', () => {
  const loose = Object.entries(packages).filter(([path, { integrity }]) => path && integrity === undefined);
  assert.deepEqual(
    loose.map(([path]) => path),
    [],
  );
});
