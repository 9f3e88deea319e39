/** Names of calendars, loaded from the services now and then, two accounts at a time. Until then ids are shown. */
import { all } from './api.js';

const RELOAD_MS = 10 * 60_000;
const RELOAD_AFTER_FAILURE_MS = 60_000;
const AT_ONCE = 2;

/** By account: `{names: Map, until}`. */
const loaded = new Map();
const waiting = [];
let loading = 0;
let onLoaded = () => {};

/** `listener` is called when names have been loaded. */
export function whenNamesCome(listener) {
  onLoaded = listener;
}

export function forgetNames() {
  loaded.clear();
  waiting.length = 0;
}

/** Calendars with names that none of them shares with another: the end of the id distinguishes them. */
export function withOwnNames(calendars) {
  const isShared = ({ name }) => calendars.filter((one) => one.name === name).length > 1;
  return calendars.map((one) => (isShared(one) ? { ...one, name: `${one.name} (${shortId(one.id)})` } : one));
}

/** The calendar's name, or the end of its id. */
export function calendarName(accountId, calendarId) {
  const entry = loaded.get(accountId);
  if (accountId && (entry === undefined || entry.until < Date.now())) {
    loaded.set(accountId, { names: entry?.names ?? new Map(), until: Infinity });
    waiting.push(accountId);
    loadNext();
  }
  return entry?.names.get(calendarId) ?? shortId(calendarId);
}

function loadNext() {
  while (loading < AT_ONCE && waiting.length > 0) {
    const accountId = waiting.shift();
    loading += 1;
    void load(accountId).finally(() => {
      loading -= 1;
      loadNext();
    });
  }
}

async function load(accountId) {
  try {
    const calendars = await all(`/v1/accounts/${encodeURIComponent(accountId)}/calendars`);
    loaded.set(accountId, {
      names: new Map(withOwnNames(calendars).map(({ id, name }) => [id, name])),
      until: Date.now() + RELOAD_MS,
    });
    onLoaded();
  } catch {
    const names = loaded.get(accountId)?.names ?? new Map();
    loaded.set(accountId, { names, until: Date.now() + RELOAD_AFTER_FAILURE_MS });
  }
}

function shortId(id) {
  const parts = id.split('/').filter((part) => part !== '');
  const text = parts.length > 2 ? `…/${parts.slice(-2).join('/')}` : id;
  return text.length > 60 ? `…${text.slice(-60)}` : text;
}
