/** How the console names codes, services, sides and times. */
import { now } from './api.js';
import { h, plain } from './dom.js';
import { serviceOf } from './providers.js';

/** Texts by code, of `core/texts.ts`: `{title, hint?}`. They come with `/console/config.json`. */
const texts = {};
export const useTexts = (given) => Object.assign(texts, given);
const title = (table, code) => texts[table]?.[code]?.title ?? code;

export const statusTitle = (status) => title('PAIR_STATUS', status);
export const resultTitle = (result) => title('RUN_RESULT', result);
export const triggerTitle = (trigger) => title('RUN_TRIGGER', trigger);
export const problemTitle = (code) => title('EVENT_PROBLEMS', code);
export const heldTitle = (reason) => title('HELD_REASON', reason);
export const keptReason = (reason) => texts.KEPT_REASONS?.[reason] ?? reason;
export const errorTitle = (code) => title('SYNC_ERRORS', code);
/** Why a pair or an account needs attention, and what a person can do: `{title, hint}`, or undefined. */
export const attentionOf = (reason) => texts.ATTENTION?.[reason];

/** Why a sign-in by browser gave no account: `{title, detail}`. */
export const signInText = (code) =>
  texts.SIGN_IN?.[code] ?? { title: 'The sign-in did not succeed', detail: `The service said ${plain(code, 60)}.` };

export const accountName = (account) => plain(account.label ?? account.username, 80);

/** What to call the account of each side: the service and the person. */
export function sideNames(caldav, cloud) {
  const nameOf = (account, otherwise) => (account ? `${serviceOf(account)} (${accountName(account)})` : otherwise);
  return { caldav: nameOf(caldav, 'CalDAV'), cloud: nameOf(cloud, 'Cloud') };
}

/** What to call a calendar wherever it is not clear which one is meant. */
export function placeOf(calendar, account) {
  const name = plain(calendar, 60);
  // The first calendar of many accounts is called after its owner.
  return account.endsWith(`(${name})`) ? account : `${name} at ${account}`;
}

export function directionOf(direction, sides) {
  if (direction === 'caldav-to-cloud') return `only from ${sides.caldav} to ${sides.cloud}`;
  if (direction === 'cloud-to-caldav') return `only from ${sides.cloud} to ${sides.caldav}`;
  return 'both ways';
}

/** The same as a choice in a form, beside its arrow. */
export function directionChoice(direction, sides) {
  if (direction === 'caldav-to-cloud') return `Only from ${sides.caldav} to ${sides.cloud}`;
  if (direction === 'cloud-to-caldav') return `Only from ${sides.cloud} to ${sides.caldav}`;
  return `Both ways between ${sides.caldav} and ${sides.cloud}`;
}

export const ARROW = { bidirectional: '⇄', 'caldav-to-cloud': '→', 'cloud-to-caldav': '←' };

/** Replaces the side at the beginning of a `statusDetail` by its name. */
export function detailOf(detail, sides) {
  const [, side, rest] = /^(caldav|cloud): (.*)$/s.exec(detail ?? '') ?? [];
  return side ? `${sides[side]}: ${rest}` : detail;
}

export function count(n, one, many = `${one}s`) {
  return `${n.toLocaleString('en')} ${n === 1 ? one : many}`;
}

/** "every 5 minutes" */
export function intervalText(seconds) {
  const units = [
    [86_400, 'day'],
    [3600, 'hour'],
    [60, 'minute'],
    [1, 'second'],
  ];
  const [size, name] = units.find(([one]) => seconds % one === 0);
  return seconds === size ? `every ${name}` : `every ${count(seconds / size, name)}`;
}

/** "12 s ago", "in 4 min", with the whole date to hover. */
export function when(instant, otherwise = 'never') {
  if (instant === null || instant === undefined) return h('span', { class: 'none' }, otherwise);
  const date = new Date(instant);
  const seconds = Math.round((date.getTime() - now()) / 1000);
  const span = spanOf(Math.abs(seconds));
  const text = seconds > 0 ? `in ${span}` : seconds > -2 ? 'just now' : `${span} ago`;
  return h('time', { datetime: instant, title: date.toLocaleString() }, text);
}

export function took(from, to) {
  const ms = Math.max(0, new Date(to).getTime() - new Date(from).getTime());
  return h('time', {}, ms < 10_000 ? `${(ms / 1000).toFixed(1)} s` : spanOf(Math.round(ms / 1000)));
}

function spanOf(seconds) {
  if (seconds < 90) return `${seconds} s`;
  if (seconds < 90 * 60) return `${Math.round(seconds / 60)} min`;
  if (seconds < 36 * 3600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} days`;
}
