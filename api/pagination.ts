/** Lists: `{items, nextCursor}`, `limit` and an opaque `cursor`. */
import { z } from 'zod';
import type { EventPosition } from '../db/event-position.ts';
import { isId } from '../db/ids.ts';
import type { Page, PageRequest } from '../db/page.ts';
import { invalid } from './errors.ts';

/** Query parameters of a list. */
export function pageQuery(defaultLimit = 50) {
  return {
    limit: z.coerce.number().int().min(1).max(1000).default(defaultLimit).describe('Maximum number of items.'),
    cursor: z.string().max(200).optional().describe('`nextCursor` of the previous page.'),
  };
}

export function listOf<T extends z.ZodType>(item: T) {
  return z.object({ items: z.array(item), nextCursor: z.string().nullable().describe('Null at the end.') });
}

/** @throws ApiError `validation` for an invalid cursor */
export function pageRequest(query: { limit: number; cursor?: string | undefined }): PageRequest {
  if (query.cursor === undefined) return { limit: query.limit, after: null };
  const after = decodeCursor(query.cursor);
  if (!isId(after)) throw invalid('cursor', 'is not a cursor of this list');
  return { limit: query.limit, after };
}

export function pageAnswer<T, U>(page: Page<T>, toJson: (item: T) => U): { items: U[]; nextCursor: string | null } {
  return { items: page.items.map(toJson), nextCursor: page.next === null ? null : encodeCursor(page.next) };
}

/** A page of a list in memory; the cursor is a position. */
export function slicePage<T>(
  items: readonly T[],
  query: { limit: number; cursor?: string | undefined },
): { items: T[]; nextCursor: string | null } {
  const at = query.cursor === undefined ? '0' : decodeCursor(query.cursor);
  if (!/^\d{1,6}$/.test(at)) throw invalid('cursor', 'is not a cursor of this list');
  const end = Number(at) + query.limit;
  return { items: items.slice(Number(at), end), nextCursor: end < items.length ? encodeCursor(String(end)) : null };
}

function encodeCursor(position: string): string {
  return Buffer.from(position).toString('base64url');
}

function decodeCursor(cursor: string): string {
  return Buffer.from(cursor, 'base64url').toString('latin1');
}

/** The cursor of a list that is sorted by the start of events; null on the last page. */
export function positionCursor(position: EventPosition | null): string | null {
  return position && encodeCursor(`${position.startAt ?? ''}|${position.id}`);
}

/** @throws ApiError `validation` for an invalid cursor */
export function positionOf(cursor: string | undefined): EventPosition | null {
  if (cursor === undefined) return null;
  const [startAt = '', id = ''] = decodeCursor(cursor).split('|');
  const isTime = startAt === '' || !Number.isNaN(Date.parse(startAt));
  if (!isId(id) || !isTime) throw invalid('cursor', 'is not a cursor of this list');
  return { startAt: startAt === '' ? null : new Date(startAt).toISOString(), id };
}
