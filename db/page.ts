/** One page of a list that is ordered by id. */
export interface PageRequest {
  /** At most this many items; at least 1. */
  readonly limit: number;
  /** Id of the last item of the page before; null for the first page. */
  readonly after: string | null;
}

export interface Page<T> {
  readonly items: T[];
  /** `after` of the next page; null on the last one. */
  readonly next: string | null;
}

/** @param rows one more than the limit, if there is a next page */
export function pageOf<T extends { readonly id: string }>(rows: readonly T[], limit: number): Page<T> {
  const items = rows.slice(0, limit);
  return { items, next: rows.length > limit ? (items.at(-1)?.id ?? null) : null };
}

export function mapPage<T, U>(page: Page<T>, map: (item: T) => U): Page<U> {
  return { items: page.items.map(map), next: page.next };
}
