/** Listings that come in pages. */
import { SyncError } from '../core/sync-error.ts';

const MAX_PAGES = 2000;

/**
 * The pages of a listing, first to last; a page may be empty. `next` names the page after it; null on the last one.
 * @throws SyncError `unreachable` for a listing that does not end
 */
export async function* allPages<Page extends { readonly next: string | null }>(
  service: string,
  fetchPage: (next: string | null) => Promise<Page>,
): AsyncGenerator<Page> {
  const seen = new Set<string>();
  let next: string | null = null;
  do {
    const page: Page = await fetchPage(next);
    yield page;
    ({ next } = page);
    if (next !== null && (seen.has(next) || seen.size >= MAX_PAGES))
      throw new SyncError('unreachable', `${service} sent a listing that does not end`);
    if (next !== null) seen.add(next);
  } while (next !== null);
}
