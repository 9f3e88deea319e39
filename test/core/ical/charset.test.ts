/** Text from bytes: UTF-8, what is declared, else Windows-1252; never a character that stands for a lost one. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { decodeBytes, escapesOf, textOfEscapes } from '../../../core/ical/charset.ts';

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');
const hex = (digits: string): Buffer => Buffer.from(digits, 'hex');
const TEXTS = ['Grüße aus Köln', 'Ça coûte 5 £', 'señor ¿qué?', 'smørbrød', 'plain', '', 'naïve – “quoted” €5 …'];
/** The characters of Windows-1252 that Latin-1 does not have, and their bytes (https://encoding.spec.whatwg.org). */
const SPECIAL: Record<string, number> = { '–': 0x96, '“': 0x93, '”': 0x94, '€': 0x80, '…': 0x85 };
const windows1252 = (text: string): Buffer =>
  Buffer.from([...text].map((character) => SPECIAL[character] ?? character.charCodeAt(0)));

describe('bytes', () => {
  test('FA2: a text reads the same from UTF-8, Windows-1252 and UTF-16', () => {
    for (const text of TEXTS) {
      for (const lines of [text, `A:${text}\r\nB:${text}\r\n`]) {
        assert.equal(decodeBytes(Buffer.from(lines)), lines);
        assert.equal(decodeBytes(Buffer.from(`\ufeff${lines}`)), lines);
        assert.equal(decodeBytes(windows1252(lines)), lines);
        for (const charset of ['ISO-8859-1', 'windows-1252', 'utf-8', 'us-ascii', 'no-such-charset'])
          assert.equal(decodeBytes(windows1252(lines), charset), lines, charset);
        assert.equal(decodeBytes(Buffer.from(`\ufeff${lines}`, 'utf16le')), lines);
        assert.equal(decodeBytes(Buffer.from(`\ufeff${lines}`, 'utf16le').swap16()), lines);
      }
    }
  });

  test('FA2: a declared charset counts unless the bytes are UTF-8', () => {
    assert.equal(decodeBytes(hex('b1e6ea'), 'iso-8859-2'), 'ąćę');
    assert.equal(decodeBytes(hex('cff0e8e2e5f2'), 'windows-1251'), 'Привет');
    assert.equal(decodeBytes(hex('93fa967b'), 'Shift_JIS'), '日本');
    assert.equal(decodeBytes(hex('1b2442467c4b5c1b2842'), 'iso-2022-jp'), '日本');
    for (const charset of ['iso-8859-2', 'iso-8859-1', 'Shift_JIS', 'utf-16'])
      assert.equal(decodeBytes(Buffer.from('Grüße 日本 😀'), charset), 'Grüße 日本 😀', charset);
  });

  test('FA2: lines of one object in two charsets, and a text that was cut within a character', () => {
    const mixed = Buffer.concat([Buffer.from('A:Größe 日本\r\n'), latin1('B:Maße\r\n'), Buffer.from('C:ü')]);
    assert.equal(decodeBytes(mixed), 'A:Größe 日本\r\nB:Maße\r\nC:ü');
    const cut = Buffer.from('A:Grüße aus Köln, 日本').subarray(0, -1);
    assert.match(decodeBytes(cut), /^A:Grüße aus Köln, 日[^\ufffd]+$/);
  });

  test('a fold within a character is no fold of the text', () => {
    const bytes = Buffer.from('SUMMARY:Grüße 日本 😀\r\n');
    for (let at = 9; at < bytes.length - 2; at += 1)
      for (const fold of ['\r\n ', '\n\t']) {
        const folded = Buffer.concat([bytes.subarray(0, at), Buffer.from(fold), bytes.subarray(at)]);
        assert.equal(decodeBytes(folded).replaceAll(fold, ''), bytes.toString(), String(at));
      }
  });

  test('FA13: surrogates in UTF-8: a pair is its character, a half stays half', () => {
    for (const emoji of ['😀', '💀', '🏁']) {
      const bytes = [...Array(2).keys()].flatMap((at) => {
        const unit = emoji.charCodeAt(at);
        return [0xed, 0x80 | ((unit >> 6) & 0x3f), 0x80 | (unit & 0x3f)];
      });
      assert.equal(decodeBytes(Buffer.from([0x41, ...bytes])), `A${emoji}`);
    }
    assert.equal(decodeBytes(hex('41eda0bd42')), 'A\ud83dB');
  });

  test('FA2: no bytes give U+FFFD, and escapes keep every byte', () => {
    let seed = 7;
    const random = (): number => (seed = (seed * 48_271) % 0x7fffffff);
    for (let round = 0; round < 300; round += 1) {
      const bytes = Buffer.from(Array.from({ length: 40 }, () => (random() % 3 ? 0x80 | (random() % 128) : 0x41)));
      assert.doesNotMatch(textOfEscapes(escapesOf(bytes)), /\ufffd/);
      assert.deepEqual(Buffer.from([...escapesOf(bytes)].map((one) => one.charCodeAt(0) & 0xff)), bytes);
    }
  });
});
