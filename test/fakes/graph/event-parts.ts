/** Attendees and locations. */

import type { Json } from '../json.ts';
import { isObject } from '../json.ts';
import { invalidBody, invalidProperty } from './graph-error.ts';
import { keysOf, oneOf } from './recurrence.ts';

export interface Attendee {
  readonly type: string;
  readonly name: string;
  readonly address: string;
  readonly response: string;
}

const MOST_ATTENDEES = 500;
const LOCATION_TYPES = [
  'default',
  'conferenceRoom',
  'homeAddress',
  'businessAddress',
  'geoCoordinates',
  'streetAddress',
  'hotel',
  'restaurant',
  'localBusiness',
  'postalAddress',
];
const LOCATION_KEYS = [
  'displayName',
  'locationType',
  'locationUri',
  'locationEmailAddress',
  'uniqueId',
  'uniqueIdType',
  'address',
  'coordinates',
];
const NONE: Json = { displayName: '', locationType: 'default', uniqueIdType: 'unknown', address: {}, coordinates: {} };

/** A `status` that a client sends is ignored. @throws GraphError 400 */
export function readAttendees(value: unknown): Attendee[] {
  if (value === null) return [];
  if (!Array.isArray(value)) throw invalidBody('attendees');
  if (value.length > MOST_ATTENDEES) throw invalidProperty();
  return value.map((one: unknown) => {
    if (!isObject(one)) throw invalidBody('attendees');
    const { type, emailAddress } = keysOf(one, ['type', 'emailAddress', 'status', 'proposedNewTime']);
    if (!isObject(emailAddress)) throw invalidProperty();
    const { name, address } = keysOf(emailAddress, ['name', 'address']);
    if (typeof address !== 'string' || !address.includes('@')) throw invalidProperty();
    return {
      type: oneOf(type ?? 'required', ['required', 'optional', 'resource']),
      name: typeof name === 'string' ? name : address,
      address,
      response: 'none',
    };
  });
}

export function showAttendee({ type, name, address, response }: Attendee): Json {
  return { type, status: { response, time: '0001-01-01T00:00:00Z' }, emailAddress: { name, address } };
}

/** Writing `location` replaces all locations. */
export function readLocation(value: unknown): Json[] {
  if (value === null) return [];
  const location = readOne(value);
  return location['displayName'] === '' ? [] : [location];
}

export function readLocations(value: unknown): Json[] {
  if (value === null) return [];
  if (!Array.isArray(value)) throw invalidBody('locations');
  return value.map(readOne);
}

/** Several places are joined into one name in `location`. */
export function showLocation(locations: readonly Json[]): Json {
  if (locations.length === 0) return NONE;
  return locations.length === 1
    ? locations[0]!
    : { ...locations[0], displayName: locations.map(({ displayName }) => displayName).join('; ') };
}

function readOne(value: unknown): Json {
  if (!isObject(value)) throw invalidBody('location');
  const {
    displayName = '',
    locationType = 'default',
    locationUri,
    locationEmailAddress,
    address,
    coordinates,
  } = keysOf(value, LOCATION_KEYS);
  if (displayName !== null && typeof displayName !== 'string') throw invalidBody('location');
  for (const part of [address, coordinates])
    if (part !== undefined && part !== null && !isObject(part)) throw invalidBody('location');
  return {
    displayName: displayName ?? '',
    locationType: oneOf(locationType, LOCATION_TYPES),
    uniqueId: displayName ?? '',
    uniqueIdType: 'private',
    ...(typeof locationUri === 'string' ? { locationUri } : {}),
    ...(typeof locationEmailAddress === 'string' ? { locationEmailAddress } : {}),
    ...(isObject(address) ? { address } : {}),
    ...(isObject(coordinates) ? { coordinates } : {}),
  };
}
