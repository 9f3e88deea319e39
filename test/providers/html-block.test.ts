/** The list of people in a description that a person wrote as HTML: it follows, and the rest stays as it was. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { attendeeText, withoutAttendeeText } from '../../providers/attendee-text.ts';
import { replaceBlock } from '../../providers/html-block.ts';
import { htmlToText } from '../../providers/text.ts';

const tag = (text: string): string => createHash('sha256').update(text).digest('hex');
const person = (name: string, participation: 'needs-action' | 'declined') =>
  ({ address: `${name}@example.org`, name, participation, role: 'required', kind: 'individual' }) as const;
const blockOf = (names: string, participation: 'needs-action' | 'declined' = 'declined'): string =>
  attendeeText({ organizer: null, attendees: [...names].map((name) => person(name, participation)) }, 'u', tag);
const OLD = blockOf('abc', 'needs-action');

const divs = (text: string): string => text.replaceAll(/.+\n?/g, (line) => `<div>${line.trim()}</div>`);

/** What editors make of a text with the list below it. */
const EDITORS: Readonly<Record<string, (block: string) => string>> = {
  'line breaks': (block) => `<div style="a">Bring <b>cake</b><br><br>${block.replaceAll('\n', '<br>\r\n')}</div>`,
  'lines below': (block) => `Bring <i>cake</i> &amp; tea<br><br>${block.replaceAll('\n', '<br>')}<br>PS 3 &lt; 4`,
  'Word paragraphs': (block) =>
    `<p class=MsoNormal>Bring <b>cake</b></p><p>&nbsp;</p>${block.replaceAll(/.+/g, '<p><span lang=EN>$&</span></p>')}`,
  'a div for each line': (block) =>
    `<div>Bring <a href="https://x.example">cake</a></div><div><br></div>${divs(block)}`,
  'plain lines, and a tag that does not end': (block) => `Bring <b>cake</b>\n\n${block}\n3 < 4`,
};

for (const [editor, htmlOf] of Object.entries(EDITORS))
  test(`${editor}: the list changes, grows and shrinks, and nothing else does`, () => {
    const before = htmlOf(OLD);
    const restOf = (html: string): string => withoutAttendeeText(htmlToText(html), ['u'], tag).trimEnd();
    assert.notEqual(restOf(before), htmlToText(before), 'the list is recognised');
    for (const names of ['abc', 'abcdefg', 'ab', 'a']) {
      const next = blockOf(names);
      const after = replaceBlock(before, next, ['', 'u'], tag);
      assert.ok(after !== null, names);
      assert.equal(restOf(after), restOf(before));
      const shown = htmlToText(after)
        .split('\n')
        .map((line) => line.trim())
        .filter((line) => line !== '');
      assert.ok(shown.join('\n').includes(next), `${names}: ${after}`);
      assert.deepEqual(after.match(/<(?:b|i|a)\b[^>]*>[^<]*/g), before.match(/<(?:b|i|a)\b[^>]*>[^<]*/g));
      assert.equal(replaceBlock(after, OLD, ['u'], tag) !== null, true, 'it is recognised again');
    }
  });

test('a text without the list, and one with a list that a person changed, stay as they are', () => {
  for (const html of ['Bring <b>cake</b>', `Bring<br>${OLD.replace('no answer yet', 'ill').replaceAll('\n', '<br>')}`])
    assert.equal(replaceBlock(html, blockOf('a'), ['u'], tag), null);
  assert.equal(replaceBlock(OLD.replaceAll('\n', '<br>'), blockOf('a'), ['another'], tag), null);
});
