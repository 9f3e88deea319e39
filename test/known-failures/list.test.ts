/** docs/known-failures.md and the titles of the tests name the same codes. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import ts from 'typescript';
import { PROJECT_DIR } from '../../config.ts';

/** `FA1` and the like are codes of faults seen in the field, the others of known failures of other programs. */
const CODE = /\b(?:F[A-D]|[A-H])\d{1,2}\b/g;
/** A row without a file explains why it needs none. */
const TEST_FILE = /`([\w./-]+\.ts)`/g;

interface Row {
  readonly code: string;
  readonly shownBy: string;
}

/** The rows of the tables. */
function documented(): Row[] {
  const rows: Row[] = [];
  for (const section of readFileSync(join(PROJECT_DIR, 'docs/known-failures.md'), 'utf8').split(/^## /m).slice(1)) {
    const letters = section.slice(0, section.indexOf('.'));
    for (const [, code = '', shownBy = ''] of section.matchAll(/^\| ([A-H]{1,2}\d{1,2}) \| [^|]+ \| ([^|]+) \|$/gm)) {
      assert.equal(code.replace(/\d+/, ''), letters, `${code} stands in the section of another letter`);
      rows.push({ code, shownBy });
    }
  }
  return rows;
}

/** Titles of tests, suites and the contract, by file. */
function titled(): Map<string, string[]> {
  const files = readdirSync(join(PROJECT_DIR, 'test'), { recursive: true, encoding: 'utf8' }).filter((path) =>
    path.endsWith('.ts'),
  );
  return new Map(
    files.map((path) => {
      const titles: string[] = [];
      const source = ts.createSourceFile(
        path,
        readFileSync(join(PROJECT_DIR, 'test', path), 'utf8'),
        ts.ScriptTarget.Latest,
        false,
      );
      const visit = (node: ts.Node): void => {
        const isTest =
          ts.isCallExpression(node) &&
          ts.isIdentifier(node.expression) &&
          ['test', 'it', 'describe'].includes(node.expression.text);
        const title = isTest ? node.arguments[0] : undefined;
        if (title) titles.push(textOf(title));
        ts.forEachChild(node, visit);
      };
      visit(source);
      return [path, titles];
    }),
  );
}

/** The constant parts of a title. */
function textOf(title: ts.Node): string {
  if (ts.isStringLiteralLike(title)) return title.text;
  if (ts.isBinaryExpression(title)) return textOf(title.left) + textOf(title.right);
  return ts.isTemplateExpression(title)
    ? [title.head.text, ...title.templateSpans.map(({ literal }) => literal.text)].join(' ')
    : '';
}

const rows = documented();
const titles = titled();
const codesOf = (texts: readonly string[]): string[] => texts.flatMap((text) => text.match(CODE) ?? []);

test('known failures: every row is unique and says how it is tested', () => {
  const codes = rows.map(({ code }) => code);
  assert.ok(codes.length > 50, `${codes.length} rows`);
  assert.equal(new Set(codes).size, codes.length);
  const mute = rows.filter(
    ({ shownBy }) =>
      !shownBy.match(TEST_FILE) && !/cannot happen|waits for (the Microsoft side|free\/busy)/.test(shownBy),
  );
  assert.deepEqual(mute, []);
});

test('known failures: a test file named in a row has the code in a title', () => {
  const missing = rows.flatMap(({ code, shownBy }) =>
    [...shownBy.matchAll(TEST_FILE)].flatMap(([, path = '']) => {
      const found = [...titles].filter(([file]) => file === path || file.endsWith(`/${path}`));
      return found.some(([, texts]) => codesOf(texts).includes(code)) ? [] : [`${code}: not in a title of ${path}`];
    }),
  );
  assert.deepEqual(missing, []);
});

test('known failures: every code in a title has a row', () => {
  const known = new Set(rows.map(({ code }) => code));
  const strange = [...titles].flatMap(([file, texts]) =>
    codesOf(texts)
      .filter((code) => !known.has(code))
      .map((code) => `${code} in ${file}`),
  );
  assert.deepEqual(strange, []);
});

test('known failures: codes stand at the start of a title, before a colon, or in brackets', () => {
  const elsewhere = [...titles].flatMap(([file, texts]) =>
    texts
      .filter(
        (text) =>
          codesOf([text.replace(/^[A-H]{1,2}\d{1,2}(, [A-H]{1,2}\d{1,2})*: /, '').replace(/ \([^()]*\)/g, '')]).length >
          0,
      )
      .map((text) => `${text} in ${file}`),
  );
  assert.deepEqual(elsewhere, []);
});
