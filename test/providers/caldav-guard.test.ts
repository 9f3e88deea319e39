/** An object that would break RFC 5545 is not sent to a CalDAV server. */
import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import type { CalendarEvent } from '../../core/event.ts';
import { validateObject } from '../../core/ical/validate.ts';
import { event } from '../support/contract.ts';
import { text } from '../support/contract-caldav.ts';
import { getOne, type OpenSide, openFake } from '../support/dav-side.ts';
import { samples } from '../support/events.ts';

const KEY = '019300aa-0000-7000-8000-000000000001';
let server: OpenSide;
afterEach(() => server.dav.close());

/** No provider reads such a rule; a mistake in the engine could make one. */
const BAD_RULE: Partial<CalendarEvent> = { recurrence: { rules: ['RRULE:FREQ=WEEKLY;BYDAY=XX'], dates: [] } };

describe('the guard of written objects', () => {
  test('FA1: a create and an update that would break the object send nothing, and name the rules only', async () => {
    server = await openFake();
    const { dav, side } = server;
    dav.put('/cal/a.ics', text(event('A')));
    const found = await getOne(side, '/cal/a.ics');
    dav.log.length = 0;
    const refused = (reason: string) => ({
      kind: 'invalid-object',
      reason,
      message: `the object would be invalid: ${reason}`,
    });
    await assert.rejects(side.create(event('Secret', BAD_RULE), KEY, 0), refused('invalid-value RRULE'));
    await assert.rejects(side.update(found, { ...found.event!, ...BAD_RULE }), refused('invalid-value RRULE'));
    assert.deepEqual(dav.log, []);
  });

  test('FA1: an object that was broken before can still be edited', async () => {
    server = await openFake();
    const { dav, side } = server;
    const broken = text(event('A'))
      .replace('SUMMARY', 'GEO:here\r\nSEQUENCE:many\r\nSUMMARY')
      .replace(/^DTSTAMP.*\r\n/m, '');
    dav.put('/cal/a.ics', broken.replaceAll('\r', ''));
    const found = await getOne(side, '/cal/a.ics');
    await side.update(found, { ...found.event!, title: 'B' });
    assert.equal((await getOne(side, '/cal/a.ics')).event?.title, 'B');
  });

  test('FA1: what the contract suite writes is valid', async () => {
    server = await openFake();
    const { dav, side } = server;
    for (const [index, sample] of samples().entries()) {
      const written = await side.create({ ...sample, uid: `${index}` }, KEY.replace(/1$/, String(index)), index);
      await side.update(written, { ...written.event!, title: 'Changed', location: 'There' });
    }
    for (const { data } of dav.objects.values()) assert.deepEqual(validateObject(data), []);
  });

  test('FA1: takes little time for each object', () => {
    const daily = { recurrence: { rules: ['RRULE:FREQ=DAILY'], dates: [] } };
    const object = text(event('Daily', daily));
    const since = performance.now();
    for (let round = 0; round < 100; round += 1) validateObject(object);
    assert.ok((performance.now() - since) / 100 < 50);
  });
});
