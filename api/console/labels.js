/** How the console names codes, services, sides and times. */
import { now } from './api.js';
import { h, plain } from './dom.js';
import { serviceOf } from './providers.js';
import { WORDS } from './texts/shell.js';
import { duration, fromNow } from './texts/units.js';

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
export const signInText = (code) => texts.SIGN_IN?.[code] ?? WORDS.serviceSaid(plain(code, 60));

export const accountName = (account) => plain(account.label ?? account.username, 80);

/** What to call an account where there are several: the service and the person. */
export const fullName = (account) => WORDS.account(serviceOf(account), accountName(account));

/** The account of each side by its full name, and by its server where both would be called the same. */
export function sideNames(caldav, cloud) {
  const names = { caldav: caldav ? fullName(caldav) : WORDS.caldav, cloud: cloud ? fullName(cloud) : WORDS.cloud };
  if (names.caldav !== names.cloud || !caldav || !cloud || caldav.server === cloud.server) return names;
  return { caldav: nameAtServer(caldav), cloud: nameAtServer(cloud) };
}

const nameAtServer = (account) =>
  WORDS.account(serviceOf(account), WORDS.personAt(accountName(account), plain(account.server ?? '', 80)));

/** The service, and which server of it, where it has many. */
export function serviceAt(account) {
  const service = serviceOf(account);
  return account.server ? WORDS.serviceAt(service, plain(account.server, 80)) : service;
}

/** What to call a calendar wherever it is not clear which one is meant. */
export function placeOf(calendar, account) {
  const name = plain(calendar, 60);
  // The first calendar of many accounts is called after its owner.
  return account.endsWith(`(${name})`) ? account : WORDS.calendarAt(name, account);
}

export const ARROW = { bidirectional: '⇄', 'caldav-to-cloud': '→', 'cloud-to-caldav': '←' };

/** Replaces the side at the beginning of a `statusDetail` by its name. */
export function detailOf(detail, sides) {
  const [, side, rest] = /^(caldav|cloud): (.*)$/s.exec(detail ?? '') ?? [];
  return side ? `${sides[side]}: ${rest}` : detail;
}

/** Works, or needs attention. */
export function accountBadge({ status }) {
  return status === 'ok' ? badge('active', WORDS.works) : badge('attention', WORDS.needsAttention);
}

/** @param kind a class of the style sheet, which says the colour */
export const badge = (kind, text) => h('span', { class: `badge ${kind}` }, text);

/** How long ago, or ahead, with the whole date to hover. */
export function when(instant, otherwise = WORDS.never) {
  if (instant === null || instant === undefined) return h('span', { class: 'none' }, otherwise);
  const date = new Date(instant);
  const seconds = Math.round((date.getTime() - now()) / 1000);
  return h('time', { datetime: instant, title: date.toLocaleString() }, fromNow(seconds));
}

export function took(from, to) {
  return h('time', {}, duration(Math.max(0, new Date(to).getTime() - new Date(from).getTime())));
}
