/** A thread of `pool.ts`. Not TypeScript: a thread starts without the loader of the process. */
import { parentPort, workerData } from 'node:worker_threads';
import { register } from 'tsx/esm/api';

register();
const { TASKS } = await import(workerData.tasks);
parentPort.on('message', ({ task, input }) => {
  try {
    parentPort.postMessage({ value: TASKS[task](input) });
  } catch (error) {
    // Names only: messages may hold content.
    parentPort.postMessage({ error: `${task}: ${error instanceof Error ? error.name : 'error'}` });
  }
});
parentPort.postMessage('ready');
