/** The defaults of PostgreSQL's columns, and how a statement changes a row. */
import type { LinkRow } from '../../db/links.ts';

export const EMPTY_LINK = {
  retryAt: null,
  attempts: 0,
  failedTries: 0,
  refusals: null,
  agreedFields: null,
  unitesAttendees: false,
  caldavGeneration: 0,
  cloudGeneration: 0,
  parentId: null,
  occurrence: null,
  agreed: null,
  label: null,
  startAt: null,
  excluded: null,
  createdAt: new Date(0),
  lastChangeAt: null,
};
export const EMPTY_SIDE = {
  uidHash: null,
  matchHash: null,
  syncedBy: null,
  owned: false,
  version: null,
  current: null,
  modifiedAt: null,
  gone: 'no' as const,
  base: null,
  baseVersion: null,
  replacedVersion: null,
  confirmed: true,
};
export const EMPTY_RUN = {
  finishedAt: null,
  readCaldav: 0,
  readCloud: 0,
  conflicts: 0,
  held: 0,
  problems: 0,
  error: null,
  settingsRevision: null,
};
export const EMPTY_OP = {
  distance: 0,
  next: null,
  counted: true,
  code: null,
  doneAt: null,
  settled: false,
  byPerson: null,
  undoes: null,
  original: null,
};

/** As with drizzle, undefined changes nothing. */
export function withValues<Row extends object>(row: Row, values: object): Row {
  const next = { ...row } as Record<string, unknown>;
  for (const [name, value] of Object.entries(values)) if (value !== undefined) next[name] = value;
  return next as Row;
}

/** False: nothing changes. */
export function hasValues(values: object): boolean {
  return Object.values(values).some((value) => value !== undefined);
}

export function isDue({ dirty, retryAt }: LinkRow, now: Date): boolean {
  return dirty && (retryAt === null || retryAt <= now);
}
