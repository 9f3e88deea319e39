/**
 * The workflow that keeps push channels, and its activity. Existing histories contain these shapes: add optional
 * fields, never rename or reorder.
 */
import type { PollPause } from './messages.ts';

/** One workflow for the installation. */
export const PUSH_WORKFLOW_ID = 'push-channels';

export interface PushActivities {
  /**
   * Opens, renews and closes channels again and again, in the form of `watchPair`. `over`: push is off, and none is
   * open.
   */
  watchChannels(input: Record<string, never>): Promise<{ readonly kind: 'over' } | PollPause>;
}
