/** The log: JSON lines, or short lines in a terminal. */
import type { Logger } from 'pino';
import { pino } from 'pino';

export function createLogger(level: string, isTerminal: boolean = process.stdout.isTTY === true): Logger {
  const options = optionsOf(level);
  return isTerminal ? pino(options, { write: (line) => void process.stdout.write(readable(line)) }) : pino(options);
}

/** The same log, written by the caller: for tests. */
export function createLoggerInto(level: string, write: (line: string) => void): Logger {
  return pino(optionsOf(level), { write });
}

function optionsOf(level: string) {
  return {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: redactedError },
  };
}

/** Our own errors, whose messages contain only codes and statuses. */
const SAFE = ['SyncError', 'SideFailed', 'ControlError'];

/** Where an error came from, without its message: databases and parsers quote their input in it. */
function redactedError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { type: typeof error };
  const { code } = error as { code?: unknown };
  const at = error.stack
    ?.split('\n')
    .filter((line) => /^\s+at /.test(line))
    .map((line) => line.trim())
    .slice(0, 12);
  return {
    type: error.name,
    ...(SAFE.includes(error.name) ? { message: error.message } : {}),
    ...(typeof code === 'string' || typeof code === 'number' ? { code } : {}),
    at,
    ...(error.cause === undefined ? {} : { cause: redactedError(error.cause) }),
  };
}

function readable(line: string): string {
  const { level, time, msg, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const extra = Object.entries(fields)
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(' ');
  return `${String(time).slice(11, 19)} ${String(level).padEnd(5)} ${String(msg)}${extra === '' ? '' : `  ${extra}`}\n`;
}
