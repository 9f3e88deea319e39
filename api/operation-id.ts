/** The name of a route in the OpenAPI document, in generated clients and in the audit log: `pausePair`. */

/** @param url as Fastify has it: `/v1/pairs/:id/pause` */
export function operationIdOf(method: string, url: string): string {
  const segments = url
    .replace(/^\/v1\//, '/')
    .split('/')
    .filter((segment) => segment !== '');
  const words = segments.filter((segment) => !segment.startsWith(':'));
  const last = words.at(-1) ?? '';
  const isItem = segments.at(-1)?.startsWith(':') === true;
  const owners = words.slice(0, -1).map((word, index) => singular(word, segments[segments.indexOf(word, index) + 1]));
  const named = (verb: string, noun: string): string => verb + pascal([...owners, noun].join('-'));
  switch (method) {
    case 'GET':
      return isItem ? named('get', singular(last)) : named(COLLECTIONS.test(last) ? 'list' : 'get', last);
    case 'PATCH':
      return named('update', singular(last));
    case 'PUT':
      return named('replace', last);
    case 'DELETE':
      return named('delete', singular(last));
    default:
      if (COLLECTIONS.test(last) && !isItem) return named('create', singular(last));
      return camel(last) + pascal(owners.join('-')) + (isItem ? 'Result' : '');
  }
}

const COLLECTIONS =
  /^(?:accounts|api-keys|bookings|calendars|conflicts|connections|events|held-changes|pairs|problems|providers|runs)$/;

/** `next` is the segment after the word: of a collection whose member is named, one is meant. */
function singular(word: string, next = ':'): string {
  return next.startsWith(':') ? word.replace(/s$/, '') : word;
}

function pascal(text: string): string {
  return text.replaceAll(/(?:^|[-.])(\w)/g, (_whole, letter: string) => letter.toUpperCase());
}

function camel(text: string): string {
  return text.replaceAll(/-(\w)/g, (_whole, letter: string) => letter.toUpperCase());
}
