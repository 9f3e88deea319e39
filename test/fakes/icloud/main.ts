/**
 * The fake iCloud in its own process: `node --import tsx test/fakes/icloud/main.ts --port 8086 --apple-id
 * host@icloud.example`. Prints one line of JSON with its address and the account's passwords, and runs until it is
 * stopped. `POST /control/<name>` with `{"args":[…]}` calls the method of the fake with that name; with an `appleId`,
 * the method of the account.
 */
import { parseArgs } from 'node:util';
import { closeOnSignal } from '../run-fake.ts';
import type { Behaviour } from './behaviour.ts';
import { type IcloudFake, startIcloud } from './start.ts';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    'apple-id': { type: 'string', default: 'host@icloud.example' },
    /** JSON: see behaviour.ts. */
    behaviour: { type: 'string', default: '{}' },
  },
});

const STAND_IN = ['fail', 'setBehaviour', 'move'];
const READABLE = ['requests', 'mailLedger', 'carelessWrites'];
const ACCOUNT = ['put', 'remove', 'addCalendar', 'changePassword'];

const fake = await startIcloud({
  ...(JSON.parse(values.behaviour) as Partial<Behaviour>),
  port: Number(values.port),
  control,
});
const account = fake.addAccount(values['apple-id']);
const { appleId, password, appPassword, home } = account;
console.log(
  JSON.stringify({
    serverUrl: fake.base,
    controlUrl: `${fake.base}control/`,
    appleId,
    password,
    appPassword,
    home,
  }),
);

closeOnSignal(fake);

function control(icloud: IcloudFake, name: string, { appleId: of, args = [] }: Record<string, unknown>): unknown {
  const call = (target: object): unknown =>
    ((target as Record<string, unknown>)[name] as (...values: unknown[]) => unknown).apply(target, args as unknown[]);
  if (of === undefined)
    return READABLE.includes(name)
      ? icloud[name as keyof IcloudFake]
      : STAND_IN.includes(name)
        ? call(icloud)
        : unknownControl();
  const owner = icloud.account(of as string);
  if (name === 'list') return Object.fromEntries(owner.list(String((args as unknown[])[0])));
  if (!ACCOUNT.includes(name)) unknownControl();
  call(owner);
  return { appPassword: owner.appPassword };
}

function unknownControl(): never {
  throw new Error('no such control');
}
