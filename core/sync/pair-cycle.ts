/**
 * Whether one more pair would create a sync loop: an event could then return to its calendar through other pairs.
 */

/** Pairs and calendars by the calendars' identities; which way a pair writes does not matter here. */
export function closesCycle(
  pairs: Iterable<readonly [string, string]>,
  [from, to]: readonly [string, string],
): boolean {
  const neighbours = new Map<string, string[]>();
  const join = (one: string, other: string) => neighbours.set(one, [...(neighbours.get(one) ?? []), other]);
  for (const [one, other] of pairs) {
    join(one, other);
    join(other, one);
  }
  const reached = new Set([from]);
  for (const calendar of reached) for (const next of neighbours.get(calendar) ?? []) reached.add(next);
  return reached.has(to);
}
