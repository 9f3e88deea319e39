/** Ids are UUIDv7: opaque to clients, and in order of creation, by which lists are paged. */
import { v7 } from 'uuid';

export function newId(): string {
  return v7();
}

/** Callers treat anything else as an unknown id, so that it never reaches PostgreSQL. */
export function isId(text: string): boolean {
  return /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/.test(text);
}
