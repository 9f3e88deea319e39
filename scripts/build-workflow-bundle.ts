/** `node start.mjs scripts/build-workflow-bundle.ts [FILE]`: a step of the image and of a first start. */
import { BUNDLE_FILE, writeWorkflowBundle } from '../worker/workflow-bundle.ts';

export async function main(): Promise<void> {
  const file = process.argv[3] ?? BUNDLE_FILE;
  await writeWorkflowBundle(file);
  console.log(`Wrote ${file}.`);
}
