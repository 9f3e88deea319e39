/** Checks of what is sent to a service against the rules that it documents: a body that breaks one is never sent. */
import { SyncError } from '../core/sync-error.ts';

/** A rule, by the field that it is about, and whether the body keeps it. */
export type BodyRule = readonly [name: string, holds: boolean];

export function namesOfBroken(rules: readonly BodyRule[]): string[] {
  return rules.flatMap(([name, holds]) => (holds ? [] : [name]));
}

/** @throws SyncError `invalid-object` with the names of the broken rules as `reason`, without content */
export function refuseBroken(service: string, broken: readonly string[]): void {
  if (broken.length === 0) return;
  const reason = broken.join(', ');
  throw new SyncError('invalid-object', `the event for ${service} would be invalid: ${reason}`, { reason });
}

/** Also where the field is absent. */
export function isOneOf(value: unknown, values: readonly string[]): boolean {
  return value === undefined || (typeof value === 'string' && values.includes(value));
}
