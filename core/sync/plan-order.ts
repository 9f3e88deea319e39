/** In which order a run plans, and so writes, its events. Pure. */
import { groupBy } from '../group-by.ts';

/** What the order of a link depends on. */
export interface LinkOutline {
  readonly id: string;
  /** The series that it is an instance of. */
  readonly parentId: string | null;
  /** How often a write of it has failed. */
  readonly failedTries: number;
  /** False: no side has the event any more. */
  readonly isPresent: boolean;
  /** When the event begins, as it is listed; null: it repeats, or is not known yet. */
  readonly start: string | null;
}

/**
 * The ids in chunks of about `size`, an instance with its series. First what is gone, because other events are compared
 * with what is left; then what is nearest to now; last what failed before, because it must not put off the others.
 */
export function chunksOf(links: readonly LinkOutline[], size: number, now: number): string[][] {
  const events = [...groupBy(links, ({ id, parentId }) => parentId ?? id).values()].map((some) => ({
    ids: some.map(({ id }) => id),
    rank: [
      some.some(({ isPresent }) => isPresent) ? 1 : 0,
      Math.min(...some.map(({ failedTries }) => failedTries)),
      Math.min(...some.map(({ isPresent, start }) => (isPresent && start ? Math.abs(Date.parse(start) - now) : 0))),
    ],
  }));
  const byRank = (a: readonly number[], b: readonly number[]) =>
    a.reduce((order, value, index) => order || value - (b[index] ?? 0), 0);
  const chunks: string[][] = [];
  for (const { ids } of events.sort((a, b) => byRank(a.rank, b.rank))) {
    const last = chunks.at(-1);
    if (last && last.length + ids.length <= size) last.push(...ids);
    else chunks.push([...ids]);
  }
  return chunks;
}
