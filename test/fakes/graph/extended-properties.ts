/** Single-value extended properties: never in an answer unless expanded by name. */

import type { Json } from '../json.ts';
import { isObject } from '../json.ts';
import { invalidBody, invalidRequest } from './graph-error.ts';
import { keysOf } from './recurrence.ts';

const GUID = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}';
const ID = new RegExp(
  '^(Binary|Boolean|CLSID|Currency|Double|Float|Integer|Long|Short|String|SystemTime) ' +
    `(?:(\\{${GUID}\\}) (Name \\S.{0,250}|Id 0x[0-9a-f]{1,8})|(0x[0-9a-f]{4}))$`,
  'i',
);

/** By their stored id. @throws GraphError 400 */
export function readExtended(value: unknown): Record<string, string> {
  if (!Array.isArray(value)) throw invalidBody('singleValueExtendedProperties');
  return Object.fromEntries(
    value.map((one: unknown) => {
      if (!isObject(one)) throw invalidBody('singleValueExtendedProperties');
      const { id, value: content } = keysOf(one, ['id', 'value']);
      if (typeof id !== 'string' || typeof content !== 'string') throw invalidBody('singleValueExtendedProperties');
      return [propertyId(id), content];
    }),
  );
}

/** The GUID is case-insensitive, the name is case-sensitive. @throws GraphError 400 */
export function propertyId(id: string): string {
  const match = ID.exec(id);
  if (match === null) throw invalidRequest('The property id is not valid.', 'ErrorInvalidExtendedProperty');
  const [, kind, guid, name, tag] = match;
  return tag === undefined ? `${kind} ${guid!.toLowerCase()} ${name}` : `${kind} ${tag.toLowerCase()}`;
}

export function showExtended(all: Readonly<Record<string, string>>, ids: readonly string[]): Json[] {
  return ids.filter((id) => all[id] !== undefined).map((id) => ({ id, value: all[id] }));
}
