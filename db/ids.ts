/** Ids are UUIDv7: opaque outside, in order of creation inside, which is what lists page by. */
import { v7 } from 'uuid';

export function newId(): string {
  return v7();
}

/** Anything else names nothing: it is answered like an unknown id and never reaches PostgreSQL. */
export function isId(text: string): boolean {
  return /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/.test(text);
}
