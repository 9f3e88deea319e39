/** The API as a page, drawn from its OpenAPI document. */
import { h, page, patch, table } from './dom.js';
import { API } from './texts/api.js';

const METHODS = ['get', 'post', 'put', 'patch', 'delete'];
const REF = '#/components/';

const main = document.getElementById('main');
try {
  const answer = await fetch('/openapi.json');
  if (!answer.ok) throw new Error(API.answered(answer.status));
  const api = await answer.json();
  document.title = API.title(api.info.title);
  patch(main, draw(api));
  // The place that the address names is there only now.
  if (location.hash) show(location.hash);
} catch (error) {
  patch(main, page(API.name, API.failed(error.message)));
}
addEventListener('hashchange', () => show(location.hash));

/** Unfolds what a link leads to. */
function show(hash) {
  const target = document.getElementById(decodeURIComponent(hash.slice(1)));
  if (!target) return;
  if (target.nodeName === 'DETAILS') target.open = true;
  target.scrollIntoView();
}

function draw(api) {
  const operations = Object.entries(api.paths).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method]).map((method) => ({ path, method, ...item[method] })),
  );
  const schemas = Object.entries(api.components.schemas);
  return page(
    API.heading(api.info.title, api.info.version),
    api.info.description,
    h('p', {}, ...API.keys(h('code', {}, '/v1'), h('code', {}, 'Authorization: Bearer'), problemLink())),
    h(
      'nav',
      { class: 'sections', 'aria-label': API.sections },
      h(
        'ul',
        {},
        ...[...api.tags.map(({ name }) => name), API.objects].map((name) =>
          h('li', {}, h('a', { href: `#${anchor(name)}` }, name)),
        ),
      ),
    ),
    ...api.tags.map(({ name, description }) =>
      section(
        name,
        description,
        operations.filter(({ tags = [] }) => tags.includes(name)).map((operation) => operationOf(operation)),
      ),
    ),
    section(
      API.objects,
      API.objectsIntro,
      schemas.map(([name, schema]) =>
        fold(name, [h('span', { class: 'path' }, name)], [text(schema.description), shapeOf(name, schema)]),
      ),
    ),
  );
}

function section(name, description, content) {
  return h(
    'section',
    { class: 'api', id: anchor(name) },
    h('h2', {}, name),
    h('p', { class: 'sub' }, description),
    ...content,
  );
}

function fold(id, heading, content) {
  return h('details', { id, class: 'operation' }, h('summary', {}, h('h3', {}, ...heading)), ...content);
}

function operationOf({
  path,
  method,
  operationId,
  summary,
  description,
  security,
  parameters = [],
  requestBody,
  responses,
}) {
  const heading = [
    h('span', { class: 'method' }, method.toUpperCase()),
    ' ',
    h('span', { class: 'path' }, path),
    ' ',
    h('small', {}, summary),
  ];
  const body = requestBody?.content?.['application/json'];
  return fold(operationId, heading, [
    text(description),
    security?.length === 0 ? h('p', {}, API.noKey) : null,
    parameters.length === 0
      ? null
      : table(
          API.parameters(operationId),
          API.parameterColumns,
          parameters.map(({ name, in: where, required, schema, description: meaning }) => ({
            key: `${where} ${name}`,
            cells: [named(name, required), where, typeOf(schema), text(meaning)],
          })),
        ),
    ...(body ? [h('h4', {}, API.body), shapeOf(API.bodyOf(operationId), body.schema), example(body)] : []),
    h('h4', {}, API.answers),
    h(
      'dl',
      { class: 'answers' },
      ...Object.entries(responses).flatMap(([status, answer]) => answerOf(operationId, status, answer)),
    ),
  ]);
}

function problemLink() {
  return h('a', { href: '#Problem' }, API.problem);
}

function answerOf(operationId, status, answer) {
  if (answer.$ref) return [h('dt', {}, status), h('dd', {}, problemLink())];
  const [[type, media] = []] = Object.entries(answer.content ?? {});
  return [
    h('dt', {}, status),
    h(
      'dd',
      {},
      text(answer.description),
      type && type !== 'application/json' ? h('p', {}, h('code', {}, type)) : null,
      media?.schema ? shapeOf(API.answer(status, operationId), media.schema) : null,
      media ? example(media) : null,
    ),
  ];
}

/** An object as a table of its properties; anything else as its type. */
function shapeOf(caption, schema) {
  const alternatives = (schema.oneOf ?? schema.anyOf ?? []).filter(({ type }) => type !== 'null');
  if (alternatives.length > 1)
    return h('div', {}, ...alternatives.map((one, at) => shapeOf(API.alternative(caption, at + 1), one)));
  const object = alternatives[0] ?? schema;
  const properties = Object.entries(object.properties ?? {});
  if (properties.length === 0) return h('p', {}, object.type === 'object' ? API.emptyObject : typeOf(schema));
  return table(
    caption,
    API.propertyColumns,
    properties.map(([name, property]) => ({
      key: name,
      cells: [
        named(name, object.required?.includes(name)),
        typeOf(property),
        [text(property.description), inner(API.property(caption, name), property)],
      ],
    })),
  );
}

/** The properties of an object inside another one. */
function inner(caption, schema) {
  const object =
    schema.type === 'array' ? schema.items : ((schema.anyOf ?? []).find(({ properties }) => properties) ?? schema);
  if (!object?.properties || Object.keys(object.properties).length === 0) return null;
  return h(
    'ul',
    {},
    ...Object.entries(object.properties).map(([name, property]) =>
      h(
        'li',
        {},
        h('code', {}, name),
        ' ',
        typeOf(property),
        property.description ? [': ', ...marked(property.description)] : null,
        inner(`${caption}.${name}`, property),
      ),
    ),
  );
}

function named(name, isRequired) {
  return [h('code', {}, name), isRequired ? h('small', {}, API.required) : null];
}

function typeOf(schema = {}) {
  if (schema.$ref) {
    const name = schema.$ref.slice(schema.$ref.startsWith(REF) ? schema.$ref.lastIndexOf('/') + 1 : 0);
    return h('a', { href: `#${name}` }, name);
  }
  const alternatives = schema.oneOf ?? schema.anyOf;
  if (alternatives) return alternatives.flatMap((one, at) => (at === 0 ? [typeOf(one)] : [API.or, typeOf(one)]));
  if (schema.const !== undefined) return h('code', {}, JSON.stringify(schema.const));
  if (schema.enum) return schema.enum.flatMap((value, at) => [at === 0 ? '' : ', ', h('code', {}, String(value))]);
  if (schema.type === 'array') return [API.listOf, typeOf(schema.items)];
  const types = [schema.type ?? API.anything].flat().join(API.or);
  const limits = [
    schema.format,
    schema.minimum === undefined ? null : API.atLeast(schema.minimum),
    schema.maximum === undefined ? null : API.atMost(schema.maximum),
    schema.minLength === undefined ? null : API.minLength(schema.minLength),
    schema.maxLength === undefined ? null : API.maxLength(schema.maxLength),
    schema.default === undefined ? null : API.default(JSON.stringify(schema.default)),
  ].filter((limit) => limit !== null && limit !== undefined);
  return limits.length === 0 ? types : API.limited(types, limits);
}

function example({ example: value }) {
  if (value === undefined || value === null || (typeof value === 'object' && Object.keys(value).length === 0))
    return null;
  return h(
    'details',
    {},
    h('summary', {}, API.example),
    h('pre', { tabindex: 0 }, h('code', {}, JSON.stringify(value, null, 2))),
  );
}

function text(description) {
  return description ? h('p', {}, ...marked(description)) : null;
}

/** Words between backticks are code. */
function marked(description) {
  return description.split('`').map((part, at) => (at % 2 === 1 ? h('code', {}, part) : part));
}

function anchor(name) {
  return name.replace(/\W+/g, '-');
}
