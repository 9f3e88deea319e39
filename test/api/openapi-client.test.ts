/** The OpenAPI document as other programs read it: a linter, a generator of clients, and people. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { lintFromString, loadConfig } from '@redocly/openapi-core';
import openapiTypescript, { astToString } from 'openapi-typescript';
import ts from 'typescript';
import { PROJECT_DIR } from '../../config.ts';
import { connected, ENV_KEY, type Json, startApi, type TestApi } from './harness.ts';

const CLIENT = `
import type { paths } from './schema.ts';

type Get<Path extends keyof paths> = paths[Path] extends { get: infer Operation } ? Operation : never;
type Answer<Operation> = Operation extends { responses: { 200: { content: { 'application/json': infer Body } } } }
  ? Body
  : never;

export function client(base: string, key: string) {
  return async <Path extends keyof paths>(path: Path): Promise<Answer<Get<Path>>> => {
    const answer = await fetch(base + path, { headers: { authorization: \`Bearer \${key}\` } });
    return (await answer.json()) as Answer<Get<Path>>;
  };
}

export async function labels(base: string, key: string): Promise<string[]> {
  const { items, nextCursor } = await client(base, key)('/v1/accounts');
  const end: string | null = nextCursor;
  return items.map(({ username, status, capabilities }) => {
    const state: 'ok' | 'attention' = status;
    return \`\${username} \${state} \${capabilities.createCalendar} \${end}\`;
  });
}
`;
const WRONG_USES = [
  `import { client } from './client.ts'; void client('', '')('/v1/account');`,
  `import { client } from './client.ts'; void client('', '')('/v1/accounts').then(({ items }) => items[0]!.pasword);`,
  `import type { paths } from './schema.ts';
   type Body = NonNullable<paths['/v1/api-keys']['post']['requestBody']>['content']['application/json'];
   export const body: Body = { name: 'x', scope: 'owner' };`,
];

describe('the OpenAPI document for other programs', () => {
  let api: TestApi;
  let document: Json;
  // In the project, where the compiler finds the types of Node.js.
  const folder = mkdtempSync(join(PROJECT_DIR, 'test/api/.client-'));
  before(async () => {
    api = await startApi();
    document = (await api.call('GET', '/openapi.json')).body;
  });
  after(async () => {
    await api.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const operations = (): [string, Json][] =>
    Object.entries<Record<string, Json>>(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]): [string, Json] => [`${method} ${path}`, operation]),
    );

  it('passes the rules that redocly recommends, without errors or warnings', async () => {
    const config = await loadConfig({ configPath: `${PROJECT_DIR}/redocly.yaml` });
    const problems = await lintFromString({ source: JSON.stringify(document), config, absoluteRef: 'openapi.json' });
    assert.deepEqual(
      problems.map(({ severity, ruleId, message }) => `${severity} ${ruleId}: ${message}`),
      [],
    );
    const broken = structuredClone(document);
    delete broken.paths['/v1/pairs'].get.operationId;
    const source = JSON.stringify(broken);
    assert.equal((await lintFromString({ source, config, absoluteRef: 'openapi.json' })).length, 1);
  });

  it('names and describes every operation, answer, parameter and property, with an example', () => {
    const ids = operations().map(([, operation]) => operation.operationId);
    assert.equal(new Set(ids).size, ids.length, ids.join(' '));
    for (const [route, operation] of operations()) {
      for (const parameter of operation.parameters ?? [])
        assert.ok(parameter.description && parameter.example !== undefined, `${route} ${parameter.name}`);
      for (const [status, response] of Object.entries<Json>(operation.responses)) {
        if (response.$ref !== undefined) continue;
        assert.ok(response.description && response.description !== 'Default Response', `${route} ${status}`);
        for (const content of Object.values<Json>(response.content ?? {}))
          assert.ok(content.example !== undefined, `${route} ${status}`);
      }
      const body = operation.requestBody?.content['application/json'];
      if (body !== undefined) assert.ok(body.example !== undefined, route);
    }
    assert.deepEqual(undescribed(document, ''), []);
    assert.equal(document.info.license.identifier, 'Apache-2.0');
    assert.equal(document.servers.length, 1);
  });

  it('shows no sample that nobody would write, and no schema that nothing uses', () => {
    const text = JSON.stringify(document);
    for (const odd of ['9007199254740991', 'Default Response']) assert.ok(!text.includes(odd), odd);
    for (const name of Object.keys(document.components.schemas))
      assert.ok(text.includes(`"#/components/schemas/${name}"`), name);
    const examples = JSON.stringify(
      operations().map(([, { requestBody, responses }]) => [
        requestBody?.content['application/json']?.example,
        ...Object.values<Json>(responses).map(({ content }) => content?.['application/json']?.example),
      ]),
    );
    assert.doesNotMatch(examples, /P\{Cc\}/);
  });

  it('has examples of bodies that the server accepts as valid', async () => {
    for (const [route, { requestBody }] of operations()) {
      const example = requestBody?.content['application/json']?.example;
      if (example === undefined) continue;
      const [method, path] = route.split(' ') as [string, string];
      const answer = await api.app.inject({
        method: method.toUpperCase() as 'POST',
        url: path.replaceAll(/\{\w+\}/g, '01936d4e-7c00-7b7e-9d3a-2f4a5b6c7d8e'),
        headers: { authorization: `Bearer ${ENV_KEY}` },
        payload: example,
      });
      const said = answer.body === '' ? '' : answer.json();
      assert.notEqual(said.code, 'validation', `${route} ${JSON.stringify(example)} ${JSON.stringify(said.errors)}`);
    }
  });

  it('makes a TypeScript client that compiles and reads this API, and refuses what is wrong', async () => {
    await connected(api);
    const write = (name: string, text: string): string => {
      writeFileSync(join(folder, name), text);
      return join(folder, name);
    };
    write('schema.ts', astToString(await openapiTypescript(JSON.stringify(document))));
    const file = write('client.ts', CLIENT);
    const wrong = WRONG_USES.map((text, index) => write(`wrong-${index}.ts`, text));
    const errors = compile([file, ...wrong]);
    assert.deepEqual(errors.get(file), undefined, errors.get(file));
    for (const one of wrong) assert.ok(errors.get(one), `${one} compiles`);
    const { labels } = (await import(pathToFileURL(file).href)) as {
      labels: (base: string, key: string) => Promise<string[]>;
    };
    const base = await api.app.listen({ host: '127.0.0.1', port: 0 });
    const shown = await labels(base, ENV_KEY);
    for (const label of ['anna ok true null', 'bea ok true null']) assert.ok(shown.includes(label), shown.join());
  });
});

/** By file: what the compiler says. */
function compile(files: readonly string[]): Map<string, string> {
  const program = ts.createProgram([...files], {
    strict: true,
    noEmit: true,
    allowImportingTsExtensions: true,
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    types: ['node'],
    skipLibCheck: true,
  });
  const errors = ts.getPreEmitDiagnostics(program);
  return new Map(
    errors.map(({ file, messageText }) => [file?.fileName ?? '', ts.flattenDiagnosticMessageText(messageText, ' ')]),
  );
}

/** Properties without a description: of a reference, its target has one. */
function undescribed(schema: Json, at: string): string[] {
  if (typeof schema !== 'object' || schema === null) return [];
  return Object.entries<Json>(schema).flatMap(([key, value]) => {
    const inner = undescribed(value, `${at}/${key}`);
    if (!at.endsWith('/properties') || value.description !== undefined || value.$ref !== undefined) return inner;
    return [`${at}/${key}`, ...inner];
  });
}
