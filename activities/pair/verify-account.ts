/**
 * Credentials that were accepted may later open another person's calendars: a server maps the user to another one, or
 * a sign-in was mixed up.
 */
import type { SideName } from '../../core/event.ts';
import { SyncError, type SyncErrorKind } from '../../core/sync-error.ts';
import type { OpenPair } from './open-pair.ts';

/** If a service does not say whose the credentials are, they are accepted. */
const SAYS_NOTHING: readonly SyncErrorKind[] = ['not-a-caldav-server', 'forbidden', 'gone', 'rejected'];

/**
 * To be called before a full comparison of a side, and before a deletion is confirmed.
 * @throws SyncError `different-account`
 */
export async function verifyAccount({ isSameAccount }: OpenPair, side: SideName): Promise<void> {
  const isSame = await isSameAccount[side]().catch((error: unknown) => {
    if (error instanceof SyncError && SAYS_NOTHING.includes(error.kind)) return true;
    throw error;
  });
  if (!isSame) throw differentAccount();
}

/** A calendar is also missing for another person's credentials: then that is the error. */
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
