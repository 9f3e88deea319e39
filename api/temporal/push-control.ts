/** Starts the workflow that keeps push channels. */
import type { Client } from '@temporalio/client';
import { PAIRS_QUEUE } from '../../workflows/messages.ts';
import type { pushChannels } from '../../workflows/push-channels.ts';
import { PUSH_WORKFLOW_ID } from '../../workflows/push-messages.ts';
import { callTemporal } from './pair-control.ts';

/** Does nothing if it runs already. @throws ControlError */
export async function startPushChannels(client: Client): Promise<void> {
  await callTemporal(client, () =>
    client.workflow.start<typeof pushChannels>('pushChannels', {
      workflowId: PUSH_WORKFLOW_ID,
      taskQueue: PAIRS_QUEUE,
      args: [],
      workflowIdConflictPolicy: 'USE_EXISTING',
      workflowIdReusePolicy: 'ALLOW_DUPLICATE',
      staticSummary: 'Keeps the channels open through which services report changes',
    }),
  );
}
