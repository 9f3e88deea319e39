/** Inputs that reached new code in earlier runs of the fuzzer: one file for each target, a JSON list. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';

const fileOf = (target: string): URL => new URL(`corpus/${target}.json`, import.meta.url);

export function readCorpus(target: string): string[] {
  const file = fileOf(target);
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as string[]) : [];
}

export function writeCorpus(target: string, inputs: readonly string[]): void {
  writeFileSync(fileOf(target), `${JSON.stringify(inputs, null, 1)}\n`);
}
