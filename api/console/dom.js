/**
 * Elements without a framework. All text becomes text nodes, since strangers write the titles of events. Clicks and
 * submits are named by `data-action` and handled in console.js, so elements have no listeners and can be patched.
 */
import { WORDS } from './texts/shell.js';

/** `h('p', {class: 'x', hidden: true}, 'text', child, null)`; false, null and undefined leave an attribute out. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === false || value === null || value === undefined) continue;
    element.setAttribute(name, value === true ? '' : String(value));
  }
  element.append(...flat(children));
  return element;
}

/** A stranger's text, isolated from the writing direction around it; `otherwise` where nothing is to be seen of it. */
export function theirs(text, otherwise = WORDS.noTitle, most = TITLE) {
  return isBlank(text) ? h('span', { class: 'none' }, otherwise) : h('bdi', {}, plain(String(text), most));
}

/** So many characters of a title are shown at most. */
const TITLE = 300;

/** The name of an event in a sentence. */
export const nameIn = (title, otherwise) => plain(isBlank(title) ? otherwise : title, 80);

/** Nothing, spaces, and characters without a glyph. */
const isBlank = (text) => /^[\s\p{Z}\p{C}\u115f\u1160\u2800\u3164\uffa0]*$/u.test(text ?? '');

/** The same for places with plain text only: removes characters that change the writing direction. */
export function plain(text, most = TITLE) {
  const straight = text.replace(/[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '');
  if (straight.length <= most) return straight;
  // Not in the middle of a character.
  return `${straight.slice(0, most - 1).replace(/[\ud800-\udbff]$/, '')}…`;
}

/** The content of a page: its heading, a sentence about it, and what follows. */
export function page(title, intro, ...content) {
  return [h('h1', {}, title), intro === '' ? null : h('p', { class: 'sub' }, intro), ...content].filter(
    (part) => part !== null,
  );
}

/**
 * A table whose rows become cards on a phone. `columns`: their headings; `rows`: `{key, cells}`. A last cell without a
 * heading holds buttons, which say themselves what they do.
 */
export function table(caption, columns, rows) {
  const headings = columns.map((name) => h('th', { role: 'columnheader', scope: 'col' }, name));
  if (rows.some(({ cells }) => cells.length > columns.length)) headings.push(h('td', { role: 'cell' }));
  return h(
    'table',
    { role: 'table', 'data-key': `table ${caption}` },
    h('caption', {}, caption),
    h('thead', { role: 'rowgroup' }, h('tr', { role: 'row' }, ...headings)),
    h(
      'tbody',
      { role: 'rowgroup' },
      ...rows.map(({ key, cells }) =>
        h(
          'tr',
          { role: 'row', 'data-key': key },
          ...cells.map((cell, at) => h('td', { role: 'cell', 'data-label': columns[at] }, h('div', {}, cell))),
        ),
      ),
    ),
  );
}

/** Folds a list that is longer than `most`. */
export function folded(key, summary, n, most, content) {
  return n <= most ? content : h('details', { 'data-key': key }, h('summary', {}, summary), content);
}

/** A link back to where a page belongs. */
export const backLink = (href, ...content) =>
  h('p', { class: 'back' }, h('a', { href }, h('span', { 'aria-hidden': 'true' }, '← '), ...content));

/** In a table: no value. A phone leaves the line out. */
export const dash = () => h('span', { class: 'none dash' }, '–');

export function button(text, action, attributes = {}) {
  return h('button', { type: 'button', 'data-action': action, ...attributes }, text);
}

/**
 * Changes the children of `parent` into `nodes` and keeps every element that can stay, with its focus, scroll position,
 * open details and typed text.
 */
export function patch(parent, nodes) {
  const keys = new Set(nodes.map(keyOf).filter((key) => key !== null));
  for (const child of [...parent.children]) if (keyOf(child) !== null && !keys.has(keyOf(child))) child.remove();
  const byKey = new Map([...parent.children].map((child) => [keyOf(child), child]));
  let cursor = parent.firstChild;
  for (const node of nodes) {
    const key = keyOf(node);
    const live = key === null ? cursor : byKey.get(key);
    // Removes what stands before an element that stays, since moving the element would lose the focus.
    while (key !== null && live && cursor && cursor !== live && keyOf(cursor) === null) cursor = removed(cursor);
    if (live && live.nodeName === node.nodeName && keyOf(live) === key) {
      if (live === cursor) cursor = cursor.nextSibling;
      else parent.insertBefore(live, cursor);
      patchNode(live, node);
    } else {
      parent.insertBefore(node, cursor);
    }
  }
  while (cursor) cursor = removed(cursor);
}

/** @returns the next sibling */
function removed(node) {
  const next = node.nextSibling;
  node.remove();
  return next;
}

/** Attributes that a person, a click being handled, or an error has set. */
const KEPT = new Set(['open', 'aria-busy', 'aria-invalid']);

function patchNode(live, node) {
  if (live.nodeType === Node.TEXT_NODE) {
    if (live.data !== node.data) live.data = node.data;
    return;
  }
  for (const { name } of [...live.attributes])
    if (!KEPT.has(name) && !node.hasAttribute(name)) live.removeAttribute(name);
  for (const { name, value } of node.attributes)
    if (!KEPT.has(name) && live.getAttribute(name) !== value) live.setAttribute(name, value);
  // An error stays until the form is sent again.
  if (!live.matches('.error, .summary')) patch(live, [...node.childNodes]);
}

function keyOf(node) {
  return node.dataset?.key ?? null;
}

function flat(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
}
