/**
 * Names of calendars, asked from the services once in a while and two accounts at a time; until one is known its id is
 * shown.
 */
import { all } from './api.js';

const ASK_AGAIN_MS = 10 * 60_000;
const ASK_AGAIN_AFTER_FAILURE_MS = 60_000;
const AT_ONCE = 2;

/** By account: `{names: Map, until}`. */
const known = new Map();
const waiting = [];
let asking = 0;
let onNews = () => {};

/** `listener` is called when names have become known. */
export function whenNamesCome(listener) {
  onNews = listener;
}

export function forgetNames() {
  known.clear();
  waiting.length = 0;
}

/** The calendar's name, or the end of its id. */
export function calendarName(accountId, calendarId) {
  const entry = known.get(accountId);
  if (accountId && (entry === undefined || entry.until < Date.now())) {
    known.set(accountId, { names: entry?.names ?? new Map(), until: Infinity });
    waiting.push(accountId);
    askNext();
  }
  return entry?.names.get(calendarId) ?? shortId(calendarId);
}

function askNext() {
  while (asking < AT_ONCE && waiting.length > 0) {
    const accountId = waiting.shift();
    asking += 1;
    void ask(accountId).finally(() => {
      asking -= 1;
      askNext();
    });
  }
}

async function ask(accountId) {
  try {
    const calendars = await all(`/v1/accounts/${encodeURIComponent(accountId)}/calendars`);
    known.set(accountId, {
      names: new Map(calendars.map(({ id, name }) => [id, name])),
      until: Date.now() + ASK_AGAIN_MS,
    });
    onNews();
  } catch {
    const names = known.get(accountId)?.names ?? new Map();
    known.set(accountId, { names, until: Date.now() + ASK_AGAIN_AFTER_FAILURE_MS });
  }
}

function shortId(id) {
  const parts = id.split('/').filter((part) => part !== '');
  const text = parts.length > 2 ? `…/${parts.slice(-2).join('/')}` : id;
  return text.length > 60 ? `…${text.slice(-60)}` : text;
}
