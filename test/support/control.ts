/**
 * `POST /control/<name>` with `{"args":[…]}` calls the fake's method of that name, or the account's if `email` is
 * given. JSON in, JSON out: `{"result":…}`, or 400 `{"error":"…"}`.
 */
export type ControlHandler = (name: string, body: unknown) => Promise<unknown>;

/** What may be called: methods of the fake, its properties, and methods of an account. */
export interface Controls {
  readonly fake: readonly string[];
  readonly readable: readonly string[];
  readonly account: readonly string[];
}

interface Fake {
  account(email: string): object;
}

export function controlHandler(fake: Fake, controls: Controls): ControlHandler {
  return async (name, body) => {
    const { email, args = [] } = body as { email?: string; args?: unknown[] };
    if (!Array.isArray(args)) throw new Error('args is not an array');
    if (email !== undefined && controls.account.includes(name)) return call(fake.account(email), name, args);
    if (email === undefined && controls.readable.includes(name))
      return (fake as unknown as Record<string, unknown>)[name];
    if (email !== undefined || !controls.fake.includes(name)) throw new Error('no such control');
    const result: unknown = await call(fake, name, args);
    return name === 'addAccount'
      ? { email: (result as { email: string }).email, refreshToken: (result as { refreshToken: string }).refreshToken }
      : result;
  };
}

function call(target: object, name: string, args: unknown[]): unknown {
  return ((target as Record<string, unknown>)[name] as (...values: unknown[]) => unknown).apply(target, args);
}
