/** `conferenceData`: read with `conferenceDataVersion=1` only; created on request, kept or dropped otherwise. */

import type { Json } from '../json.ts';
import { isObject } from '../json.ts';
import type { EventFields } from './event-fields.ts';
import { invalid } from './google-error.ts';

export function withConference(
  fields: EventFields,
  before: EventFields | null,
  options: { readonly conferenceDataVersion: number },
): EventFields {
  const { conferenceData: given, ...rest } = fields;
  const kept = options.conferenceDataVersion === 0 ? before?.conferenceData : given;
  if (kept === undefined) return rest;
  return { ...rest, conferenceData: made(kept, before?.conferenceData) };
}

function made(given: Json, before: Json | undefined): Json {
  const request = given['createRequest'];
  if (!isObject(request) || Array.isArray(given['entryPoints'])) return given;
  const { requestId } = request;
  if (typeof requestId !== 'string' || requestId === '') throw invalid('Invalid conference type value.');
  const earlier = before?.['createRequest'];
  if (before !== undefined && isObject(earlier) && earlier['requestId'] === requestId) return before;
  const code = Buffer.from(requestId).toString('hex').padEnd(10, '0').slice(0, 10);
  return {
    createRequest: { ...request, status: { statusCode: 'success' } },
    entryPoints: [
      { entryPointType: 'video', uri: `https://meet.google.com/${code}`, label: `meet.google.com/${code}` },
    ],
    conferenceSolution: { key: { type: 'hangoutsMeet' }, name: 'Google Meet' },
    conferenceId: code,
  };
}
