/**
 * A reporter for node's test runner that writes only the numbers, as JSON, for test/run.mjs. It updates the file all
 * the time, because the runner does not wait for a reporter's last output.
 */
import { writeFileSync } from 'node:fs';

export default async function* counts(events) {
  const numbers = {};
  const failedTests = [];
  for await (const { type, data } of events) {
    // The runner's own totals come last, as messages on the outermost level.
    const [, name, value] =
      type === 'test:diagnostic' && data.nesting === 0 ? (/^(\w+) (\d+)$/.exec(data.message) ?? []) : [];
    // A suite fails with its tests, which are reported themselves, or by its own `before` or `after`.
    const isFailure =
      type === 'test:fail' && (data.details?.type !== 'suite' || data.details.error?.failureType === 'hookFailed');
    if (name !== undefined) numbers[name] = Number(value);
    if (isFailure) failedTests.push(`${data.file ?? ''} ${data.name}`);
    if (name !== undefined || isFailure)
      writeFileSync(process.env.TEST_CALPAIR_COUNTS, JSON.stringify({ ...numbers, failedTests }));
  }
  yield '';
}
