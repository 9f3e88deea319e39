/** The texts of the console are in `api/console/texts/`: no page has one of its own, none is missing or left over. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import ts from 'typescript';
import { PROJECT_DIR } from '../config.ts';

const FOLDER = join(PROJECT_DIR, 'api/console');
const scripts = (folder: string): string[] => readdirSync(folder).filter((name) => name.endsWith('.js'));
const pages = new Map(scripts(FOLDER).map((name) => [name, readFileSync(join(FOLDER, name), 'utf8')]));

/** Functions that show what they are given, with the first argument that is shown. */
const SHOWS: Readonly<Record<string, number>> = {
  h: 2,
  page: 0,
  button: 0,
  notify: 0,
  badge: 1,
  backLink: 1,
  form: 1,
  field: 1,
  tick: 1,
  choices: 1,
  folded: 1,
};
/** Of these, what follows the one that is shown is not shown. */
const SHOWS_ONE = new Set(['button', 'notify', 'badge', 'form', 'field', 'tick', 'choices', 'folded']);
const SHOWN_ATTRIBUTES = /^(?:aria-label|title|placeholder|alt|label|yes|text|hint|detail)$/;
/** Two words, or the beginning of a sentence. */
const PROSE = /\p{L}{2,}[,.:;]? \p{L}|^\s*\p{Lu}\p{Ll}/u;
/** In a part of a template: a word beside a space. */
const PART_OF_PROSE = /\p{L}{2,}[,.:;]? | \p{L}{2,}/u;
/** A name of the browser's, and a query for Temporal. */
const NAMES = new Set(['AbortError', 'PairState = "attention"']);

/** The texts in a page's source, each with its line. */
function textsIn(source: string, name = 'page.js'): string[] {
  const file = ts.createSourceFile(name, source, ts.ScriptTarget.Latest, true, ts.ScriptKind.JS);
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) return;
    if ((ts.isStringLiteralLike(node) || isTemplatePart(node)) && isText(node))
      found.push(`${name}:${file.getLineAndCharacterOfPosition(node.getStart()).line + 1} ${node.text}`);
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
}

const isTemplatePart = (node: ts.Node): node is ts.TemplateHead | ts.TemplateMiddle | ts.TemplateTail =>
  ts.isTemplateHead(node) || ts.isTemplateMiddle(node) || ts.isTemplateTail(node);

function isText(literal: ts.LiteralLikeNode): boolean {
  if (!/\p{L}/u.test(literal.text) || NAMES.has(literal.text)) return false;
  const { parent, child } = userOf(literal);
  if (ts.isPropertyAssignment(parent)) {
    if (parent.name === child) return false;
    const key = ts.isComputedPropertyName(parent.name) ? '' : parent.name.getText().replaceAll("'", '');
    if (SHOWN_ATTRIBUTES.test(key)) return true;
    if (/^(?:class|rel|data-.*|aria-describedby)$/.test(key)) return false;
  }
  if (ts.isCallExpression(parent)) {
    const called = parent.expression.getText().split('.').at(-1) ?? '';
    if (called === 'h' && parent.arguments[0]?.getText() === "'code'") return false;
    if (/^(?:querySelector|querySelectorAll|closest)$/.test(called)) return false;
    const [first, at] = [SHOWS[called], parent.arguments.indexOf(child as ts.Expression)];
    if (first !== undefined && (SHOWS_ONE.has(called) ? at === first : at >= first)) return true;
  }
  if (ts.isBinaryExpression(parent) && parent.left.getText().endsWith('.className')) return false;
  return (isTemplatePart(literal) ? PART_OF_PROSE : PROSE).test(literal.text);
}

/** What takes the value of an expression, through conditions, templates, lists and sums. */
function userOf(node: ts.Node): { parent: ts.Node; child: ts.Node } {
  let child = node;
  while (
    ts.isTemplateExpression(child.parent) ||
    ts.isTemplateSpan(child.parent) ||
    ts.isConditionalExpression(child.parent) ||
    ts.isParenthesizedExpression(child.parent) ||
    ts.isArrayLiteralExpression(child.parent) ||
    ts.isSpreadElement(child.parent) ||
    (ts.isBinaryExpression(child.parent) && /^(?:\+|\?\?|\|\|)$/.test(child.parent.operatorToken.getText()))
  )
    child = child.parent;
  return { parent: child.parent, child };
}

test('a text in a page is found wherever it stands', () => {
  for (const text of [
    "h('p', {}, 'nothing')",
    "h('p', {}, count > 0 ? ['one'] : null)",
    `h('p', { class: 'sub' }, \`\${n} events\`)`,
    "h('a', { 'aria-label': 'run' })",
    "button('Save', 'save')",
    "notify('done')",
    `const words = \`of \${n} events\``,
    "const label = 'Two words'",
    "const label = 'Word'",
    "throw new Problem({ title: 'wrong' })",
  ])
    assert.ok(textsIn(text).length > 0, text);
  for (const code of [
    "import { h } from './two words.js'",
    "h('p', { class: 'one two', 'data-key': 'One' }, TEXT.one)",
    "button(TEXT.one, 'save', { class: 'main' })",
    "element.querySelector('input, main select')",
    `\`#/pairs/\${id}/events\``,
    "h('p', {}, ' · ')",
    "h('code', {}, '/v1')",
    `form.elements[\`\${side}Name\`]`,
    "element.className = 'danger solid'",
  ])
    assert.deepEqual(textsIn(code), [], code);
});

test('no page of the console has a text of its own', () => {
  assert.ok(pages.size > 25);
  assert.deepEqual(
    [...pages].flatMap(([name, source]) => textsIn(source, name)),
    [],
  );
});

test('pages use texts that there are, and all of them', async () => {
  const texts: Record<string, unknown> = {};
  for (const name of scripts(join(FOLDER, 'texts')).filter((one) => one !== 'units.js'))
    Object.assign(texts, await import(pathToFileURL(join(FOLDER, 'texts', name)).href));
  const all = [...pages.values()].join('\n');
  const wrong: string[] = [];
  for (const [path, group, key = ''] of all.matchAll(/\b([A-Z][A-Z_]+)\.(\w+)/g))
    if (group && group in texts && !(key in (texts[group] as object))) wrong.push(`${path} does not exist`);
  for (const [group, entries] of Object.entries(texts)) {
    // A table, such as the fields of an event, is used as a whole.
    const isTable = new RegExp(`\\b${group}(?:\\[|\\)|,|;)`).test(all.replaceAll(/^import .*$/gm, ''));
    for (const key of Object.keys(entries as object))
      if (!isTable && !new RegExp(`\\b${group}\\.${key}\\b`).test(all)) wrong.push(`${group}.${key} is not used`);
  }
  assert.deepEqual(wrong, []);
});
