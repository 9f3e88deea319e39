/** The event of a booking, and changes that people make to it in the calendar. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type BookingSyncState, type DesiredBooking, eventOf, reconcile, slotOf, whenOf } from '../../core/booking.ts';
import type { Attendee } from '../../core/event.ts';

const at = (text: string): number => Date.parse(text);
const desired: DesiredBooking = {
  title: 'Call',
  location: '',
  description: '',
  timeZone: 'Europe/Berlin',
  attendees: [{ email: 'a@example.org', name: 'A' }],
  start: at('2027-02-01T09:00:00Z'),
  end: at('2027-02-01T10:00:00Z'),
};
const synced: BookingSyncState = { last: desired, sending: null, shown: { start: desired.start, end: desired.end } };
const written = eventOf('id', desired);
const elsewhere = { start: at('2027-02-02T09:00:00Z'), end: at('2027-02-02T10:00:00Z') };

describe('the event of a booking', () => {
  it("is in the booking's zone, and in UTC if wall-clock time is ambiguous", () => {
    assert.deepEqual(whenOf(desired), {
      allDay: false,
      start: '2027-02-01T10:00:00',
      startZone: 'Europe/Berlin',
      end: '2027-02-01T11:00:00',
      endZone: 'Europe/Berlin',
    });
    const [first, second] = [at('2027-10-31T00:30:00Z'), at('2027-10-31T01:30:00Z')];
    assert.deepEqual(whenOf({ start: first, end: second, timeZone: 'Europe/Berlin' }), {
      allDay: false,
      start: '2027-10-31T00:30:00',
      startZone: 'UTC',
      end: '2027-10-31T01:30:00',
      endZone: 'UTC',
    });
    for (let hour = 0; hour < 48; hour++) {
      const slot = {
        start: at('2027-10-30T12:00:00Z') + hour * 1_800_000,
        end: at('2027-10-30T12:15:00Z') + hour * 1_800_000,
      };
      assert.deepEqual(slotOf(whenOf({ ...slot, timeZone: 'Europe/Berlin' }), 'UTC'), slot);
    }
  });

  it("lasts from midnight to midnight in the booking's zone if it is all-day", () => {
    assert.deepEqual(slotOf({ allDay: true, start: '2027-02-01', end: '2027-02-02' }, 'Europe/Berlin'), {
      start: at('2027-01-31T23:00:00Z'),
      end: at('2027-02-01T23:00:00Z'),
    });
  });

  it('keeps changes by the host, except for fields that the API changed since', () => {
    const guest: Attendee = {
      address: 'host@example.org',
      name: '',
      participation: 'accepted',
      role: 'optional',
      kind: 'individual',
    };
    const found = {
      ...written,
      title: 'Mine',
      location: 'Here',
      attendees: [{ ...written.attendees[0]!, participation: 'accepted' as const }, guest],
      visibility: 'private' as const,
    };
    assert.deepEqual(reconcile(desired, synced, found), { next: found, moved: null });
    const next = reconcile(
      {
        ...desired,
        location: 'There',
        attendees: [
          { email: 'a@example.org', name: 'Anna' },
          { email: 'b@example.org', name: '' },
        ],
      },
      synced,
      found,
    ).next;
    assert.deepEqual([next.title, next.location, next.visibility], ['Mine', 'There', 'private']);
    assert.deepEqual(
      next.attendees.map(({ address, name, participation, role }) => [address, name, participation, role]),
      [
        ['a@example.org', 'Anna', 'accepted', 'required'],
        ['b@example.org', '', 'needs-action', 'required'],
        ['host@example.org', '', 'accepted', 'optional'],
      ],
    );
    assert.deepEqual(reconcile({ ...desired, attendees: [] }, synced, found).next.attendees, [guest]);
  });

  it('moves the booking, unless the API has moved it meanwhile', () => {
    const found = { ...written, when: whenOf({ ...elsewhere, timeZone: 'Asia/Tokyo' }) };
    assert.deepEqual(reconcile(desired, synced, found), { next: found, moved: elsewhere });
    const later = { start: at('2027-02-03T09:00:00Z'), end: at('2027-02-03T10:00:00Z') };
    const { next, moved } = reconcile({ ...desired, ...later }, synced, found);
    assert.deepEqual([slotOf(next.when, 'UTC'), moved], [later, null]);
  });

  it('is not moved by another name of its zone, nor by a write under way', () => {
    const found = {
      ...written,
      when: { ...written.when, startZone: 'Europe/Oslo', endZone: 'Europe/Oslo' } as typeof written.when,
    };
    assert.deepEqual(reconcile(desired, synced, found), { next: found, moved: null });
    const arrived = { ...written, when: whenOf({ ...elsewhere, timeZone: 'Europe/Berlin' }) };
    assert.deepEqual(
      reconcile({ ...desired, ...elsewhere }, { ...synced, sending: { ...desired, ...elsewhere } }, arrived),
      { next: arrived, moved: null },
    );
    assert.deepEqual(
      reconcile(desired, { ...synced, sending: { ...desired, ...elsewhere } }, arrived).next.when,
      written.when,
      'the old time was requested again',
    );
  });
});
