/**
 * The stand-in as a process of its own: `node --import tsx test/fakes/google/main.ts --port 8085 --email
 * demo@example.com`. Prints one line of JSON with its addresses and the account's refresh token, and runs until it is
 * stopped.
 */
import { parseArgs } from 'node:util';
import { startGoogle } from './start.ts';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    email: { type: 'string', default: 'demo@example.com' },
    'refresh-token': { type: 'string' },
    'time-zone': { type: 'string', default: 'Europe/Berlin' },
    /** JSON: see behaviour.ts. */
    behaviour: { type: 'string', default: '{}' },
  },
});

const standIn = await startGoogle({
  ...(JSON.parse(values.behaviour) as object),
  port: Number(values.port),
  control: true,
});
const refreshToken = values['refresh-token'];
const account = standIn.addAccount({
  email: values.email,
  timeZone: values['time-zone'],
  ...(refreshToken === undefined ? {} : { refreshToken }),
});
const { rootUrl, tokenUrl, authUrl, revokeUrl, clientId, clientSecret } = standIn;
const { email } = account;
console.log(
  JSON.stringify({
    rootUrl,
    tokenUrl,
    authUrl,
    revokeUrl,
    controlUrl: `${rootUrl}control/`,
    clientId,
    clientSecret,
    email,
    refreshToken: account.refreshToken,
  }),
);

for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => void standIn.close().then(() => process.exit(0), complain));

function complain(error: Error): void {
  console.error(error.message);
  process.exit(1);
}
