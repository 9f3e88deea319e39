/**
 * An iCloud calendar on the fake: Calpair's side, which uses Apple's own addresses, and a person on a device.
 */
import { createFetch } from '../../providers/http.ts';
import type { IcloudAccount } from '../fakes/icloud/account.ts';
import { COMMON_URL, type IcloudFake, type IcloudOptions, partitionUrl, startIcloud } from '../fakes/icloud/start.ts';
import type { ContractSetup } from './contract.ts';
import { caldavSetup } from './contract-caldav.ts';

export async function openIcloud(options: IcloudOptions = {}): Promise<ContractSetup> {
  const icloud = await startIcloud(options);
  const owner = icloud.addAccount('owner@icloud.example');
  const { id } = owner.addCalendar({ name: 'Test' });
  const path = `${owner.home}${id}/`;
  return caldavSetup(
    loginOf(owner),
    new URL(path, partitionUrl(owner.partition)).href,
    () => icloud.close(),
    undefined,
    {
      fetch: reachable(icloud),
      personsCalendar: new URL(path, icloud.base).href,
    },
  );
}

export function reachable(icloud: IcloudFake): typeof fetch {
  return icloud.reaching(createFetch({ allowPrivateNetworks: true }));
}

function loginOf({ appleId, appPassword }: IcloudAccount): {
  base: string;
  username: string;
  password: string;
  preset: 'icloud';
} {
  return { base: COMMON_URL, username: appleId, password: appPassword, preset: 'icloud' };
}
