/**
 * A reporter for node's test runner that writes only the numbers, as JSON, for test/run.mjs. It updates the file all
 * the time, because the runner does not wait for a reporter's last output. `seconds` has the time of each test file.
 */
import { writeFileSync } from 'node:fs';
import { relative } from 'node:path';

export default async function* counts(events) {
  const numbers = {};
  const failedTests = [];
  const seconds = {};
  for await (const { type, data } of events) {
    // The runner's own totals come last, as messages on the outermost level.
    const [, name, value] =
      type === 'test:diagnostic' && data.nesting === 0 ? (/^(\w+) (\d+)$/.exec(data.message) ?? []) : [];
    // A suite fails with its tests, which are reported themselves, or by its own `before` or `after`.
    const isFailure =
      type === 'test:fail' && (data.details?.type !== 'suite' || data.details.error?.failureType === 'hookFailed');
    const isOver = (type === 'test:pass' || type === 'test:fail') && data.nesting === 0 && data.file !== undefined;
    if (isOver) {
      const file = relative('', data.file);
      seconds[file] = (seconds[file] ?? 0) + data.details.duration_ms / 1000;
    }
    if (name !== undefined) numbers[name] = Number(value);
    if (isFailure) failedTests.push(`${data.file ?? ''} ${data.name}`);
    if (name !== undefined || isFailure)
      writeFileSync(process.env.TEST_CALPAIR_COUNTS, JSON.stringify({ ...numbers, failedTests, seconds }));
  }
  yield '';
}
