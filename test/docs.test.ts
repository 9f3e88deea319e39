/** The docs name files that exist, and are wrapped. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { PROJECT_DIR } from '../config.ts';

const MAX_COLUMNS = 100;
const pages = ['', 'docs'].flatMap((folder) =>
  readdirSync(join(PROJECT_DIR, folder))
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name)),
);
const linesOf = (page: string): string[] => readFileSync(join(PROJECT_DIR, page), 'utf8').split('\n');

test('a file or folder that the docs name is there', () => {
  const missing = pages.flatMap((page) =>
    linesOf(page).flatMap((line, index) =>
      [...line.matchAll(/`((?:[\w-]+\/)+[\w.-]*)`/g)]
        .map(([, path = '']) => path)
        .filter((path) => /\.(ts|mjs|js|md|yml)$|\/$/.test(path))
        .filter((path) => !['', 'test'].some((root) => existsSync(join(PROJECT_DIR, root, path))))
        .map((path) => `${page}:${index + 1} names ${path}`),
    ),
  );
  assert.deepEqual(missing, []);
});

test(`lines of the docs have at most ${MAX_COLUMNS} columns, apart from tables and code`, () => {
  const long = pages.flatMap((page) => {
    let isCode = false;
    return linesOf(page).flatMap((line, index) => {
      if (line.startsWith('```')) isCode = !isCode;
      return isCode || line.startsWith('|') || line.length <= MAX_COLUMNS ? [] : [`${page}:${index + 1}`];
    });
  });
  assert.deepEqual(long, []);
});
