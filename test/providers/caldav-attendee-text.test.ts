/** Attendees and join links as text of a CalDAV object. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Attendee } from '../../core/event.ts';
import { fieldsFromText, fieldsToText } from '../../providers/caldav/attendee-text.ts';
import { SETTING } from '../support/contract-caldav.ts';
import { event } from '../support/events.ts';

const { tag } = SETTING;
const attendee: Attendee = {
  address: 'a@example.org',
  name: 'Anna',
  participation: 'tentative',
  role: 'required',
  kind: 'individual',
};

test('the text is read and removed, whatever a person wrote above or below it', () => {
  const line = fc.string({ unit: 'grapheme' }).filter((text) => text.trim() !== '');
  fc.assert(
    fc.property(fc.constantFrom('', 'Bring sheets'), fc.array(line), (above, lines) => {
      const before = event('Choir', { description: above, attendees: [attendee], organizer: null });
      const asText = fieldsToText(before, 'uid-1', tag, true);
      assert.deepEqual(asText.attendees, []);
      const below = lines.join('\n');
      const edited = { ...asText, description: below === '' ? asText.description : `${asText.description}\n${below}` };
      const { description, attendees } = fieldsFromText(edited, 'uid-1', tag);
      assert.deepEqual(attendees, [attendee]);
      assert.equal(description, [above, below].filter((text) => text !== '').join('\n'));
      // Of another event it is ordinary text.
      assert.deepEqual(fieldsFromText(edited, 'uid-2', tag), edited);
    }),
  );
});
