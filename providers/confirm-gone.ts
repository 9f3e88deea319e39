/** Asking for events by name, where only a second answer proves that one is gone. */
import { pause } from './concurrency.ts';
import type { Found, Side } from './provider.ts';

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

/**
 * Answers by name for resources that no feed or listing has reported as removed, without those that are gone although
 * the calendar lists them: these have to be asked for again.
 */
export async function fetchUncontradicted(side: Side, resources: readonly string[]): Promise<Answers> {
  const answers = await side.get(resources);
  const gone = [...answers].flatMap(([resource, answer]) => (answer === 'gone' ? [resource] : []));
  const listed = gone.length > 0 ? await side.listed?.(gone) : undefined;
  for (const resource of listed ?? []) answers.delete(resource);
  return answers;
}
