/**
 * The API against its own document: Schemathesis (PyPI) makes requests of every kind that the document describes, and
 * such that it forbids. No answer is a 5xx, has an undocumented status or type, or breaks its schema.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import type { Provider } from '../../providers/provider.ts';
import { pythonWith } from '../support/python.ts';
import { connected, ENV_KEY, startApi } from './harness.ts';

const SECONDS = 60;
const CHECKS = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_schema_conformance',
  'use_after_free',
];

test('no request that the document describes, or forbids, gets an undocumented answer', {
  timeout: 600_000,
}, async () => {
  const python = await pythonWith('schemathesis==4.32.5');
  const folder = mkdtempSync(join(tmpdir(), 'calpair-fuzz-'));
  // Every service is set up, and no server is there: what is left to fail is the API itself.
  const api = await startApi({}, undefined, { fetch: async () => new Response('', { status: 404 }) });
  (api.deps.providers as Map<string, Provider>).set('microsoft', api.service.provider('microsoft') as Provider);
  try {
    await connected(api);
    const url = await api.app.listen({ host: '127.0.0.1', port: 0 });
    const args = [
      join(python, '..', 'schemathesis'),
      ...['run', `${url}/openapi.json`, '--header', `Authorization: Bearer ${ENV_KEY}`],
      ...['--checks', CHECKS.join(','), '--max-time', String(SECONDS), '--seed', '1', '--no-shrink', '--no-color'],
      ...[
        '--continue-on-failure',
        '--warnings',
        'off',
        '--generation-database',
        'none',
        '--max-examples',
        '20',
        '--request-timeout',
        '60',
      ],
    ];
    const { code, stdout } = await promisify(execFile)(python, args, { cwd: folder, maxBuffer: 1e8 }).then(
      (done) => ({ code: 0, stdout: done.stdout }),
      (error: { code: number; stdout: string }) => error,
    );
    assert.equal(code, 0, stdout.slice(-20_000));
  } finally {
    await api.close();
    rmSync(folder, { recursive: true, force: true });
  }
});
