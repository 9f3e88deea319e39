/** Running pairs have histories: code that takes another path through a history would stop its pair. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { before, describe, it } from 'node:test';
import type { WorkflowBundle } from '@temporalio/worker';
import { Worker } from '@temporalio/worker';
import { DeterminismViolationError } from '@temporalio/workflow';
import { installRuntime } from '../../worker/workers.ts';
import { bundleWorkflows } from '../../worker/workflow-bundle.ts';
import { fromJson } from '../histories/json.ts';

const folder = new URL('../histories/', import.meta.url);
const names = readdirSync(folder).filter((name) => name.endsWith('.json'));

interface RecordedHistory {
  events: { eventType: string; activityTaskScheduledEventAttributes?: { activityType: { name: string } } }[];
}

describe('recorded histories', () => {
  let workflowBundle: WorkflowBundle;
  before(async () => {
    installRuntime(() => {});
    workflowBundle = await bundleWorkflows();
  });

  it('exist for every branch of the loop', () => {
    assert.ok(names.length >= 28, `${names.length} histories`);
  });

  for (const name of names) {
    it(`replays ${name}`, async () => {
      await Worker.runReplayHistory({ workflowBundle }, fromJson(historyOf(name)), 'pair:recorded');
    });
  }

  it('fail to replay when the code takes another path', async () => {
    const history = historyOf('change.json');
    const diff = history.events.find(
      (event) => event.activityTaskScheduledEventAttributes?.activityType.name === 'diffPair',
    );
    assert.ok(diff?.activityTaskScheduledEventAttributes);
    diff.activityTaskScheduledEventAttributes.activityType.name = 'applyPlan';
    await assert.rejects(
      Worker.runReplayHistory({ workflowBundle }, fromJson(history), 'pair:recorded'),
      DeterminismViolationError,
    );
  });
});

function historyOf(name: string): RecordedHistory {
  return JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as RecordedHistory;
}
