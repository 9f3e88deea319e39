import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  clip,
  type Interval,
  merge,
  mergeSpans,
  overlaps,
  type Span,
  subtract,
  subtractSpans,
} from '../../../core/availability/interval.ts';
import { randomOf } from '../../support/random.ts';

const on = (from: string, to: string): Interval => ({
  start: `2026-11-23T${from}:00.000Z`,
  end: `2026-11-23T${to}:00.000Z`,
});

test('merging joins intervals that overlap or touch, and drops empty ones', () => {
  assert.deepEqual(
    merge([
      on('12:00', '13:00'),
      on('09:00', '10:00'),
      on('10:00', '11:00'),
      on('09:30', '09:45'),
      on('14:00', '14:00'),
    ]),
    [on('09:00', '11:00'), on('12:00', '13:00')],
  );
  assert.deepEqual(merge([]), []);
  assert.deepEqual(
    merge([{ start: '2026-11-23T10:00:00+01:00', end: '2026-11-23T10:00:00Z' }]),
    [on('09:00', '10:00')],
    'with other offsets',
  );
});

test('intervals that only touch do not overlap', () => {
  assert.equal(overlaps(on('09:00', '10:00'), on('10:00', '11:00')), false);
  assert.equal(overlaps(on('10:00', '11:00'), on('09:00', '10:00')), false);
  assert.equal(overlaps(on('09:00', '10:00'), on('09:59', '11:00')), true);
  assert.equal(overlaps(on('09:00', '12:00'), on('10:00', '11:00')), true);
  assert.throws(() => overlaps(on('09:00', '10:00'), { start: 'soon', end: 'later' }), RangeError);
});

test('clipping and subtracting', () => {
  assert.deepEqual(clip([on('08:00', '10:00'), on('11:00', '12:00'), on('12:30', '14:00')], on('09:00', '13:00')), [
    on('09:00', '10:00'),
    on('11:00', '12:00'),
    on('12:30', '13:00'),
  ]);
  assert.deepEqual(
    subtract(
      [on('09:00', '17:00')],
      [on('08:00', '09:30'), on('12:00', '13:00'), on('12:30', '14:00'), on('16:00', '18:00')],
    ),
    [on('09:30', '12:00'), on('14:00', '16:00')],
  );
  assert.deepEqual(subtract([on('09:00', '10:00')], [on('08:00', '11:00')]), []);
});

test('random spans give the same result as a comparison minute by minute', () => {
  const random = randomOf(7);
  const spans = (): Span[] =>
    Array.from({ length: random.below(8) }, () => {
      const from = random.below(60);
      return { from, to: from + random.below(12) };
    });
  const minutes = (of: readonly Span[]): boolean[] =>
    Array.from({ length: 80 }, (_, at) => of.some(({ from, to }) => from <= at && at < to));
  for (let round = 0; round < 500; round += 1) {
    const [one, other] = [spans(), spans()];
    assert.deepEqual(minutes(mergeSpans(one)), minutes(one));
    const merged = mergeSpans(one);
    assert.ok(merged.every(({ from, to }, at) => from < to && (at === 0 || merged[at - 1]!.to < from)));
    const taken = minutes(other);
    assert.deepEqual(
      minutes(subtractSpans(one, other)),
      minutes(one).map((is, at) => is && !taken[at]),
    );
  }
});
