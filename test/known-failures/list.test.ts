/** docs/known-failures.md and the titles of the tests say the same. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import ts from 'typescript';
import { PROJECT_DIR } from '../../config.ts';

const CODE = /\b[A-H]\d{1,2}\b/g;
/** A row that names none says in words why it needs none. */
const TEST_FILE = /`([\w./-]+\.ts)`/g;

interface Row { readonly code: string; readonly shownBy: string }

/** Rows of the tables, and the letters of the sections that are written elsewhere. */
function documented(): { rows: Row[]; elsewhere: Set<string> } {
  const rows: Row[] = [];
  const elsewhere = new Set<string>();
  for (const section of readFileSync(join(PROJECT_DIR, 'docs/known-failures.md'), 'utf8').split(/^## /m).slice(1)) {
    const letter = section[0]!;
    if (section.includes('(written elsewhere)')) elsewhere.add(letter);
    for (const [, code = '', shownBy = ''] of section.matchAll(/^\| ([A-H]\d{1,2}) \| [^|]+ \| ([^|]+) \|$/gm)) {
      assert.equal(code[0], letter, `${code} stands in the section of another letter`);
      rows.push({ code, shownBy });
    }
  }
  return { rows, elsewhere };
}

/** Codes by file, from the titles of tests, suites and the contract. */
function titled(): Map<string, Set<string>> {
  const files = readdirSync(join(PROJECT_DIR, 'test'), { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.ts'));
  return new Map(files.map((path) => {
    const codes = new Set<string>();
    const source = ts.createSourceFile(path, readFileSync(join(PROJECT_DIR, 'test', path), 'utf8'), ts.ScriptTarget.Latest, false);
    const visit = (node: ts.Node): void => {
      const isTest = ts.isCallExpression(node) && ts.isIdentifier(node.expression) && ['test', 'it', 'describe'].includes(node.expression.text);
      const title = isTest ? node.arguments[0] : undefined;
      if (title) for (const [code] of textOf(title).matchAll(CODE)) codes.add(code);
      ts.forEachChild(node, visit);
    };
    visit(source);
    return [path, codes];
  }));
}

/** What is fixed of a title. */
function textOf(title: ts.Node): string {
  if (ts.isStringLiteralLike(title)) return title.text;
  return ts.isTemplateExpression(title) ? [title.head.text, ...title.templateSpans.map(({ literal }) => literal.text)].join(' ') : '';
}

const { rows, elsewhere } = documented();
const byFile = titled();

test('known failures: every row is there once and says how it is shown', () => {
  const codes = rows.map(({ code }) => code);
  assert.ok(codes.length > 50, `${codes.length} rows`);
  assert.equal(new Set(codes).size, codes.length);
  const mute = rows.filter(({ shownBy }) => !shownBy.match(TEST_FILE) && !/cannot happen|waits for the Microsoft side/.test(shownBy));
  assert.deepEqual(mute, []);
});

test('known failures: a test that a row names has the code in a title', () => {
  const missing = rows.flatMap(({ code, shownBy }) => [...shownBy.matchAll(TEST_FILE)].flatMap(([, path = '']) => {
    const found = [...byFile].filter(([file]) => file === path || file.endsWith(`/${path}`));
    return found.some(([, codes]) => codes.has(code)) ? [] : [`${code}: not in a title of ${path}`];
  }));
  assert.deepEqual(missing, []);
});

test('known failures: a code in a title has its row', () => {
  const known = new Set(rows.map(({ code }) => code));
  const strange = [...byFile].flatMap(([file, codes]) => [...codes].filter((code) => !known.has(code) && !elsewhere.has(code[0]!)).map((code) => `${code} in ${file}`));
  assert.deepEqual(strange, []);
});
