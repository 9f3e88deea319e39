import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { withBlock } from '../../core/attendee-text.ts';
import { attendeeText, withoutAttendeeText } from '../../providers/attendee-text.ts';
import { cutText, htmlToText, isHtml } from '../../providers/text.ts';
import { SETTING } from '../support/contract-google.ts';

describe('HTML descriptions', () => {
  const cases: readonly [html: string, text: string][] = [
    ['<p>Hello <b>you</b></p><p>Second</p>', 'Hello you\nSecond'],
    ['one<br>two<br/>three', 'one\ntwo\nthree'],
    ['<ul><li>a</li><li>b</li></ul>after', '- a\n- b\nafter'],
    ['Tom &amp; Jerry &lt;3 &#8364; &#x1F389; &nbsp;x', 'Tom & Jerry <3 € 🎉  x'],
    [
      '<a href="https://example.org/">example.org</a> and <a href="https://example.org/x?a=1&amp;b=2">this</a>',
      'example.org and this (https://example.org/x?a=1&b=2)',
    ],
    ['<a href="mailto:a@example.org">a@example.org</a>', 'a@example.org'],
    ['<style>p{color:red}</style><script>alert(1)</script>text', 'text'],
    ['a &unknown; b &#0; c <notatag', 'a &unknown; b &#0; c <notatag'],
    ['2 < 3 and 4 > 3<br>', '2 < 3 and 4 > 3'],
  ];
  for (const [html, text] of cases) it(JSON.stringify(html), () => assert.equal(htmlToText(html), text));

  it('are distinguished from plain text', () => {
    for (const html of [
      '<p>x</p>',
      'a<br>b',
      'AT&amp;T',
      '<html-blob>x</html-blob>',
      '<a href="https://example.org">x</a>',
      'x&nbsp;y',
    ])
      assert.equal(isHtml(html), true, html);
    for (const text of [
      'plain',
      'a < b > c',
      '<jane@example.org>',
      'R&D; more',
      'x <- y',
      'if (a<b) && c',
      '<https://example.org>',
    ])
      assert.equal(isHtml(text), false, text);
  });

  it('are converted in linear time', () => {
    const hostile = [
      '<',
      '<a ',
      '<a href=',
      '<b',
      '&',
      '&#',
      '<script>',
      '<style><',
      '<p',
      '< >',
      '<a href="',
      '</',
    ].map((part) => part.repeat(Math.ceil(200_000 / part.length)));
    for (const text of hostile) {
      const start = performance.now();
      isHtml(text);
      htmlToText(text);
      assert.ok(performance.now() - start < 1500, text.slice(0, 12));
    }
  });
});

describe('the attendee text', () => {
  const people = {
    organizer: { address: 'chief@example.org', name: 'The <b>Chief</b>\nof all' },
    attendees: [
      { address: 'a@example.org', name: '', participation: 'tentative', role: 'optional', kind: 'individual' },
    ],
  } as const;
  const block = attendeeText(people, 'uid-1', SETTING.tag);

  it('is removed again, whatever text precedes it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) =>
        assert.equal(withoutAttendeeText(withBlock(text, block), ['uid-1'], SETTING.tag), text),
      ),
    );
    fc.assert(
      fc.property(fc.array(fc.constantFrom('\n', 'x', '— People —', '[calpair ')), (parts) => {
        const text = parts.join('');
        assert.equal(withoutAttendeeText(withBlock(text, block), ['other', 'uid-1'], SETTING.tag), text);
      }),
    );
  });

  it('is ordinary text once changed, for another event, or from another installation', () => {
    const text = withBlock('Text', block);
    assert.equal(withoutAttendeeText(text, ['uid-2'], SETTING.tag), text);
    assert.equal(
      withoutAttendeeText(text, ['uid-1'], (value) => SETTING.tag(`${value}!`)),
      text,
    );
    const edited = text.replace('maybe', 'accepted');
    assert.equal(withoutAttendeeText(edited, ['uid-1'], SETTING.tag), edited);
  });

  it('is removed where a person wrote below it, and what was written stays', () => {
    const line = fc.string({ unit: 'grapheme' }).filter((one) => one.trim() !== '');
    fc.assert(
      fc.property(fc.array(line, { minLength: 1 }), fc.array(line), ([first, ...more], others) => {
        const below = [first, ...more].join('\n');
        const text = `${withBlock('Text', block)}\n${below}`;
        assert.equal(withoutAttendeeText(text, ['uid-1'], SETTING.tag), `Text\n${below}`);
        // An earlier version took such a text for ordinary and wrote another block below it.
        const twice = withBlock(`${text}\n${others.join('\n')}`.trimEnd(), block);
        assert.equal(
          withoutAttendeeText(twice, ['uid-1'], SETTING.tag),
          `Text\n${below}\n${others.join('\n')}`.trimEnd(),
        );
      }),
    );
  });

  it('survives an editor that adds blanks, and contains no markup', () => {
    assert.equal(
      withoutAttendeeText(withBlock('Text', block.replaceAll('\n', ' \n')) + ' \n', ['uid-1'], SETTING.tag),
      'Text',
    );
    assert.equal(isHtml(block), false);
  });

  it('is empty without attendees', () => {
    assert.equal(attendeeText({ organizer: null, attendees: [] }, 'u', SETTING.tag), '');
  });
});

describe('cutting', () => {
  it('never exceeds the limit, and splits no character', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 40 }), fc.integer({ min: 2, max: 30 }), (text, limit) => {
        const { text: cut, isCut } = cutText(text, limit);
        assert.ok(cut.length <= limit);
        assert.equal(isCut, text.length > limit);
        if (isCut) assert.ok(cut.endsWith('…') && text.startsWith(cut.slice(0, -1)) && !/[\ud800-\udbff]…$/.test(cut));
        else assert.equal(cut, text);
      }),
    );
  });
});
