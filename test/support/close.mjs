/**
 * Loaded before every test file: ends it soon after its last test, even if a failed test left something open. The
 * runner's own `--test-force-exit` ends a file before it has reported all its tests.
 */
import { after } from 'node:test';

const REST_MS = 10_000;

// Only in the test files, not in the runner, which loads this too.
if (process.env.NODE_TEST_CONTEXT) after(() => void setTimeout(() => process.exit(), REST_MS).unref());
