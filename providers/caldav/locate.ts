/** Finds an account from the address that a person typed, which can be a bare host name or a domain. */
import { SyncError } from '../../core/sync-error.ts';
import { mayCarryCredentials } from '../http.ts';
import type { Io } from '../provider.ts';
import { davClient } from './client.ts';
import type { Discovered } from './discovered.ts';
import { discover } from './discovery.ts';
import { PRESETS, type PresetName } from './presets.ts';
import { addressesOf, isDomain } from './server-address.ts';
import { type ServiceRecords, serviceAddress } from './service-records.ts';
import type { Login } from './sign-in.ts';
import { UnconfirmedServer } from './unconfirmed-server.ts';

export interface Located {
  /** The address that led to the account: what is stored as the one that was typed. */
  readonly address: URL;
  readonly discovered: Discovered;
}

/**
 * Tries the address itself (https first), then what the DNS of its domain names.
 * @throws UnconfirmedServer; SyncError as `discover`, of the first address that answered where none leads anywhere
 */
export async function locate(
  typed: string,
  preset: PresetName,
  login: Login,
  io: Io,
  records?: ServiceRecords,
): Promise<Located> {
  const at = async (address: URL): Promise<Located> => ({
    address,
    discovered: await discover(davClient(address, login, io), address, PRESETS[preset], login.username),
  });
  const addresses = addressesOf(typed);
  const [first] = addresses;
  if (first === undefined) throw new SyncError('not-a-caldav-server', 'no server address');
  let failure: SyncError | undefined;
  for (const address of addresses) {
    try {
      return await at(address);
    } catch (error) {
      if (!isNotThere(error)) throw error;
      if (failure === undefined || failure.kind === 'unreachable') failure = error;
    }
  }
  const service = isDomain(first) ? await serviceAddress(first.hostname, records) : null;
  if (service === null || service.href === first.href) throw failure ?? new SyncError('unreachable', 'no answer');
  if (!mayCarryCredentials(first, service)) throw new UnconfirmedServer(service, 'unreachable');
  return at(service);
}

/** The account may be elsewhere: nothing answered, or no CalDAV server. */
function isNotThere(error: unknown): error is SyncError {
  return (
    error instanceof SyncError &&
    !(error instanceof UnconfirmedServer) &&
    ['unreachable', 'not-a-caldav-server', 'address-not-allowed'].includes(error.kind)
  );
}
