/** Each account, with one request to its server; and this machine's clock against the clocks of those servers. */

import { SyncError, type SyncErrorKind } from '../../core/sync-error.ts';
import { SYNC_ERRORS } from '../../core/texts.ts';
import { listAccounts, openedAccount } from '../../db/accounts.ts';
import type { Db } from '../../db/connect.ts';
import { openAccount, type Providers } from '../../providers/open-account.ts';
import { type Finding, ok, problem, warning } from './finding.ts';

const ANSWER_WITHIN_MS = 40_000;
const AT_ONCE = 4;
const PAGE = 200;

/** Asks whose calendars the stored credentials open; an OAuth service may be asked for an access token before. */
export async function checkAccounts(db: Db, providers: Providers, fetch: typeof globalThis.fetch): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (let after: string | null = null; ; ) {
    const page = await listAccounts(db, { limit: PAGE, after }, null);
    for (let start = 0; start < page.items.length; start += AT_ONCE)
      findings.push(
        ...(await Promise.all(
          page.items
            .slice(start, start + AT_ONCE)
            .map(({ id, provider }) => checkAccount(db, providers, fetch, id, provider)),
        )),
      );
    after = page.next;
    if (after === null) return findings.length === 0 ? [ok('There are no accounts yet')] : findings;
  }
}

async function checkAccount(
  db: Db,
  providers: Providers,
  fetch: typeof globalThis.fetch,
  id: string,
  provider: string,
): Promise<Finding> {
  const name = `Account ${id} (${provider})`;
  try {
    const stored = await openedAccount(db, id);
    if (!stored) return ok(`${name} has just been deleted`);
    const account = openAccount(providers, stored, { fetch, signal: AbortSignal.timeout(ANSWER_WITHIN_MS) });
    if (!account) throw new SyncError('provider-not-configured', 'not set up');
    if ((await account.identity()) !== stored.identity) throw new SyncError('different-account', 'other identity');
    return ok(`${name}: its server accepts the credentials`);
  } catch (error) {
    const kind = kindOf(error);
    const advice = error instanceof SyncError ? error.advice : undefined;
    const [text, todo] = [`${name}: ${SYNC_ERRORS[kind].pair}`, advice ?? todoOf(kind, id)];
    return kind === 'throttled' ? warning(text, todo) : problem(text, todo);
  }
}

function kindOf(error: unknown): SyncErrorKind {
  if (error instanceof SyncError) return error.kind;
  return error instanceof Error && error.name === 'TimeoutError' ? 'unreachable' : 'bug';
}

function todoOf(kind: SyncErrorKind, id: string): string {
  switch (kind) {
    case 'auth':
    case 'different-account':
    case 'forbidden':
      return `Sign in again in the console, or send new credentials to PUT /v1/accounts/${id}/credentials.`;
    case 'credentials-unreadable':
      return 'Add the key that they were stored with to CALPAIR_ENCRYPTION_KEY, behind a comma, or sign in again.';
    case 'provider-not-configured':
      return 'Set the variables of this provider, which docs/sign-in.md lists.';
    case 'address-not-allowed':
      return 'Add the network of this server to CALPAIR_PRIVATE_NETWORKS.';
    case 'throttled':
    case 'quota':
      return 'Wait: the service asks for fewer requests.';
    default:
      return 'Check that the server runs and that this machine reaches it.';
  }
}

const CLOCK_WARNING_MS = 10_000;
const CLOCK_PROBLEM_MS = 60_000;

/** Compares this machine's clock with the `Date` of every answer. */
export class ClockCheck {
  /** How much later it is at the servers, ms. */
  private readonly offsets: number[] = [];

  watch(fetch: typeof globalThis.fetch, now: () => number = Date.now): typeof globalThis.fetch {
    return async (input, init) => {
      const sent = now();
      const answer = await fetch(input, init);
      const date = Date.parse(answer.headers.get('date') ?? '');
      // The header has whole seconds; the request took its time.
      if (!Number.isNaN(date)) this.offsets.push(date + 500 - (sent + now()) / 2);
      return answer;
    };
  }

  finding(): Finding {
    const sorted = this.offsets.toSorted((a, b) => a - b);
    const middle = sorted[Math.floor(sorted.length / 2)];
    if (middle === undefined)
      return warning('The clock could not be compared with that of a server', 'Add an account.');
    const seconds = Math.round(Math.abs(middle) / 1000);
    const text = `The clock of this machine is ${seconds} s ${middle > 0 ? 'behind' : 'ahead of'} that of the servers`;
    const todo = 'Let the machine synchronise its clock (NTP): due times, tokens and conflicts depend on it.';
    if (seconds * 1000 > CLOCK_PROBLEM_MS) return problem(text, todo);
    return seconds * 1000 > CLOCK_WARNING_MS ? warning(text, todo) : ok('The clock agrees with those of the servers');
  }
}
