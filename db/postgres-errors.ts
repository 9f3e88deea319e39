/**
 * What PostgreSQL's errors mean to callers. Drizzle wraps them, with the statement's parameters in the message: never
 * log that message.
 */
import { DatabaseError } from 'pg';

/** PostgreSQL cannot be reached, is starting or ending, or has no connection left: worth trying again later. */
export function isUnavailable(error: unknown): boolean {
  const cause = causeOf(error);
  if (cause instanceof Error && LOST.test(cause.message)) return true;
  const code = codeOf(error);
  return UNAVAILABLE.has(code) || code.startsWith('08');
}

/** A unique or foreign key constraint of that name was violated. */
export function violates(error: unknown, constraint: string): boolean {
  const code = codeOf(error);
  const cause = causeOf(error) as { constraint?: unknown } | null;
  return (code === '23505' || code === '23503' || code === '23001') && cause?.constraint === constraint;
}

/** A text held a NUL character, which PostgreSQL stores nowhere. */
export function isUnstorableText(error: unknown): boolean {
  return ['22021', '22P05'].includes(codeOf(error));
}

/** What PostgreSQL itself answered, in its words; null where it did not answer. */
export function refusalBy(error: unknown): string | null {
  const cause = causeOf(error);
  return cause instanceof DatabaseError ? cause.message : null;
}

/** SQLSTATE or the driver's or network's own code; empty where the error has none. */
export function codeOf(error: unknown): string {
  const code = (causeOf(error) as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : '';
}

function causeOf(error: unknown): unknown {
  let cause = error;
  for (let depth = 0; depth < 5 && cause instanceof Error && cause.cause !== undefined; depth += 1) cause = cause.cause;
  return cause;
}

const UNAVAILABLE = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOTFOUND',
  'ETIMEDOUT',
  'EPIPE',
  'ENOENT',
  '57P01',
  '57P02',
  '57P03',
  '53300',
]);

/** The driver's own words, which have no code. */
const LOST =
  /^(Connection terminated|Client (has encountered a connection error|was closed)|timeout exceeded when trying to connect|Cannot use a pool after)/;
