/** Which code of the readers, and of the parsers below them, was run: V8's own block coverage. */
import { type Profiler, Session } from 'node:inspector';

const MEASURED = /\/(core|providers)\/|\/ical\.js\/|\/sax\//;

/** From an offset in a script up to another one. */
type Span = readonly [from: number, to: number];

export class Coverage {
  private readonly session = new Session();
  /** By function that was run: what of it was not. */
  private readonly missed = new Map<string, readonly Span[]>();

  constructor() {
    this.session.connect();
    this.session.post('Profiler.enable');
    this.session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  }

  /**
   * Whether code was run since the last call that never was before. Asking costs as much as many executions.
   * @param isKept whether it counts as run from now on
   */
  isNew(isKept = true): boolean {
    let isNew = false;
    for (const [name, missed] of this.take()) {
      const before = this.missed.get(name);
      const now = before ? intersectionOf(before, missed) : missed;
      if (before && lengthOf(now) === lengthOf(before)) continue;
      isNew = true;
      if (isKept) this.missed.set(name, now);
    }
    return isNew;
  }

  close(): void {
    this.session.disconnect();
  }

  /** What was run since the last call; a session in its own thread answers before `post` returns. */
  private take(): [string, Span[]][] {
    const taken: [string, Span[]][] = [];
    this.session.post('Profiler.takePreciseCoverage', (_error, coverage?: Profiler.TakePreciseCoverageReturnType) => {
      for (const { url, scriptId, functions } of coverage?.result ?? []) {
        if (!MEASURED.test(url)) continue;
        for (const { ranges } of functions) {
          if (ranges[0]!.count === 0) continue;
          const missed = ranges.filter(({ count }) => count === 0);
          taken.push([
            `${scriptId}:${ranges[0]!.startOffset}`,
            missed.map(({ startOffset, endOffset }): Span => [startOffset, endOffset]),
          ]);
        }
      }
    });
    return taken;
  }
}

function intersectionOf(a: readonly Span[], b: readonly Span[]): Span[] {
  return a.flatMap(([from, to]) =>
    b.flatMap(([otherFrom, otherTo]): Span[] => {
      const [start, end] = [Math.max(from, otherFrom), Math.min(to, otherTo)];
      return start < end ? [[start, end]] : [];
    }),
  );
}

function lengthOf(spans: readonly Span[]): number {
  return spans.reduce((sum, [from, to]) => sum + to - from, 0);
}
