/** `ops/kubernetes.yml` fits Calpair, as far as that can be told without a cluster. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { PROJECT_DIR, readConfig } from '../config.ts';

interface Part {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly selector: Record<string, unknown>;
    readonly template?: {
      readonly metadata: { readonly labels: Record<string, string> };
      readonly spec: { readonly containers: readonly Container[]; readonly terminationGracePeriodSeconds: number };
    };
  };
}
interface Container {
  readonly env: readonly { readonly name: string; readonly value: string }[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly livenessProbe: { readonly httpGet: { readonly path: string; readonly port: string } };
  readonly readinessProbe: { readonly httpGet: { readonly path: string; readonly port: string } };
}

const parts = parseAllDocuments(readFileSync(join(PROJECT_DIR, 'ops', 'kubernetes.yml'), 'utf8')).map((document) => {
  assert.deepEqual(document.errors, []);
  return document.toJS() as Part;
});

test('Kubernetes: the variables are known, and ports and probes are those that they set', () => {
  const deployments = parts.filter(({ kind }) => kind === 'Deployment');
  assert.equal(deployments.length, 2);
  for (const { metadata, spec } of deployments) {
    const { containers, terminationGracePeriodSeconds } = spec.template!.spec;
    const [container] = containers;
    const environment = Object.fromEntries(container!.env.map(({ name, value }) => [name, value]));
    const config = readConfig({ ...environment, TEMPORAL_ADDRESS: 't:7233', DATABASE_URL: 'postgres://db/calpair' });
    const isApi = config.roles.includes('api');
    const port = isApi ? config.port : config.workerPort;
    assert.deepEqual(
      container!.ports.map(({ containerPort }) => containerPort),
      [port],
      metadata.name,
    );
    assert.equal(config.isLoopback, false, 'probes come from outside the container');
    assert.equal(container!.livenessProbe.httpGet.path, '/health/live');
    assert.equal(container!.readinessProbe.httpGet.path, '/health/ready');
    assert.ok(terminationGracePeriodSeconds > 30, 'a process ends within 30 s');
    assert.deepEqual(spec.selector['matchLabels'], spec.template!.metadata.labels);
  }
  const service = parts.find(({ kind }) => kind === 'Service')!;
  assert.deepEqual(service.spec.selector, deployments[0]!.spec.template!.metadata.labels);
});
