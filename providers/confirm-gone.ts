/** Asking for events by name, where only a second answer proves that one is gone. */
import { pause } from './concurrency.ts';
import type { Found } from './provider.ts';

export type Answers = Map<string, readonly Found[] | 'gone'>;

/** So long a replica may lag behind. */
export const LAG_MS = 1000;

/**
 * Events by resource. An event is gone when the service does not know it, twice, while the calendar itself answers: a
 * replica may not have it yet.
 * @param fetchSome adds what it finds to the answers; answers with the names that the service does not know
 * @param checkCalendar throws where the calendar itself does not answer
 */
export async function fetchOrConfirmGone(
  resources: readonly string[],
  fetchSome: (names: readonly string[], answers: Answers) => Promise<string[]>,
  checkCalendar: () => Promise<unknown>,
  signal: AbortSignal | undefined,
): Promise<Answers> {
  const answers: Answers = new Map();
  let unknown = await fetchSome([...new Set(resources)], answers);
  if (unknown.length > 0) {
    await checkCalendar();
    await pause(LAG_MS, signal);
    unknown = await fetchSome(unknown, answers);
  }
  for (const name of unknown) answers.set(name, 'gone');
  return answers;
}
