/**
 * What PostgreSQL's errors mean. Drizzle wraps them in errors whose message contains the statement's parameters: never
 * log that message.
 */
import { DatabaseError } from 'pg';

/** PostgreSQL cannot be reached, is starting or stopping, or has no connection left: retry later. */
export function isUnavailable(error: unknown): boolean {
  const cause = causeOf(error);
  if (cause instanceof Error && LOST.some((message) => cause.message.startsWith(message))) return true;
  const code = codeOf(error);
  return UNAVAILABLE.has(code) || code.startsWith('08');
}

/** A unique or foreign key constraint of that name was violated. */
export function violates(error: unknown, constraint: string): boolean {
  const code = codeOf(error);
  const cause = causeOf(error) as { constraint?: unknown } | null;
  return (code === '23505' || code === '23503' || code === '23001') && cause?.constraint === constraint;
}

/** A text contained a NUL character, which PostgreSQL cannot store. */
export function isUnstorableText(error: unknown): boolean {
  return ['22021', '22P05'].includes(codeOf(error));
}

/** PostgreSQL's own message; null when the error is not from PostgreSQL. */
export function refusalBy(error: unknown): string | null {
  const cause = causeOf(error);
  return cause instanceof DatabaseError ? cause.message : null;
}

/** SQLSTATE, or the code of the driver or the network; empty when the error has none. */
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
  // The disk is full, or memory.
  '53100',
  '53200',
  // A statement, a lock or a transaction took too long; see `sessionSettings` in connect.ts.
  '57014',
  '55P03',
  '25P03',
]);

/** Errors of the driver that have no code: the beginnings of their messages. */
const LOST = [
  'Connection terminated',
  'Client has encountered a connection error',
  'Client was closed',
  'timeout exceeded when trying to connect',
  'Cannot use a pool after',
  'Query read timeout',
];
