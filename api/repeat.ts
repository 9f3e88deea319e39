/** Work that a process repeats as long as it runs. */

/** Does all of it at once, and then every `everyMs`, until it is stopped. One that fails does not keep the others. */
export function repeat(
  everyMs: number,
  all: readonly (() => Promise<unknown>)[],
  onError: (error: unknown) => void,
): { stop(): Promise<void> } {
  let isStopped = false;
  let timer: NodeJS.Timeout | undefined;
  const round = async (): Promise<void> => {
    for (const work of all) if (!isStopped) await work().catch(onError);
    if (!isStopped) timer = setTimeout(() => (running = round()), everyMs);
  };
  let running = round();
  return {
    stop() {
      isStopped = true;
      clearTimeout(timer);
      return running;
    },
  };
}
