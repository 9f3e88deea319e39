/** What the activities need of the world; `main.ts` gives it to them. */
import type { Logger } from 'pino';
import type { Db } from '../db/connect.ts';
import type { Provider } from '../providers/provider.ts';

export interface Deps {
  readonly db: Db;
  readonly providers: ReadonlyMap<string, Provider>;
  readonly fetch: typeof fetch;
  /** Marks what Calpair wrote so that any pair of this installation recognises it. Lower-case hex. */
  readonly tag: (text: string) => string;
  /** How long runs and their journals are kept. */
  readonly historyDays: number;
  readonly now: () => Date;
  readonly log: Logger;
}
