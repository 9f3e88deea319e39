/** What runs have found out about how many writes their sides take at once, so that the next run begins with it. */
import type { SideName } from '../../core/event.ts';
import type { Pace } from '../../core/sync/pace.ts';

/** A server may be another one by then. */
const KEPT_MS = 3_600_000;
const MOST_PAIRS = 10_000;

/** Of this process: what is lost costs a few slow writes. */
export class KnownPaces {
  private readonly pairs = new Map<string, { readonly paces: ReadonlyMap<SideName, Pace>; readonly at: number }>();

  /** A copy. */
  of(pairId: string, now: Date): Map<SideName, Pace> {
    const known = this.pairs.get(pairId);
    return new Map(known && now.getTime() - known.at < KEPT_MS ? known.paces : []);
  }

  keep(pairId: string, paces: ReadonlyMap<SideName, Pace>, now: Date): void {
    this.pairs.delete(pairId);
    this.pairs.set(pairId, { paces: new Map(paces), at: now.getTime() });
    const [oldest] = this.pairs.keys();
    if (this.pairs.size > MOST_PAIRS && oldest !== undefined) this.pairs.delete(oldest);
  }
}
