/**
 * A reporter for node's test runner that writes nothing but the numbers, as JSON, for test/run.mjs. It keeps the file
 * up to date all the time, as the runner does not wait for what a reporter still has to say at the end.
 */
import { writeFileSync } from 'node:fs';

export default async function* counts(events) {
  const numbers = {};
  const failedTests = [];
  for await (const { type, data } of events) {
    // The runner's own sums come last, as messages on the outermost level.
    const [, name, value] =
      type === 'test:diagnostic' && data.nesting === 0 ? (/^(\w+) (\d+)$/.exec(data.message) ?? []) : [];
    // A suite fails with its tests, which are told themselves, or by its own `before` or `after`.
    const isFailure =
      type === 'test:fail' && (data.details?.type !== 'suite' || data.details.error?.failureType === 'hookFailed');
    if (name !== undefined) numbers[name] = Number(value);
    if (isFailure) failedTests.push(`${data.file ?? ''} ${data.name}`);
    if (name !== undefined || isFailure)
      writeFileSync(process.env.CALPAIR_TEST_COUNTS, JSON.stringify({ ...numbers, failedTests }));
  }
  yield '';
}
