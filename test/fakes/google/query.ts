/** The query of a request, checked against the parameters of the method: anything else is refused. */

import { isZone, parseInstant } from '../time.ts';
import { invalidParameter } from './google-error.ts';

type ParameterType =
  | 'flag'
  | 'text'
  | 'texts'
  | 'instant'
  | 'zone'
  | readonly string[]
  | { readonly max: number; readonly min: number };
export type Parameters = Readonly<Record<string, ParameterType>>;

const COMMON: Parameters = { fields: 'text', prettyPrint: 'flag', quotaUser: 'text', alt: ['json'], key: 'text' };

/** @throws GoogleError 400 `invalidParameter` */
export function parseQuery(search: URLSearchParams, allowed: Parameters): Query {
  const values = new Map<string, string[]>();
  for (const name of new Set(search.keys())) {
    const given = search.getAll(name);
    const type = Object.hasOwn(allowed, name) ? allowed[name] : Object.hasOwn(COMMON, name) ? COMMON[name] : undefined;
    if (type === undefined || (given.length > 1 && type !== 'texts')) throw invalidParameter(name, given[0] ?? '');
    for (const value of given) if (!fits(value, type)) throw invalidParameter(name, value);
    values.set(name, given);
  }
  return new Query(values);
}

function fits(value: string, type: ParameterType): boolean {
  if (type === 'flag') return value === 'true' || value === 'false';
  if (type === 'text' || type === 'texts') return value !== '';
  if (type === 'instant') return parseInstant(value) !== null;
  if (type === 'zone') return isZone(value);
  if (Array.isArray(type)) return (type as readonly string[]).includes(value);
  const { min, max } = type as { min: number; max: number };
  return /^\d{1,9}$/.test(value) && Number(value) >= min && Number(value) <= max;
}

export class Query {
  readonly #values: ReadonlyMap<string, readonly string[]>;

  constructor(values: ReadonlyMap<string, readonly string[]>) {
    this.#values = values;
  }

  text(name: string): string | undefined {
    return this.#values.get(name)?.[0];
  }

  list(name: string): readonly string[] {
    return this.#values.get(name) ?? [];
  }

  flag(name: string): boolean {
    return this.text(name) === 'true';
  }

  number(name: string): number | undefined {
    const text = this.text(name);
    return text === undefined ? undefined : Number(text);
  }

  /** Milliseconds since the epoch. */
  instant(name: string): number | undefined {
    const text = this.text(name);
    return text === undefined ? undefined : parseInstant(text)!;
  }

  /** Everything else, in one order. */
  without(names: readonly string[]): (readonly [string, readonly string[]])[] {
    return [...this.#values].filter(([name]) => !names.includes(name)).sort(([a], [b]) => (a < b ? -1 : 1));
  }
}
