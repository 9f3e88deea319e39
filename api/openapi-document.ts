/**
 * The OpenAPI document as clients get it: what the schemas of the routes do not say themselves is added here, for every
 * route in the same way, so that a new one has it, too.
 */
import { FIELDS } from './openapi-fields.ts';
import { operationIdOf } from './operation-id.ts';

/** Parsed JSON of any shape. */
type Json = ReturnType<typeof JSON.parse>;

/** @param document what `fastify-type-provider-zod` made of the routes; it is not changed */
export function completeDocument(document: unknown): Json {
  const whole: Json = structuredClone(document);
  const schemas: Record<string, Json> = whole.components?.schemas ?? {};
  for (const [path, operations] of Object.entries<Record<string, Json>>(whole.paths ?? {}))
    for (const [method, operation] of Object.entries(operations)) completeOperation(whole, method, path, operation);
  for (const schema of Object.values(schemas)) describeProperties(schema);
  dropUnused(whole, schemas);
  whole.components.responses = {
    Problem: { description: 'Refused or failed: `code` says why.', content: PROBLEM_CONTENT },
  };
  return whole;
}

const PROBLEM_CONTENT = {
  'application/problem+json': {
    schema: { $ref: '#/components/schemas/Problem' },
    example: {
      type: 'urn:calpair:problem:not-found',
      title: 'Not found',
      status: 404,
      detail: 'No pair has this id.',
      code: 'not-found',
    },
  },
};
const PROBLEM = { $ref: '#/components/responses/Problem' };

function completeOperation(whole: Json, method: string, path: string, operation: Json): void {
  operation.operationId ??= operationIdOf(method.toUpperCase(), path.replaceAll(/\{(\w+)\}/g, ':$1'));
  for (const parameter of operation.parameters ?? []) {
    const [description, example] = FIELDS[parameter.name] ?? [];
    parameter.description ??= parameter.schema?.description ?? description;
    if (parameter.schema !== undefined) {
      delete parameter.schema.description;
      tidy(parameter.schema);
      parameter.example = exampleOf(whole, parameter.schema, parameter.name, example);
    }
  }
  const body = operation.requestBody?.content?.['application/json'];
  if (body?.schema !== undefined) {
    describeProperties(body.schema);
    body.example = exampleOf(whole, body.schema, '');
  }
  for (const [status, response] of Object.entries<Json>(operation.responses)) {
    if (/^[45]/.test(status)) operation.responses[status] = problemOr(response);
    else completeResponse(whole, response);
  }
  operation.responses['4XX'] ??= PROBLEM;
}

/** A page for people is documented beside the problem. */
function problemOr({ description, content }: Json): Json {
  const page = content?.['text/html'];
  if (page === undefined) return PROBLEM;
  return { description, content: { 'text/html': { ...page, example: '<!doctype html>…' }, ...PROBLEM_CONTENT } };
}

function completeResponse(whole: Json, response: Json): void {
  const [content] = Object.values<Json>(response.content ?? {});
  const schema = content?.schema;
  if (response.description === undefined || response.description === 'Default Response')
    response.description = descriptionOf(whole, schema);
  if (schema === undefined) return;
  describeProperties(schema);
  content.example = exampleOf(whole, schema, '');
}

function descriptionOf(whole: Json, schema: Json): string {
  const named = (one: Json): string | null => {
    const name: string | undefined = one?.$ref?.split('/').at(-1);
    return name === undefined ? null : name.replaceAll(/(?<=[a-z])(?=[A-Z])/g, ' ').toLowerCase();
  };
  const item = named(resolved(whole, schema)?.properties?.items?.items);
  if (item !== null) return `One page of the list; each item is of the kind \`${item}\`.`;
  const one = named(schema);
  return one === null ? 'Done; what it came to.' : `The ${one}.`;
}

/** Says what each property means, and shows a value, where its schema does not. */
function describeProperties(schema: Json): void {
  if (typeof schema !== 'object' || schema === null) return;
  tidy(schema);
  for (const [name, property] of Object.entries<Json>(schema.properties ?? {})) {
    const [description] = FIELDS[name] ?? [];
    if (property.description === undefined && description !== undefined) property.description = description;
  }
  for (const inner of Object.values(schema)) if (typeof inner === 'object') describeProperties(inner);
}

/** zod limits every integer to what JavaScript counts exactly: that says nothing. */
function tidy(schema: Json): void {
  if (schema.minimum === Number.MIN_SAFE_INTEGER) delete schema.minimum;
  if (schema.maximum === Number.MAX_SAFE_INTEGER) delete schema.maximum;
}

function resolved(whole: Json, schema: Json): Json {
  if (schema?.$ref === undefined) return schema;
  return schema.$ref
    .slice(2)
    .split('/')
    .reduce((at: Json, key: string) => at?.[key], whole);
}

/** A value that fits the schema; for a field with a name of its own, the one that its name usually has. */
function exampleOf(whole: Json, given: Json, name: string, wanted: unknown = FIELDS[name]?.[1]): unknown {
  const schema = resolved(whole, given);
  if (schema.example !== undefined) return schema.example;
  if (wanted !== undefined && fits(schema, wanted)) return wanted;
  if (schema.const !== undefined) return schema.const;
  if (schema.default !== undefined) return schema.default;
  if (schema.enum !== undefined) return schema.enum[0];
  const alternatives: Json[] | undefined = schema.anyOf ?? schema.oneOf;
  if (alternatives !== undefined) return exampleOf(whole, alternatives[0], name, wanted);
  const type = [schema.type].flat()[0];
  if (type === 'array') return [exampleOf(whole, schema.items ?? {}, '')];
  if (type === 'object') {
    const properties = Object.entries<Json>(schema.properties ?? {}).filter(([key]) => isShown(schema, key));
    return Object.fromEntries(properties.map(([key, property]) => [key, exampleOf(whole, property, key)]));
  }
  if (type === 'integer' || type === 'number') return Math.max(1, schema.minimum ?? 1);
  if (type === 'boolean') return true;
  if (type === 'null') return null;
  if (schema.format === 'date-time') return FIELDS['start']?.[1];
  return type === 'string' ? 'text' : {};
}

/** What must be there, and what has a meaning that an example shows. */
function isShown(schema: Json, key: string): boolean {
  return (schema.required ?? []).includes(key) || FIELDS[key]?.[1] !== undefined;
}

/** As far as examples need it. */
function fits(schema: Json, value: unknown): boolean {
  const alternatives: Json[] | undefined = schema.anyOf ?? schema.oneOf;
  if (alternatives !== undefined) return alternatives.some((one) => one.$ref === undefined && fits(one, value));
  if (schema.const !== undefined) return schema.const === value;
  if (schema.enum !== undefined) return schema.enum.includes(value);
  const types = [schema.type].flat().filter((type) => type !== undefined);
  if (types.length === 0) return true;
  if (value === null) return types.includes('null');
  if (Array.isArray(value)) return types.includes('array') && value.every((item) => fits(schema.items ?? {}, item));
  if (typeof value === 'number')
    return (types.includes('number') || types.includes('integer')) && value >= (schema.minimum ?? value);
  if (typeof value === 'object') {
    const required: string[] = schema.required ?? [];
    return (
      types.includes('object') &&
      required.every((key) => key in value) &&
      Object.entries(value).every(([key, inner]) => {
        const known = schema.properties?.[key] ?? schema.additionalProperties;
        return typeof known === 'object' ? fits(known, inner) : known === undefined || known;
      })
    );
  }
  return types.includes(typeof value);
}

/** Each schema exists for input and for output; most are used for one of them. */
function dropUnused(whole: Json, schemas: Record<string, Json>): void {
  for (let isChanged = true; isChanged; ) {
    const text = JSON.stringify(whole);
    const unused = Object.keys(schemas).filter(
      (name) => name !== 'Problem' && !text.includes(`"#/components/schemas/${name}"`),
    );
    for (const name of unused) delete schemas[name];
    isChanged = unused.length > 0;
  }
}
