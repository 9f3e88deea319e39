/** A reporter for node's test runner that writes nothing but the numbers, as JSON, for test/run.mjs. */
export default async function* counts(events) {
  const numbers = {};
  const failed = [];
  for await (const { type, data } of events) {
    // The runner's own sums come last, as messages on the outermost level.
    const [, name, value] = type === 'test:diagnostic' && data.nesting === 0 ? /^(\w+) (\d+)$/.exec(data.message) ?? [] : [];
    if (name !== undefined) numbers[name] = Number(value);
    if (type === 'test:fail' && data.details?.type !== 'suite') failed.push(`${data.file ?? ''} ${data.name}`);
  }
  yield JSON.stringify({ ...numbers, failedTests: failed });
}
