/** Calls of the HTTP API. The browser sends the session's cookie, which no script can read. */

import { SHELL, WORDS } from './texts/shell.js';

/** The documents' code is a word here: in `detail`s and sentences of the API. */
export const inWords = (text) => text.replaceAll('`', '');

/** An error of the API as problem+json; `no-answer` where there was no answer. */
export class Problem extends Error {
  constructor({ title, detail = '', code, status = 0, errors = [], serverUrl }) {
    super(title);
    Object.assign(this, { title, detail: inWords(detail), code, status, errors, serverUrl });
  }

  /** Title and detail, unless the detail repeats the title. */
  get sentence() {
    return this.detail.startsWith(this.title) ? this.detail : WORDS.reason(this.title, this.detail).trim();
  }
}

/** @throws Problem */
export async function call(method, path, body, { signal } = {}) {
  let response;
  let answer;
  try {
    response = await fetch(path, {
      method,
      signal,
      cache: 'no-store',
      credentials: 'same-origin',
      redirect: 'error',
      headers: body === undefined ? {} : { 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    answer = text === '' ? null : JSON.parse(text);
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Problem({ ...SHELL.noAnswer(method !== 'GET'), code: 'no-answer' });
  }
  noteClock(response.headers.get('date'));
  if (response.ok) return answer;
  throw new Problem(
    answer?.code ? answer : { title: SHELL.unknownAnswer(response.status), code: 'unknown', status: response.status },
  );
}

export const get = (path, signal) => call('GET', path, undefined, { signal });

/** So many items are in one answer at most. */
const PAGE = 1000;

/**
 * The first items of a list, `{items, nextCursor}`: at most `most`, out of at most so many answers. A search may answer
 * with few.
 */
export async function list(path, most, signal, answers = Number.POSITIVE_INFINITY) {
  const items = [];
  let cursor = null;
  for (let n = 0; n < answers && items.length < most; n++) {
    const limit = Math.min(PAGE, most - items.length);
    const query = new URLSearchParams({ limit, ...(cursor === null ? {} : { cursor }) });
    const answer = await get(`${path}${path.includes('?') ? '&' : '?'}${query}`, signal);
    items.push(...answer.items);
    cursor = answer.nextCursor;
    if (cursor === null) break;
  }
  return { items, nextCursor: cursor };
}

/** Every item of a list, as far as there are not very many. */
export async function all(path, signal) {
  return (await list(path, 20_000, signal)).items;
}

let aheadMs = 0;

/** The server's time to the second, so that a wrong clock here shows no wrong "ago". */
export const now = () => Date.now() - aheadMs;

function noteClock(date) {
  const theirs = Date.parse(date ?? '');
  if (Number.isNaN(theirs)) return;
  const ahead = Date.now() - theirs;
  aheadMs = Math.abs(ahead) > 2000 ? ahead : 0;
}
