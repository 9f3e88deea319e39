/**
 * A fake in its own process: `node --import tsx test/fakes/google/main.ts --port 8085 --email demo@example.com`.
 * Prints one line of JSON with its addresses and the account's refresh token, and runs until it is stopped.
 */
import { parseArgs } from 'node:util';

interface Fake {
  readonly rootUrl: string;
  readonly tokenUrl: string;
  readonly authUrl: string;
  readonly clientId: string;
  readonly clientSecret: string;
  addAccount(options: { email: string; timeZone: string; refreshToken?: string }): { readonly refreshToken: string };
  close(): Promise<void>;
}

interface StartOptions {
  readonly port: number;
  readonly control: true;
}

/** `addressesOf`: further addresses of the service. */
export async function runFake<F extends Fake>(
  start: (options: StartOptions) => Promise<F>,
  defaultZone: string,
  addressesOf: (fake: F) => Readonly<Record<string, string>>,
): Promise<void> {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '0' },
      email: { type: 'string', default: 'demo@example.com' },
      'refresh-token': { type: 'string' },
      'time-zone': { type: 'string', default: defaultZone },
      /** JSON: see behaviour.ts. */
      behaviour: { type: 'string', default: '{}' },
    },
  });
  const { email, 'time-zone': timeZone, 'refresh-token': given } = values;
  const fake = await start({ ...(JSON.parse(values.behaviour) as object), port: Number(values.port), control: true });
  const { refreshToken } = fake.addAccount({
    email,
    timeZone,
    ...(given === undefined ? {} : { refreshToken: given }),
  });
  const { rootUrl, tokenUrl, authUrl, clientId, clientSecret } = fake;
  console.log(
    JSON.stringify({
      rootUrl,
      tokenUrl,
      authUrl,
      controlUrl: `${rootUrl}control/`,
      clientId,
      clientSecret,
      email,
      refreshToken,
      ...addressesOf(fake),
    }),
  );
  closeOnSignal(fake);
}

export function closeOnSignal(fake: { close(): Promise<void> }): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => {
      fake.close().then(
        () => process.exit(0),
        (error: Error) => {
          console.error(error.message);
          process.exit(1);
        },
      );
    });
}
