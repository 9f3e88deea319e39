/** Asking for a preview, which takes minutes for large calendars. */
import { call } from './api.js';
import { count } from './labels.js';

const WAIT_SECONDS = 2;

/** @param onProgress is called with `{phase, done, total}`, or null, until the answer comes. @throws Problem */
export async function askPreview(pairPath, onProgress) {
  for (;;) {
    const answer = await call('POST', `${pairPath}/preview?wait=${WAIT_SECONDS}`);
    if (answer.changes !== undefined) return answer;
    onProgress(answer.progress ?? null);
  }
}

/** How far it is, in words. */
export function previewProgress(progress) {
  if (!progress || progress.done === 0) return 'Both calendars are read and compared …';
  const { phase, done, total } = progress;
  if (phase === 'reading') return `${count(done, 'event')} read …`;
  return `${done.toLocaleString('en')} of ${count(total ?? done, 'event')} compared …`;
}
