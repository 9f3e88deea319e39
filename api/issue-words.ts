/** What people read about a field that is not valid, where its schema has no words of its own. */
import { z } from 'zod';

/** Call once: replaces zod's texts, which are made for programmers. */
export function useOwnWords(): void {
  z.config({ customError: wordsOf });
}

/** As the rest of a sentence that begins with the field's name. */
function wordsOf(issue: z.core.$ZodRawIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined ? 'is required' : `must be ${KINDS[issue.expected] ?? 'of another kind'}`;
    case 'too_small':
      return limit('at least', issue.origin, Number(issue.minimum), issue.inclusive !== false);
    case 'too_big':
      return limit('at most', issue.origin, Number(issue.maximum), issue.inclusive !== false);
    case 'invalid_value':
      return issue.input === undefined ? 'is required' : `must be ${oneOf(issue.values.map(String))}`;
    case 'invalid_format':
      return `must be ${FORMATS[issue.format] ?? 'written differently'}`;
    case 'not_multiple_of':
      return `must be a multiple of ${issue.divisor}`;
    case 'unrecognized_keys':
      return 'is unknown';
    default:
      return issue.input === undefined ? 'is required' : 'is not valid';
  }
}

const KINDS: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
  date: 'a date',
  null: 'null',
};

const FORMATS: Readonly<Record<string, string>> = {
  datetime: 'an instant like 2026-11-23T09:00:00Z',
  date: 'a date like 2026-11-23',
  email: 'an e-mail address',
  url: 'a full address like https://calendar.example',
  uuid: 'an id',
};

function limit(which: 'at least' | 'at most', origin: string, number: number, isInclusive: boolean): string {
  if (!isInclusive) return `must be ${which === 'at least' ? 'more' : 'less'} than ${number}`;
  if (origin === 'string') {
    if (which === 'at least' && number === 1) return 'must not be empty';
    return `must have ${which} ${number} ${number === 1 ? 'character' : 'characters'}`;
  }
  if (origin === 'array' || origin === 'set')
    return `must have ${which} ${number} ${number === 1 ? 'entry' : 'entries'}`;
  return `must be ${which} ${number}`;
}

function oneOf(values: readonly string[]): string {
  return values.length === 1 ? values[0]! : `one of ${values.join(', ')}`;
}
