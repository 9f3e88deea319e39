/** Query parameters: only those that a request allows. */
import { parseDateTime } from '../time.ts';
import { propertyId } from './extended-properties.ts';
import { invalidQuery, invalidRequest } from './graph-error.ts';

interface Expand {
  readonly name: string;
  /** The ids in `$filter=id eq '…' or id eq '…'`. */
  readonly ids: readonly string[];
}

export interface OData {
  readonly select: readonly string[] | null;
  readonly expand: readonly Expand[];
  readonly filter: string | null;
  readonly orderBy: { readonly name: string; readonly descending: boolean } | null;
  readonly top: number | null;
  readonly skip: number;
  readonly count: boolean;
  readonly range: { readonly fromMs: number; readonly toMs: number } | null;
  readonly token: { readonly kind: 'skip' | 'delta'; readonly value: string } | null;
}

const DAY_MS = 86_400_000;
const MOST_TOP = 1000;
const LONGEST_RANGE_MS = 1825 * DAY_MS;

/**
 * `allowed` is spelled as in the documentation; `$` parameters are case-sensitive, `startDateTime` is not.
 * @throws GraphError 400
 */
export function readQuery(search: URLSearchParams, allowed: readonly string[]): OData {
  const values = new Map<string, string>();
  for (const [name, value] of search) {
    const key = allowed.find(
      (one) => one === name || (!one.startsWith('$') && one.toLowerCase() === name.toLowerCase()),
    );
    if (key === undefined) throw invalidQuery(`The query parameter '${name.slice(0, 60)}' is not supported here.`);
    if (values.has(key)) throw invalidQuery(`Query option '${key}' was specified more than once.`);
    values.set(key, value);
  }
  const text = (name: string): string | null => values.get(name) ?? null;
  const skipToken = text('$skiptoken');
  const deltaToken = text('$deltatoken');
  return {
    select:
      text('$select')
        ?.split(',')
        .map((name) => name.trim()) ?? null,
    expand: readExpand(text('$expand')),
    filter: text('$filter'),
    orderBy: readOrder(text('$orderby')),
    top: number(text('$top'), '$top', 1, MOST_TOP),
    skip: number(text('$skip'), '$skip', 0, Number.MAX_SAFE_INTEGER) ?? 0,
    count: text('$count') === 'true',
    range: readRange(text('startDateTime'), text('endDateTime')),
    token:
      skipToken !== null
        ? { kind: 'skip', value: skipToken }
        : deltaToken !== null
          ? { kind: 'delta', value: deltaToken }
          : null,
  };
}

/** @throws GraphError 400 for a view without bounds */
export function rangeOf(query: OData): { fromMs: number; toMs: number } {
  if (query.range !== null) return query.range;
  throw invalidRequest(
    'This request requires a time window specified by the query string parameters StartDateTime and EndDateTime.',
    'ErrorInvalidParameter',
  );
}

/** Local times mean UTC: `outlook.timezone` does not affect them. */
function readRange(start: string | null, end: string | null): OData['range'] {
  if (start === null && end === null) return null;
  const [fromMs, toMs] = [start, end].map((text) => {
    // An unescaped plus sign arrives as a space.
    const parsed = text === null ? null : parseDateTime(/^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00` : text);
    if (parsed === null)
      throw invalidRequest('The value of a time window parameter is invalid.', 'ErrorInvalidParameter');
    return parsed.wall - (parsed.offsetMs ?? 0);
  }) as [number, number];
  if (toMs < fromMs)
    throw invalidRequest('The end of the time window is earlier than its start.', 'ErrorInvalidParameter');
  if (toMs - fromMs > LONGEST_RANGE_MS)
    throw invalidRequest('The requested time window is too long.', 'ErrorCalendarViewRangeTooBig');
  return { fromMs, toMs };
}

/** Splits at a separator outside of quotes and parentheses. */
export function splitOutside(text: string, separator: string): string[] {
  const parts = [''];
  let depth = 0;
  let quoted = false;
  for (const letter of text) {
    if (letter === "'") quoted = !quoted;
    if (!quoted && letter === '(') depth += 1;
    if (!quoted && letter === ')') depth -= 1;
    if (letter === separator && depth === 0 && !quoted) parts.push('');
    else parts[parts.length - 1] += letter;
  }
  return parts.map((part) => part.trim());
}

function readExpand(text: string | null): Expand[] {
  return text === null
    ? []
    : splitOutside(text, ',').map((part) => {
        const match = /^(\w+)(?:\((.*)\))?$/s.exec(part);
        if (match === null) throw invalidQuery('Invalid $expand.');
        const [, name = '', options] = match;
        if (name !== 'singleValueExtendedProperties' && options !== undefined)
          throw invalidQuery(`Options of ${name} are not supported in $expand.`);
        return { name, ids: name === 'singleValueExtendedProperties' ? readIds(options) : [] };
      });
}

function readIds(options: string | undefined): string[] {
  const filter = /^\$filter=(.*)$/s.exec(options ?? '')?.[1];
  if (filter === undefined) throw invalidQuery('An extended property is expanded with a $filter on its id.');
  return filter.split(/ or /).map((part) => {
    const id = /^\s*id eq '((?:[^']|'')*)'\s*$/.exec(part)?.[1];
    if (id === undefined) throw invalidQuery('Invalid filter clause.');
    return propertyId(id.replaceAll("''", "'"));
  });
}

function readOrder(text: string | null): OData['orderBy'] {
  if (text === null) return null;
  const match = /^([\w/]+)(?: (asc|desc))?$/.exec(text.trim());
  if (match === null) throw invalidQuery('Invalid $orderby.');
  return { name: match[1]!, descending: match[2] === 'desc' };
}

function number(text: string | null, name: string, least: number, most: number): number | null {
  if (text === null) return null;
  const value = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
  if (!(value >= least && value <= most)) throw invalidQuery(`Invalid value '${text.slice(0, 20)}' for ${name}.`);
  return value;
}
