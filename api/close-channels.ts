/** The push channels of an account that is deleted: they cannot be closed without its credentials. */
import { openedAccount } from '../db/accounts.ts';
import { channelsOfAccount } from '../db/push-channels.ts';
import { openAccount } from '../providers/open-account.ts';
import { closeChannels } from '../providers/push.ts';
import type { ApiDeps } from './deps.ts';

/** What is not closed by then ends by itself. */
const CLOSE_MS = 10_000;

/** To be called before the account is deleted. @returns closes its channels, once it has been; never fails */
export async function closingChannelsOf(deps: ApiDeps, accountId: string): Promise<() => Promise<void>> {
  const channels = await channelsOfAccount(deps.db, accountId);
  const stored = channels.length === 0 ? null : await openedAccount(deps.db, accountId).catch(() => null);
  if (stored === null) return async () => {};
  return async () => {
    const io = { fetch: deps.fetch, signal: AbortSignal.timeout(CLOSE_MS) };
    const service = openAccount(deps.providers, stored, io)?.push;
    const path = deps.providers.get(stored.provider)?.push?.path;
    if (!service || path === undefined) return;
    for (const { calendarId, resourceId, openId, retired } of channels) {
      const ids = [...retired.map(({ id }) => id), ...(openId === null ? [] : [openId])];
      await closeChannels(
        service,
        { calendarId, resourceId, ids, keep: null },
        `${deps.publicUrl()}/v1/webhooks/${path}`,
      ).catch((error: unknown) => deps.log.debug({ accountId, err: error }, 'a push channel could not be closed'));
    }
  };
}
