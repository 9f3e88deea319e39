/**
 * A grammar makes long inputs of every shape; each reader is fed with n and 4n of them, and its CPU time has to grow
 * nearly in proportion. `GROWTH_SHARE=1` tries all of them, and takes hours.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { busySpans } from '../../core/availability/busy-time.ts';
import type { CalendarEvent } from '../../core/event.ts';
import { decodeBytes } from '../../core/ical/charset.ts';
import { splitFeed } from '../../core/ical/feed.ts';
import { readBusySources, readFreeBusy } from '../../core/ical/free-busy.ts';
import { patchObject, readObject, removePart } from '../../core/ical/object.ts';
import { validateObject } from '../../core/ical/validate.ts';
import { unsupported as unsupportedByGoogle } from '../../providers/google/capabilities.ts';
import { apiError as googleError } from '../../providers/google/errors.ts';
import { readStored as readGoogle } from '../../providers/google/from-google.ts';
import { unsupported as unsupportedByGraph } from '../../providers/microsoft/capabilities.ts';
import { apiError as graphError } from '../../providers/microsoft/errors.ts';
import { readStored as readGraph } from '../../providers/microsoft/from-graph.ts';
import { htmlToText, isHtml } from '../../providers/text.ts';
import { isNearlyLinear } from '../support/growth.ts';
import { cloudTexts, longLines, MANY_PARTS, REPEATED, type Shape } from '../support/hostile-texts.ts';
import { randomOf } from '../support/random.ts';

const SHARE = Number(process.env['GROWTH_SHARE'] ?? 0.001);
const SEED = Number(process.env['GROWTH_SEED'] ?? 1);
const MOST = 200_000;
const FLOATING = { floatingZone: 'Europe/Berlin' };
const VIEW = {
  range: { from: Date.UTC(2026, 0, 1), to: Date.UTC(2027, 0, 1) },
  zone: 'Europe/Berlin',
  own: new Set<string>(),
  unanswered: 'busy' as const,
};
const SETTING = { ...FLOATING, attendees: 'copy', reminders: 'keep', tag: () => '0'.repeat(64) } as const;

function quietly(work: () => unknown): void {
  try {
    work();
  } catch (error) {
    assert.ok(error instanceof Error);
  }
}

function eventIn(text: string): { part: string | null; event: CalendarEvent } | null {
  const [first] = readObject(text, FLOATING).events;
  return first?.event ? { part: first.part, event: first.event } : null;
}

function change(text: string, next: (event: CalendarEvent) => CalendarEvent): void {
  const found = eventIn(text);
  if (!found) return;
  quietly(() =>
    patchObject(text, found.part, next(found.event), { now: '2026-01-01T00:00:00Z', floatingZone: 'Europe/Berlin' }),
  );
}

const OBJECT_READERS: Readonly<Record<string, (text: string) => unknown>> = {
  read: (text) => readObject(text, FLOATING),
  'bytes are decoded': (text) => decodeBytes(Buffer.from(text)),
  'a title is changed': (text) => change(text, (event) => ({ ...event, title: 'new' })),
  'everything is removed': (text) =>
    change(text, (event) => ({
      ...event,
      title: '',
      description: '',
      attendees: [],
      exceptions: {},
      recurrence: null,
    })),
  'exceptions are removed': (text) => change(text, (event) => ({ ...event, exceptions: {} })),
  validate: (text) => validateObject(text),
  'free/busy': (text) =>
    quietly(() => {
      const budget = { steps: 20_000_000 };
      for (const source of readBusySources(text, FLOATING)) quietly(() => busySpans(source, VIEW, budget));
    }),
  reply: (text) => quietly(() => readFreeBusy(text)),
  feed: (text) => quietly(() => splitFeed(text)),
  remove: (text) => quietly(() => removePart(text, null)),
  'limits of the clouds': (text) => {
    const found = eventIn(text);
    if (found) quietly(() => [unsupportedByGoogle(found.event), unsupportedByGraph(found.event)]);
  },
};

const stored = (data: string) => ({ ref: 'x', resource: 'x', version: null, data });
const CLOUD_READERS: Readonly<Record<string, (text: string) => unknown>> = {
  Google: (text) => readGoogle(stored(text), SETTING),
  Graph: (text) => readGraph(stored(text), SETTING),
};

const TEXT_READERS: Readonly<Record<string, (text: string) => unknown>> = {
  HTML: (text) => [isHtml(text), htmlToText(text)],
  'an error of Google': (text) =>
    googleError({ response: { status: 400, headers: {}, data: { error: { message: text, errors: [] } } } }, undefined),
  'an error of Graph': (text) => graphError(400, new Headers(), { error: { code: text, message: text } }),
};

/** A share of all pairs of a shape and a reader, each time the same. */
function sample(
  shapes: readonly Shape[],
  readers: Readonly<Record<string, (text: string) => unknown>>,
  share: number,
): [string, Shape['make'], (text: string) => unknown][] {
  const random = randomOf(SEED);
  return shapes.flatMap((shape) =>
    Object.entries(readers).flatMap(([name, read]): [string, Shape['make'], (text: string) => unknown][] =>
      random.chance(share) ? [[`${name}: ${shape.name}`, shape.make, read]] : [],
    ),
  );
}

function check(name: string, cases: readonly [string, Shape['make'], (text: string) => unknown][]): void {
  test(`FD: ${name} (${cases.length} shapes, seed ${SEED})`, () => {
    const slow: string[] = [];
    for (const [title, make, read] of cases) {
      try {
        isNearlyLinear(title, make, read, MOST);
      } catch (error) {
        slow.push((error as Error).message);
      }
    }
    assert.deepEqual(slow, []);
  });
}

describe('CPU time grows nearly in proportion to the input:', () => {
  check('objects with many parts', sample(MANY_PARTS, OBJECT_READERS, Math.max(0.15, SHARE)));
  check('objects with a long line', sample(longLines(), OBJECT_READERS, SHARE));
  check('events of the clouds', sample(cloudTexts(), CLOUD_READERS, Math.max(0.3, SHARE)));
  check('texts and errors of the clouds', sample(REPEATED, TEXT_READERS, 1));
});
