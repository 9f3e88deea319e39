/**
 * Credentials that were taken may open another person's calendars since: a server maps the user to somebody else, a
 * sign-in was mixed up.
 */
import type { SideName } from '../../core/event.ts';
import { SyncError, type SyncErrorKind } from '../../core/sync-error.ts';
import type { OpenPair } from './open-pair.ts';

/** A service that does not say whose the credentials are proves nothing against them. */
const SAYS_NOTHING: readonly SyncErrorKind[] = ['not-a-caldav-server', 'forbidden', 'gone', 'rejected'];

/**
 * To be asked before a side is compared in full with what is known of it, and before an absence is believed.
 * @throws SyncError `different-account`
 */
export async function verifyAccount({ isSameAccount }: OpenPair, side: SideName): Promise<void> {
  const isSame = await isSameAccount[side]().catch((error: unknown) => {
    if (error instanceof SyncError && SAYS_NOTHING.includes(error.kind)) return true;
    throw error;
  });
  if (!isSame) throw differentAccount();
}

/** A calendar is missing for a stranger, too: that is told as what it is. */
export async function readVerified<T>({ isSameAccount }: OpenPair, side: SideName, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof SyncError) || error.kind !== 'calendar-missing') throw error;
    throw (await isSameAccount[side]().catch(() => true)) ? error : differentAccount();
  }
}

function differentAccount(): SyncError {
  return new SyncError('different-account', 'the credentials open another account');
}
