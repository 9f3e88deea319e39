/** A client of Calpair's API, as any product would write it. */
export interface Run {
  readonly id: string;
  readonly trigger: string;
  readonly result: string;
  readonly read: Sided;
  readonly caldav: Writes;
  readonly cloud: Writes;
  readonly conflicts: number;
  readonly held: number;
  readonly problems: number;
  readonly error: { readonly code: string; readonly side: string; readonly detail: string } | null;
}
interface Sided {
  readonly caldav: number;
  readonly cloud: number;
}
interface Writes {
  readonly created: number;
  readonly updated: number;
  readonly deleted: number;
}
export interface Pair {
  readonly id: string;
  readonly status: string;
  readonly statusReason: string | null;
  readonly workflowId: string;
  readonly counts: {
    readonly events: number;
    readonly conflicts: number;
    readonly heldChanges: number;
    readonly problems: number;
  };
}
export interface Problem {
  readonly code: string;
  readonly side: string;
  readonly eventTitle: string;
  readonly detail: string;
}

export class Calpair {
  readonly #url: string;
  readonly #key: string;

  constructor(url: string, key: string) {
    this.#url = url;
    this.#key = key;
  }

  get<T>(path: string): Promise<T> {
    return this.#call<T>('GET', path);
  }

  post<T>(path: string, body?: unknown): Promise<T> {
    return this.#call<T>('POST', path, body);
  }

  /** Starts a run and waits for its end. */
  async sync(pairId: string): Promise<Run> {
    for (;;) {
      const run = await this.post<Run | { runId: string | null }>(`/v1/pairs/${pairId}/sync?wait=120`);
      if ('result' in run) return run;
    }
  }

  /** Syncs until a run has nothing left to write, and returns the runs. @throws Error after 12 runs */
  async settle(pairId: string): Promise<Run[]> {
    const runs: Run[] = [];
    while (runs.length < 12) {
      const run = await this.sync(pairId);
      runs.push(run);
      if (run.result === 'ok' && writesOf(run) === 0) return runs;
    }
    throw new Error('The pair still has something to write after 12 runs.');
  }

  async #call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const answer = await fetch(new URL(path, this.#url), {
      method,
      headers: {
        authorization: `Bearer ${this.#key}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path} returned ${answer.status}: ${text}`);
    return (text ? JSON.parse(text) : undefined) as T;
  }
}

export function writesOf(run: Run): number {
  return [run.caldav, run.cloud].reduce((sum, { created, updated, deleted }) => sum + created + updated + deleted, 0);
}
