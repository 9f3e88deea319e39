/**
 * `POST /control/<name>` with `{"args":[…]}` calls the stand-in's method of that name; with an `email` beside it, the account's. JSON in, JSON out:
 * `{"result":…}`, or 400 `{"error":"…"}`.
 */
import type { GraphStandIn } from './start.ts';
import type { ControlHandler } from './server.ts';

const STAND_IN = ['addAccount', 'fail', 'slow', 'storm412', 'setBehaviour', 'reset', 'count', 'consentTo'];
const READABLE = ['requests', 'writes', 'carelessRequests', 'mailLedger', 'reach', 'harm', 'faultsMet', 'throttled', 'behaviour'];
const ACCOUNT = [
  'insertEvent', 'patchEvent', 'deleteEvent', 'getEvent', 'answer', 'instances', 'plantEvent', 'listRaw', 'listLive', 'addCalendar', 'calendars',
  'patchCalendarEntry', 'setAccessRole', 'setTimeZone', 'removeCalendar', 'expireSyncTokens', 'revokeRefreshToken',
  'expireAccessTokens', 'newRefreshToken', 'setScopes',
];

export function controlHandler(standIn: GraphStandIn): ControlHandler {
  return async (name, body) => {
    const { email, args = [] } = body as { email?: string; args?: unknown[] };
    if (!Array.isArray(args)) throw new Error('args is not an array');
    if (email !== undefined && ACCOUNT.includes(name)) return call(standIn.account(email), name, args);
    if (email === undefined && READABLE.includes(name)) return (standIn as unknown as Record<string, unknown>)[name];
    if (email !== undefined || !STAND_IN.includes(name)) throw new Error('no such control');
    const result: unknown = await call(standIn, name, args);
    return name === 'addAccount' ? { email: (result as { email: string }).email, refreshToken: (result as { refreshToken: string }).refreshToken } : result;
  };
}

function call(target: object, name: string, args: unknown[]): unknown {
  return ((target as Record<string, unknown>)[name] as (...values: unknown[]) => unknown).apply(target, args);
}
