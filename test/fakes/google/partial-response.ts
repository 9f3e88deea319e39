/** `fields=kind,items(id,start/dateTime)`: the partial response. */
import { isObject } from '../json.ts';
import { invalidParameter } from './google-error.ts';

type Selection = Map<string, Selection | null>;

/** @throws GoogleError 400 when the selection cannot be read */
export function selectFields(body: unknown, fields: string | undefined): unknown {
  if (fields === undefined || fields === '*') return body;
  const reader = { text: fields, at: 0 };
  const selection = readList(reader, 0);
  if (reader.at !== fields.length) throw invalidParameter('fields', fields);
  return pick(body, selection);
}

function readList(reader: { text: string; at: number }, depth: number): Selection {
  const selection: Selection = new Map();
  for (;;) {
    const match = /^[A-Za-z*.]+/.exec(reader.text.slice(reader.at));
    if (match === null || depth > 20) throw invalidParameter('fields', reader.text);
    reader.at += match[0].length;
    selection.set(match[0], readRest(reader, depth));
    if (reader.text[reader.at] !== ',') return selection;
    reader.at += 1;
  }
}

function readRest(reader: { text: string; at: number }, depth: number): Selection | null {
  const next = reader.text[reader.at];
  if (next !== '/' && next !== '(') return null;
  reader.at += 1;
  if (next === '/') {
    const match = /^[A-Za-z*.]+/.exec(reader.text.slice(reader.at));
    if (match === null) throw invalidParameter('fields', reader.text);
    reader.at += match[0].length;
    return new Map([[match[0], readRest(reader, depth + 1)]]);
  }
  const inner = readList(reader, depth + 1);
  if (reader.text[reader.at] !== ')') throw invalidParameter('fields', reader.text);
  reader.at += 1;
  return inner;
}

function pick(value: unknown, selection: Selection | null): unknown {
  if (selection === null || selection.has('*')) return value;
  if (Array.isArray(value)) return value.map((entry: unknown) => pick(entry, selection));
  if (!isObject(value)) return value;
  const kept = Object.entries(value).filter(([key]) => selection.has(key));
  return Object.fromEntries(kept.map(([key, inner]) => [key, pick(inner, selection.get(key) ?? null)]));
}
