/** `node start.mjs scripts/build-workflow-bundle.ts`: a step of the image, see `Dockerfile`. */
import { BUNDLE_FILE, writeWorkflowBundle } from '../worker/workflow-bundle.ts';

export async function main(): Promise<void> {
  await writeWorkflowBundle();
  console.log(`Wrote ${BUNDLE_FILE}.`);
}
