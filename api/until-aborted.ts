/**
 * The answer, or null once the signal aborts. The signal may live as long as the server, so its listener is removed
 * afterwards.
 */
export async function untilAborted<T>(answer: Promise<T>, signal: AbortSignal): Promise<T | null> {
  let onAbort = (): void => {};
  const aborted = new Promise<null>((resolve) => {
    onAbort = () => resolve(null);
    if (signal.aborted) resolve(null);
    else signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([answer, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
