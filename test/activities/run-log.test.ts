/** What the log says of a run: one line when it ends, and a line for each step at level debug. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { createActivities } from '../../activities/index.ts';
import { SyncError } from '../../core/sync-error.ts';
import { createLoggerInto } from '../../log.ts';
import { testDatabase } from '../support/database.ts';
import { closeAll, Harness } from './harness.ts';

type Line = Record<string, unknown>;

describe('the log of a run', () => {
  let url: string;
  before(async () => {
    url = await testDatabase();
  });
  after(closeAll);

  async function open(level: 'info' | 'debug'): Promise<{ harness: Harness; lines: Line[] }> {
    const harness = await Harness.open(url);
    const lines: Line[] = [];
    Object.assign(harness.deps, {
      log: createLoggerInto(level, (line) => void lines.push(JSON.parse(line) as Line)),
    });
    return { harness, lines };
  }

  it('is one line at level info, with counts and codes only', async () => {
    const { harness, lines } = await open('info');
    harness.caldav.person.insert({ title: 'secret title' });
    const summary = await harness.run('start');
    assert.equal(summary.result, 'ok');
    const [{ time, ms, ...line }] = lines as [Line];
    assert.equal(lines.length, 1);
    assert.ok(typeof time === 'string' && typeof ms === 'number' && ms >= 0);
    assert.deepEqual(line, {
      level: 'info',
      msg: 'run ended',
      pairId: harness.pairId,
      runId: summary.runId,
      trigger: 'start',
      result: 'ok',
      read: { caldav: 1, cloud: 0 },
      written: 1,
      conflicts: 0,
      held: 0,
      problems: 0,
    });
  });

  it('names the code and the side of a run that failed', async () => {
    const { harness, lines } = await open('info');
    harness.cloud.failNext('changes', new SyncError('unreachable', 'no answer', { reason: 'secret reason' }));
    const summary = await harness.run('signal');
    assert.equal(summary.result, 'failed');
    const [line] = lines.filter(({ msg }) => msg === 'run ended');
    assert.deepEqual([line?.['result'], line?.['error'], line?.['side']], ['failed', 'unreachable', 'cloud']);
    assert.doesNotMatch(JSON.stringify(lines), /secret/);
  });

  it('says nothing of a run that ends with its pair, whatever a side answers to being broken off', async () => {
    const { harness, lines } = await open('info');
    const environment = new MockActivityEnvironment({}, { logger: new DefaultLogger('ERROR') });
    harness.cloud.failNext('changes', new Error('broken off'));
    environment.cancel();
    const input = { pairId: harness.pairId, number: 1, trigger: 'signal', full: false, polled: false } as const;
    await assert.rejects(environment.run(createActivities(harness.deps).diffPair, input), { name: 'CancelledFailure' });
    assert.deepEqual(lines, []);
  });

  it('FA1: names the rules that an object would have broken, which was not sent and is a problem', async () => {
    const { harness, lines } = await open('info');
    harness.caldav.person.insert({ title: 'secret title' });
    const reason = 'end-not-after-start DTEND';
    harness.cloud.failNext('create', new SyncError('invalid-object', 'the object would be invalid', { reason }));
    await harness.run('start');
    assert.deepEqual(
      (await harness.problems()).map(({ code, detail }) => [code, /\(end-not-after-start DTEND\)/.test(detail)]),
      [['rejected-by-server', true]],
    );
    const [line] = lines.filter(({ level }) => level === 'error');
    assert.deepEqual([line?.['rules'], line?.['side'], line?.['pairId']], [reason, 'cloud', harness.pairId]);
    assert.doesNotMatch(JSON.stringify(lines), /secret/);
  });

  it('has a line for each step at level debug, and none for a poll that found nothing at level info', async () => {
    const { harness, lines } = await open('debug');
    harness.caldav.person.insert({ title: 'secret title' });
    await harness.cycle();
    assert.deepEqual(
      lines.map(({ msg }) => msg),
      [
        'calendars are polled',
        'run begins',
        'both sides are read',
        'run is planned',
        'pending writes are executed',
        'run ended',
      ],
    );
    assert.doesNotMatch(JSON.stringify(lines), /secret/);
    const idle = await open('info');
    assert.equal(await idle.harness.cycle(), 'NoChange');
    assert.deepEqual(idle.lines, []);
  });
});
