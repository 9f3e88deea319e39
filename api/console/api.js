/** Calls of the HTTP API. The browser sends the session's cookie, which no script can read. */

import { SHELL, WORDS } from './texts/shell.js';

/** An error of the API as problem+json; `no-answer` where there was no answer. */
export class Problem extends Error {
  constructor({ title, detail = '', code, status = 0, errors = [], serverUrl }) {
    super(title);
    // What is code in the documents is a word here.
    detail = detail.replaceAll('`', '');
    Object.assign(this, { title, detail, code, status, errors, serverUrl });
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
    throw new Problem({ ...SHELL.noAnswer, code: 'no-answer' });
  }
  noteClock(response.headers.get('date'));
  if (response.ok) return answer;
  throw new Problem(
    answer?.code ? answer : { title: SHELL.unknownAnswer(response.status), code: 'unknown', status: response.status },
  );
}

export const get = (path, signal) => call('GET', path, undefined, { signal });

/** Every item of a list, in pages of 1000, at most `most`. */
export async function all(path, signal, most = 20_000) {
  const items = [];
  let cursor = null;
  do {
    const query = new URLSearchParams({ limit: 1000, ...(cursor === null ? {} : { cursor }) });
    const page = await get(`${path}${path.includes('?') ? '&' : '?'}${query}`, signal);
    items.push(...page.items);
    cursor = page.nextCursor;
  } while (cursor !== null && items.length < most);
  return items;
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
