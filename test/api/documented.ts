/**
 * Compares an answer with the OpenAPI document, independently of the server's own serializer.
 */
import assert from 'node:assert/strict';

export type Json = ReturnType<typeof JSON.parse>;

export function assertDocumented(document: Json, method: string, url: string, status: number, body: unknown): void {
  const about = `${method} ${url} → ${status}`;
  const operation = operationOf(document, method, url.split('?')[0] ?? '');
  if (!operation) return assert.equal(status >= 400, true, `${about} is not documented`);
  const given = operation.responses[status] ?? operation.responses[`${Math.floor(status / 100)}XX`];
  const response = given?.$ref === undefined ? given : document.components.responses.Problem;
  assert.ok(response, `${about}: this status is not documented`);
  if (status === 204) return;
  const type = status >= 400 ? 'application/problem+json' : 'application/json';
  assertFits(document, response.content[type].schema, body, about);
}

function operationOf(document: Json, method: string, path: string): Json {
  const found = Object.keys(document.paths).filter(
    (template) =>
      new RegExp(`^${template.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(path) &&
      document.paths[template][method.toLowerCase()],
  );
  return found[0] === undefined ? null : document.paths[found[0]][method.toLowerCase()];
}

/** As much of JSON Schema as the document uses. */
function assertFits(document: Json, given: Json, value: Json, at: string): void {
  const schema = given.$ref
    ? given.$ref
        .slice(2)
        .split('/')
        .reduce((inner: Json, key: string) => inner[key], document)
    : given;
  const alternatives: Json[] | undefined = schema.anyOf ?? schema.oneOf;
  if (alternatives) {
    const fits = alternatives.some((one) => {
      try {
        assertFits(document, one, value, at);
        return true;
      } catch {
        return false;
      }
    });
    return assert.ok(fits, `${at}: ${JSON.stringify(value)} fits no alternative`);
  }
  if (schema.const !== undefined) assert.equal(value, schema.const, at);
  if (schema.enum) assert.ok(schema.enum.includes(value), `${at}: ${JSON.stringify(value)}`);
  if (schema.pattern) assert.match(value, new RegExp(schema.pattern, 'u'), at);
  const type =
    value === null ? 'null' : Array.isArray(value) ? 'array' : Number.isInteger(value) ? 'integer' : typeof value;
  if (schema.type)
    assert.ok(
      [schema.type].flat().some((wanted: string) => wanted === type || (wanted === 'number' && type === 'integer')),
      `${at}: is ${type}`,
    );
  if (type === 'array')
    return value.forEach((item: Json, index: number) =>
      assertFits(document, schema.items ?? {}, item, `${at}[${index}]`),
    );
  if (type !== 'object' || !schema.type) return;
  for (const key of schema.required ?? []) assert.ok(key in value, `${at}.${key} is missing`);
  for (const [key, inner] of Object.entries(value)) {
    const known =
      schema.properties?.[key] ??
      (typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined);
    assert.ok(known, `${at}.${key} is not documented`);
    assertFits(document, known, inner, `${at}.${key}`);
  }
}
