/** One page of a list that is ordered by id. */
export interface PageRequest {
  /** At most this many items; at least 1. */
  readonly limit: number;
  /** Id of the last item of the page before; null for the first page. */
  readonly after: string | null;
}

export interface Page<T> {
  readonly items: T[];
  /** Id to ask the next page with; null at the end. */
  readonly next: string | null;
}

/** Makes a page of rows that were read with one more than the limit, which tells whether there is a next page. */
export function pageOf<T extends { readonly id: string }>(rows: readonly T[], limit: number): Page<T> {
  const items = rows.slice(0, limit);
  return { items, next: rows.length > limit ? (items.at(-1)?.id ?? null) : null };
}

/** The same items, each shown in another way. */
export function mapPage<T, U>(page: Page<T>, show: (item: T) => U): Page<U> {
  return { items: page.items.map(show), next: page.next };
}
