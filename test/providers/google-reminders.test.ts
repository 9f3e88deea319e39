/** Reminders of Google events where a pair copies them: the calendar's default ones, mails, and limits. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { HOLDS } from '../../providers/google/capabilities.ts';
import { brokenRules } from '../../providers/google/check-body.ts';
import { remindersBody } from '../../providers/google/to-google.ts';
import type { Found, Side } from '../../providers/provider.ts';
import { event } from '../support/contract.ts';
import { type GoogleSetup, openGoogle } from '../support/contract-google.ts';

describe('reminders of a Google event', () => {
  let setup: GoogleSetup;
  let side: Side;
  beforeEach(async () => {
    setup = await openGoogle();
    side = setup.open({ reminders: 'copy' });
  });
  afterEach(() => setup.close());
  const at = async (one: Side, resource: string): Promise<Found> => {
    const found = (await one.get([resource])).get(resource);
    assert.ok(found !== undefined && found !== 'gone');
    return found[0]!;
  };
  const insert = (reminders: object): string =>
    setup.owner.insertEvent(
      { summary: 'A', start: { date: '2027-01-05' }, end: { date: '2027-01-06' }, reminders },
      setup.calendarId,
    )['id'] as string;
  const remindersAt = (resource: string): unknown => setup.owner.getEvent(resource, setup.calendarId)['reminders'];

  it('are the default ones of the calendar where the event says so', async () => {
    const resource = insert({ useDefault: true });
    // The fake's calendars have a pop-up 30 minutes before.
    assert.deepEqual((await at(side, resource)).event?.reminders, [1800]);
    const found: Found[] = [];
    for await (const page of setup.open({ reminders: 'copy' }).changes(null, {
      byResource: async () => [],
      versions: async () => new Map(),
    }))
      found.push(...page.found);
    assert.deepEqual(
      found.map((one) => one.event?.reminders),
      [[1800]],
    );
    assert.deepEqual(side.read(found[0]!).event?.reminders, [1800]);
  });

  it('are written as its own ones only when they change', async () => {
    const resource = insert({ useDefault: true });
    const found = await at(side, resource);
    const renamed = await side.update(found, { ...found.event!, title: 'B' });
    assert.deepEqual(remindersAt(resource), { useDefault: true });
    const changed = await side.update(renamed, { ...renamed.event!, reminders: [600] });
    assert.deepEqual(changed.event?.reminders, [600]);
    assert.deepEqual(remindersAt(resource), { useDefault: false, overrides: [{ method: 'popup', minutes: 10 }] });
  });

  it('leave mails as they are', async () => {
    const mail = { method: 'email', minutes: 60 };
    const resource = insert({ useDefault: false, overrides: [mail, { method: 'popup', minutes: 5 }] });
    const found = await at(side, resource);
    assert.deepEqual(found.event?.reminders, [300]);
    const written = await side.update(found, { ...found.event!, reminders: [0, 60, 120, 180, 240] });
    assert.deepEqual(written.event?.reminders, [0, 60, 120, 180]);
    await side.update(written, { ...written.event!, reminders: [] });
    assert.deepEqual(remindersAt(resource), { useDefault: false, overrides: [mail] });
  });

  it('are at most five, up to four weeks before and not after the start, in whole minutes', () => {
    const fit = HOLDS.reminders!;
    assert.deepEqual(fit([-600, 0, 29, 31, 60, 120, 180, 240, 300]), [0, 60, 120, 180, 240]);
    assert.deepEqual(fit([5_000_000]), [2_419_200]);
    const body = { reminders: remindersBody(null, fit([-600, 90, 9_999_999])) };
    assert.deepEqual(brokenRules(body, { id: 'abcde' }), []);
    for (const reminders of [
      { useDefault: true, overrides: [{ method: 'popup', minutes: 1 }] },
      { useDefault: false, overrides: [{ method: 'popup', minutes: 40_321 }] },
      { useDefault: false, overrides: [{ method: 'sms', minutes: 1 }] },
      { useDefault: false, overrides: Array.from({ length: 6 }, (_, minutes) => ({ method: 'popup', minutes })) },
    ])
      assert.deepEqual(brokenRules({ reminders }, { id: 'abcde' }), ['reminders']);
  });

  it('ask for nothing more where they are not copied', async () => {
    const kept = await at(setup.side, insert({ useDefault: true }));
    assert.equal(kept.data.includes('eminders'), false);
    assert.deepEqual((await setup.side.create(event('none'), 'k', 0)).event?.reminders, undefined);
    assert.equal(
      setup.google.requests.some(({ query }) => JSON.stringify(query).includes('eminders')),
      false,
    );
  });
});
