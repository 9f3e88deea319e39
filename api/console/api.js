/** The HTTP API as the console calls it. The key is in sessionStorage only: it is gone with the tab. */

const STORED = 'calpair-api-key';

/** What the API refused, in the words of problem+json; `no-answer` where nothing came back. */
export class Problem extends Error {
  constructor({ title, detail = '', code, status = 0, errors = [] }) {
    super(title);
    Object.assign(this, { title, detail, code, status, errors });
  }

  /** Title and detail, where the detail does not say the same. */
  get sentence() {
    return this.detail.startsWith(this.title) ? this.detail : `${this.title}. ${this.detail}`.trim();
  }
}

export const key = {
  get: () => sessionStorage.getItem(STORED),
  set: (value) => sessionStorage.setItem(STORED, value),
  forget: () => sessionStorage.removeItem(STORED),
};

/** What a header can hold; anything else cannot be a key. */
export const looksLikeKey = (text) => /^[\x21-\x7e]{1,512}$/.test(text);

/** @throws Problem */
export async function call(method, path, body, { signal, as = key.get() } = {}) {
  let response;
  let answer;
  try {
    response = await fetch(path, {
      method,
      signal,
      cache: 'no-store',
      credentials: 'omit',
      redirect: 'error',
      headers: {
        ...(as ? { authorization: `Bearer ${as}` } : {}),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    answer = text === '' ? null : JSON.parse(text);
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Problem({
      title: 'Calpair does not answer',
      detail: 'It is tried again by itself. Is it running?',
      code: 'no-answer',
    });
  }
  noteClock(response.headers.get('date'));
  if (response.ok) return answer;
  throw new Problem(
    answer?.code ? answer : { title: `Calpair answered ${response.status}`, code: 'unknown', status: response.status },
  );
}

export const get = (path, signal) => call('GET', path, undefined, { signal });

/** Every item of a list, in pages of 1000, at most `most`. */
export async function all(path, signal, most = 20_000) {
  const items = [];
  let cursor = null;
  do {
    const page = await get(
      `${path}${path.includes('?') ? '&' : '?'}limit=1000${cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`}`,
      signal,
    );
    items.push(...page.items);
    cursor = page.nextCursor;
  } while (cursor !== null && items.length < most);
  return items;
}

let aheadMs = 0;

/** The server's clock, so that a wrong one here tells no wrong "ago"; to the second. */
export const now = () => Date.now() - aheadMs;

function noteClock(date) {
  const theirs = Date.parse(date ?? '');
  if (Number.isNaN(theirs)) return;
  const ahead = Date.now() - theirs;
  aheadMs = Math.abs(ahead) > 2000 ? ahead : 0;
}
