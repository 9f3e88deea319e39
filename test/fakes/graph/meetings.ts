/** Online meetings, and the fields of a meeting that may be written without notifying attendees. */
import { randomUUID } from 'node:crypto';
import type { Json } from '../json.ts';
import type { Fields } from './event-fields.ts';
import { escapeHtml, htmlOfHtml } from './html.ts';

/** What an attendee may change in the own copy. */
const LOCAL = [
  'showAs',
  'categories',
  'isReminderOn',
  'reminderMinutesBeforeStart',
  'sensitivity',
  'importance',
  'singleValueExtendedProperties',
];

export function isLocalChange(body: Json): boolean {
  return Object.keys(body).every((key) => LOCAL.includes(key));
}

/** The join block goes into the body, and into an empty location. */
export function withTeams(fields: Fields): Fields {
  const joinUrl = `https://teams.example.com/l/meetup-join/${randomUUID()}`;
  const block =
    '<div class="me-email-text"><p>Microsoft Teams meeting</p><p><a ' +
    `href="${escapeHtml(joinUrl)}">Join the meeting now</a></p></div>`;
  const html = fields.html === '' ? htmlOfHtml(block) : fields.html.replace(/<\/body>/i, () => `${block}</body>`);
  const name = 'Microsoft Teams Meeting';
  const locations =
    fields.locations.length > 0
      ? fields.locations
      : [{ displayName: name, locationType: 'default', uniqueId: name, uniqueIdType: 'private' }];
  return { ...fields, joinUrl, html, locations };
}

export function cutsJoinLink({ html }: Partial<Fields>, joinUrl: string): boolean {
  return html !== undefined && !html.includes(escapeHtml(joinUrl));
}
