/** The `Prefer` header: kind of ids, zone, kind of body, page size. */
import type { Behaviour } from './behaviour.ts';
import type { IdKind } from './ids.ts';
import type { Zone } from './zones.ts';
import { readZone, UTC } from './zones.ts';

export interface Prefer {
  readonly ids: IdKind;
  /** Zone of the answers; null: each event's own, which only people in Outlook see. */
  readonly zone: Zone | null;
  readonly body: 'text' | 'html';
  readonly pageSize: number | null;
  /** For `Preference-Applied`. */
  readonly applied: readonly string[];
}

/** @throws GraphError 400 for an invalid zone */
export function readPrefer(header: string | undefined, behaviour: Behaviour): Prefer {
  const applied: string[] = [];
  let prefer: Prefer = { ids: 'rest', zone: UTC, body: 'html', pageSize: null, applied };
  for (const [, name = '', quoted, plain] of (header ?? '').matchAll(/([\w.-]+)\s*=\s*(?:"([^"]*)"|([^\s,;"]+))/g)) {
    const value = quoted ?? plain ?? '';
    const found = readOne(name.toLowerCase(), value, behaviour);
    if (found === null) continue;
    prefer = { ...prefer, ...found };
    applied.push(name.toLowerCase() === 'odata.maxpagesize' ? `odata.maxpagesize=${value}` : `${name}="${value}"`);
  }
  return prefer;
}

function readOne(name: string, value: string, behaviour: Behaviour): Partial<Prefer> | null {
  if (name === 'idtype') return value.toLowerCase() === 'immutableid' ? { ids: 'immutable' } : null;
  if (name === 'outlook.timezone') return { zone: { ...readZone(value, behaviour), name: value } };
  if (name === 'outlook.body-content-type') return value === 'text' || value === 'html' ? { body: value } : null;
  if (name === 'odata.maxpagesize') return /^[1-9]\d{0,4}$/.test(value) ? { pageSize: Number(value) } : null;
  return null;
}
