import { SyncError } from '../../core/sync-error.ts';
import { canonicalPath, collectionUrl } from './hrefs.ts';
import type { Collection } from './objects.ts';
import { hrefsOf } from './xml.ts';

/**
 * Before a PUT over an object of which the server seems to show the times only: it would replace what is hidden. In the
 * account's own calendar nothing is.
 * @throws SyncError `forbidden`
 */
export async function refuseHidden({ client, url }: Collection): Promise<void> {
  const { member, url: base } = await client.properties(url, ['d:owner', 'd:current-user-principal']);
  const pathOf = (name: string): string | null => {
    const [href] = hrefsOf(member.props, name);
    return href !== undefined && URL.canParse(href, base.href)
      ? canonicalPath(collectionUrl(href, base).pathname)
      : null;
  };
  const owner = pathOf('d:owner');
  if (owner === null || owner !== pathOf('d:current-user-principal'))
    throw new SyncError('forbidden', 'the server hides what the event holds', {
      reason: 'The server shows only the times of this event to this account.',
    });
}
