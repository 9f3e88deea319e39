/** A provider is one folder and one line: here both are added to a copy of the project, and nothing else. */
import assert from 'node:assert/strict';
import { appendFileSync, cpSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { copyProject } from '../support/project-copy.ts';
import type { Json, TestApi } from './harness.ts';

describe('a new provider', () => {
  const copy = copyProject();
  const load = async (file: string): Promise<Json> => import(pathToFileURL(join(copy, file)).href);
  let api: TestApi;
  before(async () => {
    mkdirSync(join(copy, 'providers/memory'));
    cpSync(join(copy, 'test/support/memory-provider.ts'), join(copy, 'providers/memory/index.ts'));
    appendFileSync(join(copy, 'providers/registry.ts'), "export { memory } from './memory/index.ts';\n");

    const { readConfig } = await load('config.ts');
    const { createProviders } = await load('providers/entries.ts');
    const providers = await createProviders(readConfig({ MEMORY_CALENDARS: '2' }).providers);
    api = await (await load('test/api/harness.ts')).startApi({}, undefined, { providers });
  });
  after(async () => {
    await api?.close();
    rmSync(copy, { recursive: true, force: true });
  });

  const add = (more: object = {}) =>
    api.call('POST', '/v1/accounts', { provider: 'memory', person: 'anna', pin: '1234', ...more });

  it('has its variables in the configuration', async () => {
    const { readConfig } = await load('config.ts');
    assert.equal('memory' in readConfig({}).providers, false);
    assert.throws(() => readConfig({ MEMORY_CALENDARS: 'many' }), /^ {2}MEMORY_CALENDARS: must be a whole number/m);
  });

  it('takes accounts through the API', async () => {
    const { status, body } = await add({ label: 'Anna' });
    assert.equal(status, 201);
    assert.deepEqual(
      [body.provider, body.preset, body.username, body.label, body.writeCalendarId, body.capabilities],
      ['memory', null, 'anna', 'Anna', 'anna-1', { createCalendar: false }],
    );
    const calendars = await api.call('GET', `/v1/accounts/${body.id}/calendars`);
    assert.deepEqual(
      calendars.body.items.map(({ id }: Json) => id),
      ['anna-0', 'anna-1'],
    );
    const put = (credentials: object) => api.call('PUT', `/v1/accounts/${body.id}/credentials`, credentials);
    assert.equal((await put({ pin: '4321' })).status, 200);
    assert.equal((await put({ pin: '0000' })).body.code, 'credentials-rejected');
    assert.deepEqual((await put({ person: 'bea' })).body.errors.map(({ field }: Json) => field).sort(), [
      'person',
      'pin',
    ]);
    assert.deepEqual(
      (await add({ pin: '1', more: 1 })).body.errors.map(({ field }: Json) => field),
      ['pin', 'more'],
    );
  });

  it('is in the OpenAPI document', async () => {
    const document = (await api.call('GET', '/openapi.json')).body;
    const { post } = document.paths['/v1/accounts'];
    const { schema } = post.requestBody.content['application/json'];
    const body = (schema.oneOf ?? schema.anyOf).find((one: Json) => one.properties.provider.enum[0] === 'memory');
    assert.deepEqual(Object.keys(body.properties).sort(), ['externalId', 'label', 'person', 'pin', 'provider']);
    assert.match(post.description, /Memory: `person`, `pin`/);
  });

  it('is in the console', async () => {
    const described = (await api.call('GET', '/v1/providers')).body.items.find(
      (one: Json) => one.provider === 'memory',
    );
    assert.deepEqual(
      [described.label, described.configured, described.variables, described.presets],
      ['Memory', true, ['MEMORY_CALENDARS'], []],
    );
    const { openConsole } = await load('test/api/console-pages.ts');
    const pages = await openConsole(join(copy, 'api/console'), api);
    assert.match((await pages.accounts()).text, /Add a Memory account/);
    assert.deepEqual((await pages.addAccount('memory')).fields, ['person', 'pin', 'label']);
    const { id } = (await add()).body;
    assert.deepEqual((await pages.newCredentials(id)).fields, ['pin']);
    assert.equal(pages.service({ provider: 'memory', preset: null }), 'Memory');
  });

  it('keeps its packages to its folder', async () => {
    const { packages } = await load('eslint.config.js');
    const rule = packages.find(({ names }: Json) => names.includes('memory-calendars'));
    assert.deepEqual(rule, { names: ['memory-calendars'], allow: ['providers/memory/'] });
  });
});
