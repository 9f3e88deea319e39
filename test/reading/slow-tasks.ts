/** Tasks for the tests of the thread pool, in the shape of `providers/reading/tasks.ts`. */

import { threadId } from 'node:worker_threads';

export const TASKS = {
  thread: (): number => threadId,
  length: ({ text }: { readonly text: string }): number => text.length,
  forever(): void {
    for (;;);
  },
  /** Busy for as many milliseconds as the text says. */
  busy({ text }: { readonly text: string }): string {
    const end = performance.now() + Number(text);
    while (performance.now() < end);
    return text;
  },
  memory(): number {
    const all: string[][] = [];
    for (;;) all.push(Array.from({ length: 100_000 }, (_, at) => `${at} of many`));
  },
  throws({ text }: { readonly text: string }): never {
    throw new RangeError(text);
  },
};
