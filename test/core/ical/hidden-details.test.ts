/** What a server shows in place of an event whose details it hides. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HIDDEN } from '../../support/hidden-texts.ts';
import { calendar, entries, MASTER, vevent } from './objects.ts';

for (const [server, textOf] of Object.entries(HIDDEN))
  test(`FB5: ${server} hides the details of one event`, () => {
    const all = entries(textOf('u', '20270113T090000', '20270120T090000'));
    assert.deepEqual(
      all.map(({ part, hidesDetails }) => [part, hidesDetails]),
      [[null, true]],
    );
  });

test('FB5: a private event of which there is no more to show hides nothing', () => {
  const hides = (...lines: string[]) => entries(calendar(...vevent(...MASTER, ...lines)))[0]!.hidesDetails;
  const own = ['DTSTAMP:20261101T100000Z', 'LAST-MODIFIED:20261101T100000Z', 'CLASS:PRIVATE'];
  const busy = MASTER.map((line) => line.replace('daily', 'Busy'));
  assert.deepEqual(
    [
      hides(...own),
      hides(...own, 'LOCATION:Hall'),
      hides('DESCRIPTION:no DTSTAMP', 'CLASS:PRIVATE'),
      hides(),
      entries(calendar(...vevent(...busy, 'DTSTAMP:20261101T100000Z')))[0]!.hidesDetails,
    ],
    [false, false, false, false, false],
  );
});
