/** Accounts by Nextcloud's login flow: the person signs in at the server, and no password is typed here. */
import { z } from 'zod';
import { findAccount } from '../../db/accounts.ts';
import { beginSignIn, leaseSignIn, newSecret, storeSignIn } from '../../db/sign-ins.ts';
import {
  beginNextcloudLogin,
  NEXTCLOUD_LOGIN_SECONDS,
  type NextcloudLogin,
  pollNextcloudLogin,
} from '../../providers/caldav/nextcloud-login.ts';
import { addAccount, type NewAccountNames, renewCredentials } from '../account-credentials.ts';
import type { Api, ApiDeps } from '../deps.ts';
import { invalid, notFound } from '../errors.ts';
import { callProvider } from '../provider-calls.ts';
import { errorResponses, instant, instantOf } from '../validation.ts';
import { account, accountJson, accountNames } from './accounts.ts';

const tags = ['Accounts'];
const KIND = 'nextcloud';

interface Begun extends NewAccountNames {
  readonly login: NextcloudLogin;
  /** The account that signs in again; null for a new one. */
  readonly accountId: string | null;
  /** Since the server has given them, which it does once. */
  readonly credentials?: Record<string, unknown>;
  /** Since the account exists. */
  readonly doneId?: string;
}

export function nextcloudLoginRoutes(app: Api, deps: ApiDeps): void {
  const { db } = deps;

  app.post(
    '/v1/accounts/nextcloud-login',
    {
      schema: {
        tags,
        summary: "Begin Nextcloud's login flow",
        description:
          'The person opens `loginUrl` in a browser and signs in there. Ask for the outcome with `pollId`, every few ' +
          'seconds, until `expiresAt`.',
        body: z.strictObject({
          serverUrl: z.string().min(1).max(2000).describe('The address of the server; its name is enough.'),
          accountId: z.string().optional().describe('This account signs in again. Default: a new account.'),
          ...accountNames,
        }),
        response: { 200: z.object({ loginUrl: z.url(), pollId: z.string(), expiresAt: instant }), ...errorResponses },
      },
    },
    async (request) => {
      const { serverUrl, accountId = null, label = null, externalId = null } = request.body;
      const again = accountId === null ? null : await findAccount(db, accountId);
      if (accountId !== null && again === null) throw notFound('account');
      if (again !== null && again.provider !== 'caldav') throw invalid('accountId', 'is no CalDAV account');
      const { loginUrl, login } = await callProvider(deps, (io) => beginNextcloudLogin(serverUrl, io));
      const pollId = newSecret();
      const expiresAt = new Date(Date.now() + NEXTCLOUD_LOGIN_SECONDS * 1000);
      const data: Begun = { login, accountId, label, externalId };
      await beginSignIn(db, { kind: KIND, secret: pollId, cookie: null, data, expiresAt });
      return { loginUrl, pollId, expiresAt: instantOf(expiresAt) };
    },
  );

  app.post(
    '/v1/accounts/nextcloud-login/:pollId',
    {
      schema: {
        tags,
        summary: "Ask for the outcome of Nextcloud's login flow",
        description: 'Once the account exists, the same answer comes again until `expiresAt`.',
        params: z.object({ pollId: z.string() }),
        body: z.strictObject({}).nullish(),
        response: {
          201: account,
          202: z.object({ status: z.literal('waiting') }).describe('The person has not finished yet.'),
          ...errorResponses,
        },
      },
    },
    async (request, reply) => {
      const { pollId } = request.params;
      const leased = await leaseSignIn(db, KIND, pollId);
      if (leased === 'unknown') throw notFound('sign-in that is under way');
      // Another request works on it.
      if (leased === 'taken') return reply.code(202).send({ status: 'waiting' });
      const id = await outcomeOf(deps, pollId, leased.data as Begun);
      if (id === null) return reply.code(202).send({ status: 'waiting' });
      const found = await findAccount(db, id);
      if (found === null) throw notFound('account');
      return reply.code(201).send(accountJson(found, deps.config));
    },
  );
}

/** The id of the account; null while the person has not finished. Ends the lease, and forgets nothing on the way. */
async function outcomeOf(deps: ApiDeps, pollId: string, leased: Begun): Promise<string | null> {
  const { db } = deps;
  let begun = leased;
  try {
    if (begun.doneId !== undefined) return begun.doneId;
    const credentials = begun.credentials ?? (await askServer(deps, begun.login));
    if (credentials === null) return null;
    begun = { ...begun, credentials };
    await storeSignIn(db, pollId, begun, false);
    const doneId = await store(deps, begun);
    const { credentials: _stored, ...done } = begun;
    begun = { ...done, doneId };
    return doneId;
  } finally {
    await storeSignIn(db, pollId, begun, true);
  }
}

async function askServer(deps: ApiDeps, login: NextcloudLogin): Promise<Record<string, unknown> | null> {
  return (await callProvider(deps, (io) => pollNextcloudLogin(login, io))) as Record<string, unknown> | null;
}

async function store(deps: ApiDeps, { accountId, label, externalId, credentials = {} }: Begun): Promise<string> {
  if (accountId === null) return (await addAccount(deps, 'caldav', { credentials, label, externalId })).id;
  const { username, password } = credentials;
  return (await renewCredentials(deps, accountId, { username, password })).id;
}
