/** Work that a process repeats as long as it runs. */
import { SYSTEM_TIMERS, type Timers } from './timers.ts';

/** Does all of it at once, and then every `everyMs`, until it is stopped. One that fails does not keep the others. */
export function repeat(
  everyMs: number,
  all: readonly (() => Promise<unknown>)[],
  onError: (error: unknown) => void,
  timers: Pick<Timers, 'after'> = SYSTEM_TIMERS,
): { stop(): Promise<void> } {
  let isStopped = false;
  let cancel = (): void => {};
  const round = async (): Promise<void> => {
    for (const work of all) if (!isStopped) await work().catch(onError);
    if (!isStopped) cancel = timers.after(everyMs, () => void (running = round()));
  };
  let running = round();
  return {
    stop() {
      isStopped = true;
      cancel();
      return running;
    },
  };
}
