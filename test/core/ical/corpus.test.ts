/** Real files from the test suites of other projects (see the README of the corpus): nothing is lost or changed. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { changedPaths } from '../../../core/event.ts';
import { decodeBytes } from '../../../core/ical/charset.ts';
import { splitFeed } from '../../../core/ical/feed.ts';
import { createObject, patchObject, readObject } from '../../../core/ical/object.ts';

const FLOATING = { floatingZone: 'Europe/Berlin' };
const SETTING = { ...FLOATING, now: '2026-11-21T10:00:00Z' };
const corpus = new URL('../../../../shared/corpus/ics/', import.meta.url);
const skip = existsSync(corpus) ? false : 'the corpus is not here';

/** Each file, as it is and with CRLF: the whole stream, and the objects that a server would store. */
function* texts(kind: 'valid' | 'broken'): Generator<{ name: string; text: string; isObject: boolean }> {
  for (const name of readdirSync(new URL(`${kind}/`, corpus))) {
    const asIs = decodeBytes(readFileSync(new URL(`${kind}/${name}`, corpus)));
    for (const text of [asIs, asIs.replace(/\r?\n/g, '\r\n')]) {
      yield { name, text, isObject: false };
      for (const part of splitFeed(text)) yield { name, text: part.text, isObject: true };
    }
  }
}

function contentLines(text: string): string[] {
  return text
    .trimEnd()
    .replace(/\r?\n[ \t]/g, '')
    .split(/\r?\n/);
}

describe('the corpus', { skip }, () => {
  test('every valid event is read', () => {
    const lost: string[] = [];
    for (const { name, text } of texts('valid')) {
      const { events } = readObject(text, FLOATING);
      if (/BEGIN:VEVENT/i.test(text) && events.length === 0) lost.push(name);
      for (const { event, problems } of events) if (!event) lost.push(`${name}: ${problems[0]?.detail}`);
    }
    assert.deepEqual(lost, []);
  });

  test('every unreadable broken event has a problem, and does not affect other events', () => {
    for (const { name, text } of texts('broken')) {
      const { events } = readObject(text, FLOATING);
      const begun = text.match(/^BEGIN:VEVENT/gim)?.length ?? 0;
      assert.ok(begun === 0 || events.length > 0, name);
      for (const { event, problems } of events) assert.ok(event !== null || problems.length > 0, name);
    }
  });

  for (const kind of ['valid', 'broken'] as const) {
    test(`writing ${kind} events`, () => {
      for (const { name, text, isObject } of texts(kind)) {
        for (const { part, event, uid } of readObject(text, FLOATING).events) {
          if (!event || (!isObject && part !== null)) continue;
          assert.equal(patchObject(text, part, event, SETTING), text, `${name} ${part}`);
          const next = { ...event, title: `${event.title} changed` };
          const patched = patchObject(text, part, next, SETTING);
          const back = readObject(patched, FLOATING).events.find((entry) => entry.part === part)?.event;
          assert.ok(back, name);
          assert.deepEqual(changedPaths(back, next), [], name);
          // Blank lines are no content lines (RFC 5545 3.1), and are not written back.
          const others = (of: string): string[] =>
            contentLines(of).filter((line) => line !== '' && !/^(SUMMARY|DTSTAMP|LAST-MODIFIED)[;:]/i.test(line));
          assert.deepEqual(others(patched), others(text), name);
          const created = readObject(createObject(event, uid ?? 'u', { ...SETTING, scheduleAgentNone: true }), FLOATING)
            .events[0]?.event;
          assert.ok(created, name);
          assert.deepEqual(changedPaths(created, event), [], name);
        }
      }
    });
  }
});
