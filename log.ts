/** The log: JSON lines, or short lines where a person watches. */
import { pino } from 'pino';
import type { Logger } from 'pino';

export function createLogger(level: string, isTerminal: boolean = process.stdout.isTTY === true): Logger {
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: (label: string) => ({ level: label }) } };
  return isTerminal ? pino(options, { write: (line) => void process.stdout.write(forPeople(line)) }) : pino(options);
}

function forPeople(line: string): string {
  const { level, time, msg, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const extra = Object.entries(fields).map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`).join(' ');
  return `${String(time).slice(11, 19)} ${String(level).padEnd(5)} ${String(msg)}${extra === '' ? '' : `  ${extra}`}\n`;
}
