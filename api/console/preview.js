/** Asking for a preview, which takes minutes for large calendars. */
import { call } from './api.js';
import { PREVIEW } from './texts/pairs.js';

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
  if (!progress || progress.done === 0) return PREVIEW.reading;
  const { phase, done, total } = progress;
  if (phase === 'reading') return PREVIEW.read(done);
  return PREVIEW.progress(done, total ?? done);
}
