/**
 * Ids of events: each has two. A request's `Prefer` chooses one for the answer; paths accept both. Every second
 * event's ids differ from those of the one before only in the case of letters: ids are case-sensitive.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { malformedId } from './graph-error.ts';

export type IdKind = 'rest' | 'immutable';
export type EventKeys = Readonly<Record<IdKind, string>>;

export interface ParsedId {
  readonly key: string;
  /** The occurrence's date, and which pattern of the series it belongs to; null for a whole event. */
  readonly occurrence: { readonly date: string; readonly generation: number | null; readonly changed: boolean } | null;
}

const PREFIX: EventKeys = { rest: 'AAMkAGVmMDEz', immutable: 'AAkALgAAAAAA' };
const KEY_LENGTH = 44;

let previous: EventKeys | null = null;

export function newKeys(): EventKeys {
  const keys: EventKeys =
    previous === null
      ? { rest: newKey(), immutable: newKey() }
      : { rest: swapCase(previous.rest), immutable: swapCase(previous.immutable) };
  previous = previous === null ? keys : null;
  return keys;
}

/** As in a new process: the next ids are those of a first event. */
export function forgetIds(): void {
  previous = null;
}

export function masterId(keys: EventKeys, kind: IdKind): string {
  return `${PREFIX[kind]}${keys[kind]}=`;
}

export function occurrenceId(
  keys: EventKeys,
  kind: IdKind,
  { date, generation, changed }: { date: string; generation: number; changed: boolean },
): string {
  const tail = Buffer.from(`${date}.${generation}${changed ? 'x' : ''}`).toString('base64url');
  return `${PREFIX[kind]}${keys[kind]}AAgI${tail}=`;
}

/** @throws GraphError 400 `ErrorInvalidIdMalformed` */
export function parseEventId(text: string): ParsedId {
  const byDate = /^OID\.(.+)\.(\d{4}-\d\d-\d\d)$/.exec(text);
  if (byDate !== null) {
    const { key, occurrence } = parseEventId(byDate[1]!);
    if (occurrence !== null) throw malformedId();
    return { key, occurrence: { date: byDate[2]!, generation: null, changed: false } };
  }
  const kind = (['rest', 'immutable'] as const).find((one) => text.startsWith(PREFIX[one]));
  if (kind === undefined || !text.endsWith('=')) throw malformedId();
  const rest = text.slice(PREFIX[kind].length, -1);
  const [key, tail] = [rest.slice(0, KEY_LENGTH), rest.slice(KEY_LENGTH)];
  if (key.length < KEY_LENGTH || !/^[\w-]+$/.test(key)) throw malformedId();
  if (tail === '') return { key: `${kind} ${key}`, occurrence: null };
  const match = tail.startsWith('AAgI')
    ? /^(\d{4}-\d\d-\d\d)\.(\d+)(x?)$/.exec(Buffer.from(tail.slice(4), 'base64url').toString())
    : null;
  if (match === null) throw malformedId();
  return {
    key: `${kind} ${key}`,
    occurrence: { date: match[1]!, generation: Number(match[2]), changed: match[3] === 'x' },
  };
}

/** The keys under which the world finds an event. */
export function indexKeys(keys: EventKeys): string[] {
  return [`rest ${keys.rest}`, `immutable ${keys.immutable}`];
}

/** Ids of calendars are the same for every caller. */
export function newCalendarId(): string {
  return `AQMkAD${randomBytes(30).toString('base64url')}AAAA=`;
}

export function newICalUid(): string {
  return `040000008200E00074C5B7101A82E00800000000${randomUUID().replaceAll('-', '').toUpperCase()}`;
}

/** Each occurrence has its own id, with its date in the middle. */
export function occurrenceICalUid(master: string, date: string): string {
  const hex = [
    Number(date.slice(0, 4)) >> 8,
    Number(date.slice(0, 4)) & 255,
    Number(date.slice(5, 7)),
    Number(date.slice(8, 10)),
  ];
  const middle = hex
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join('')
    .toUpperCase();
  return /^040000008200E00074C5B7101A82E008/.test(master)
    ? `${master.slice(0, 32)}${middle}${master.slice(40)}`
    : `${master}.${middle}`;
}

export function newChangeKey(): string {
  return `${randomBytes(16).toString('base64').slice(0, 22)}AA${randomBytes(3).toString('base64')}==`;
}

function newKey(): string {
  return randomBytes(KEY_LENGTH * 0.75).toString('base64url');
}

function swapCase(text: string): string {
  return text.replace(/[A-Za-z]/g, (letter) =>
    letter === letter.toUpperCase() ? letter.toLowerCase() : letter.toUpperCase(),
  );
}
