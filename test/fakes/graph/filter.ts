/**
 * `$filter` and `$orderby` of events: the properties that can be searched, and `and`, `or`, `not`, `startswith`,
 * `contains`.
 */
import { parseDateTime } from '../time.ts';
import { propertyId } from './extended-properties.ts';
import { invalidQuery } from './graph-error.ts';
import type { Row } from './rows.ts';
import { rowType } from './rows.ts';
import { instant } from './zones.ts';

export type Predicate = (row: Row) => boolean;
type Value = string | number | boolean;

const INSTANTS = ['start/dateTime', 'end/dateTime', 'createdDateTime', 'lastModifiedDateTime'];
const PROPERTIES: Readonly<Record<string, (row: Row) => Value>> = {
  'start/dateTime': ({ fields }) => instant(fields.start),
  'end/dateTime': ({ fields }) => instant(fields.end),
  createdDateTime: ({ item }) => item.createdMs,
  lastModifiedDateTime: ({ item }) => item.state.updatedMs,
  iCalUId: ({ item }) => item.iCalUId,
  subject: ({ fields }) => fields.subject,
  isAllDay: ({ fields }) => fields.isAllDay,
  isCancelled: ({ fields }) => fields.isCancelled,
  showAs: ({ fields }) => fields.showAs,
  importance: ({ fields }) => fields.importance,
  sensitivity: ({ fields }) => fields.sensitivity,
  type: rowType,
};
const EXTENDED =
  /^singleValueExtendedProperties\/any\((\w+): ?\1\/id eq '((?:[^']|'')*)' and \1\/value eq '((?:[^']|'')*)'\)/i;

/** Whether the filter searches an extended property: then it may cover the whole mailbox. */
export function isExtendedFilter(filter: string): boolean {
  return EXTENDED.test(filter.trim());
}

/** @throws GraphError 400 */
export function readFilter(text: string): Predicate {
  const reader = new FilterReader(text);
  const predicate = reader.either();
  reader.end();
  return predicate;
}

/** @throws GraphError 400 */
export function readOrder(name: string, descending: boolean): (a: Row, b: Row) => number {
  const read = PROPERTIES[name];
  if (read === undefined) throw invalidQuery(`The property '${name}' does not support sorting.`);
  const sign = descending ? -1 : 1;
  return (a, b) => (read(a) < read(b) ? -sign : read(a) > read(b) ? sign : 0);
}

class FilterReader {
  #rest: string;

  constructor(text: string) {
    this.#rest = text.trim();
  }

  end(): void {
    if (this.#rest !== '') throw invalid();
  }

  either(): Predicate {
    let left = this.#both();
    while (this.#take(/^ ?or /) !== null) left = joined(left, this.#both(), (a, b) => a || b);
    return left;
  }

  #both(): Predicate {
    let left = this.#one();
    while (this.#take(/^ ?and /) !== null) left = joined(left, this.#one(), (a, b) => a && b);
    return left;
  }

  #one(): Predicate {
    if (this.#take(/^not /) !== null) {
      const inner = this.#one();
      return (row) => !inner(row);
    }
    if (this.#take(/^\(/) !== null) {
      const inner = this.either();
      if (this.#take(/^\)/) === null) throw invalid();
      return inner;
    }
    const extended = this.#take(EXTENDED);
    if (extended !== null) return extendedPredicate(plain(extended[2]!), plain(extended[3]!));
    const call = this.#take(/^(startswith|contains)\((\w+), ?'((?:[^']|'')*)'\)/);
    if (call !== null) return textPredicate(call[1]!, call[2]!, plain(call[3]!));
    const comparison = this.#take(/^([A-Za-z/]+) (eq|ne|ge|gt|le|lt) ('(?:[^']|'')*'|[\w:.+-]+)/);
    if (comparison === null) throw invalid();
    return comparisonPredicate(comparison[1]!, comparison[2]!, comparison[3]!);
  }

  #take(pattern: RegExp): RegExpExecArray | null {
    const match = pattern.exec(this.#rest);
    if (match !== null) this.#rest = this.#rest.slice(match[0].length);
    return match;
  }
}

function comparisonPredicate(name: string, operator: string, literal: string): Predicate {
  const read = PROPERTIES[name];
  if (read === undefined) throw invalidQuery(`The property '${name}' does not support filtering.`);
  const value = literalOf(name, literal);
  const compare: Readonly<Record<string, (one: Value) => boolean>> = {
    eq: (one) => one === value,
    ne: (one) => one !== value,
    ge: (one) => one >= value,
    gt: (one) => one > value,
    le: (one) => one <= value,
    lt: (one) => one < value,
  };
  return (row) => compare[operator]!(read(row));
}

/** Times in start and end are quoted, and UTC without an offset; timestamps are not quoted. */
function literalOf(name: string, literal: string): Value {
  const quoted = literal.startsWith("'") ? plain(literal.slice(1, -1)) : null;
  if (INSTANTS.includes(name)) {
    if ((quoted !== null) !== name.includes('/')) throw invalid();
    const text = quoted ?? literal;
    const parsed = parseDateTime(/^\d{4}-\d\d-\d\dT\d\d:\d\d$/.test(text) ? `${text}:00` : text);
    if (parsed === null) throw invalid();
    return parsed.wall - (parsed.offsetMs ?? 0);
  }
  if (quoted !== null) return quoted;
  if (literal !== 'true' && literal !== 'false') throw invalid();
  return literal === 'true';
}

function textPredicate(call: string, name: string, text: string): Predicate {
  if (name !== 'subject') throw invalidQuery(`The property '${name}' does not support filtering.`);
  const wanted = text.toLowerCase();
  return ({ fields }) =>
    call === 'contains'
      ? fields.subject.toLowerCase().includes(wanted)
      : fields.subject.toLowerCase().startsWith(wanted);
}

/** Names are case-sensitive, values are not. */
function extendedPredicate(id: string, value: string): Predicate {
  const key = propertyId(id);
  return ({ fields }) => fields.extended[key]?.toLowerCase() === value.toLowerCase();
}

function joined(left: Predicate, right: Predicate, join: (a: boolean, b: boolean) => boolean): Predicate {
  return (row) => join(left(row), right(row));
}

function plain(text: string): string {
  return text.replaceAll("''", "'");
}

function invalid(): Error {
  return invalidQuery('Invalid filter clause.');
}
