/** The composed parts of an event: attendees, reminders, extended properties, attachments. */

import type { Json } from '../json.ts';
import { GoogleError, invalid } from './google-error.ts';

export interface Attendee extends Json {
  readonly email: string;
  readonly responseStatus: string;
}

const RESPONSES = ['needsAction', 'declined', 'tentative', 'accepted'];
const ATTENDEE_KEYS = [
  'email',
  'displayName',
  'id',
  'optional',
  'resource',
  'organizer',
  'self',
  'responseStatus',
  'comment',
  'additionalGuests',
  'asyncOperation',
];

/**
 * Google returns them with the local part in lower case, without a name that is the address, and with flags of its
 * own.
 */
export function checkAttendees(value: unknown, who: { self: string; organizer: string }): Attendee[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw invalid('Invalid value for: attendees');
  if (value.length > 200) throw new GoogleError(400, 'tooManyAttendees', 'Too many attendees.', { domain: 'calendar' });
  const addresses = new Set<string>();
  return value.map((entry: unknown) => {
    if (typeof entry !== 'object' || entry === null) throw invalid('Invalid value for: attendees');
    const given = entry as Json;
    for (const key of Object.keys(given))
      if (!ATTENDEE_KEYS.includes(key)) throw invalid(`Unknown field: attendees.${key.slice(0, 40)}`);
    const { email, displayName, optional, resource, comment, additionalGuests } = given;
    const responseStatus = given['responseStatus'] ?? 'needsAction';
    if (email === undefined || email === null || email === '')
      throw new GoogleError(400, 'required', 'Missing attendee email.');
    if (typeof email !== 'string' || !/^[^\s@<>,;:"]+@[^\s@<>,;:"]+$/.test(email))
      throw invalid('Invalid attendee email.');
    if (!RESPONSES.includes(responseStatus as string)) throw invalid('Invalid value for: attendees.responseStatus');
    const at = email.lastIndexOf('@');
    const address = email.slice(0, at).toLowerCase() + email.slice(at);
    if (addresses.has(address.toLowerCase())) throw invalid('Duplicate attendee.');
    addresses.add(address.toLowerCase());
    return {
      email: address,
      ...(typeof displayName === 'string' && displayName !== '' && displayName !== email ? { displayName } : {}),
      ...(sameAddress(address, who.organizer) ? { organizer: true } : {}),
      ...(sameAddress(address, who.self) ? { self: true } : {}),
      ...(resource === true ? { resource: true } : {}),
      ...(optional === true ? { optional: true } : {}),
      responseStatus: responseStatus as string,
      ...(typeof comment === 'string' && comment !== '' ? { comment } : {}),
      ...(typeof additionalGuests === 'number' && additionalGuests > 0 ? { additionalGuests } : {}),
    };
  });
}

function sameAddress(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

export interface Reminders extends Json {
  readonly useDefault: boolean;
  readonly overrides?: readonly Json[];
}

/** Absent means the calendar's default ones; an empty list of overrides is not returned. */
export function checkReminders(value: unknown): Reminders {
  if (value === undefined || value === null) return { useDefault: true };
  const { useDefault = false, overrides = [], ...rest } = value as Json;
  if (Object.keys(rest).length > 0) throw invalid('Unknown field: reminders');
  if (typeof useDefault !== 'boolean' || !Array.isArray(overrides) || overrides.length > 5)
    throw invalid('Invalid value for: reminders');
  if (useDefault && overrides.length > 0) {
    throw new GoogleError(
      400,
      'cannotUseDefaultRemindersAndSpecifyOverride',
      'Cannot specify both default reminders and overrides at the same time.',
      { domain: 'calendar' },
    );
  }
  for (const override of overrides as Json[]) {
    const { method, minutes, ...others } = override;
    const fits =
      (method === 'email' || method === 'popup') &&
      Number.isInteger(minutes) &&
      (minutes as number) >= 0 &&
      (minutes as number) <= 40_320;
    if (!fits || Object.keys(others).length > 0) throw invalid('Invalid value for: reminders.overrides');
  }
  return overrides.length === 0 ? { useDefault } : { useDefault, overrides: overrides as Json[] };
}

export interface ExtendedProperties extends Json {
  readonly private?: Readonly<Record<string, string>>;
  readonly shared?: Readonly<Record<string, string>>;
}

/**
 * Keys over 44 characters are dropped silently, values over 1024 cut; more than 300 properties or 32 kB are refused.
 */
export function checkExtendedProperties(value: unknown): ExtendedProperties | null {
  if (value === undefined || value === null) return null;
  const kept: { private?: Record<string, string>; shared?: Record<string, string> } = {};
  let count = 0;
  let size = 0;
  for (const [kind, properties] of Object.entries(value as Json)) {
    if (kind !== 'private' && kind !== 'shared')
      throw invalid(`Unknown field: extendedProperties.${kind.slice(0, 40)}`);
    if (properties === null || properties === undefined) continue;
    if (typeof properties !== 'object' || Array.isArray(properties))
      throw invalid(`Invalid value for: extendedProperties.${kind}`);
    for (const [key, text] of Object.entries(properties)) {
      if (text === null) continue;
      if (typeof text !== 'string') throw invalid(`Invalid value for: extendedProperties.${kind}`);
      if (key.length > 44 || key === '') continue;
      const cut = text.slice(0, 1024);
      count += 1;
      size += Buffer.byteLength(key) + Buffer.byteLength(cut);
      (kept[kind] ??= {})[key] = cut;
    }
  }
  if (count > 300 || size > 32_768) throw invalid('The extended properties are too large.');
  return count === 0 ? null : kept;
}

export function checkAttachments(value: unknown): Json[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value) || value.length > 25) throw invalid('Invalid value for: attachments');
  return value.map((entry: unknown) => {
    const { fileUrl } = (entry ?? {}) as Json;
    if (typeof fileUrl !== 'string' || !/^https?:\/\//.test(fileUrl))
      throw invalid('Invalid value for: attachments.fileUrl');
    return entry as Json;
  });
}
