/** Codes of the API in words for a person, and what to do about them. */
import { now } from './api.js';
import { h, plain } from './dom.js';
import { serviceOf } from './providers.js';

export const STATUS = {
  active: 'In sync',
  syncing: 'Writing',
  starting: 'First run',
  paused: 'Paused',
  attention: 'Needs attention',
  stopped: 'Stopped',
};

/** Of a pair in `attention`: what is the matter, and what a person can do. */
export const REASON = {
  credentials: [
    'The service refuses the credentials',
    'Enter new credentials for the account; the pair then goes on by itself.',
  ],
  'calendar-missing': [
    'A calendar cannot be found',
    'Check that it still exists and that the account may read it. Nothing is deleted on the ' +
      'other side. If it is gone for good, delete the pair.',
  ],
  'held-changes': [
    'Deletions wait for your decision',
    'Look at them, then delete them on the other side as well, or bring the events back.',
  ],
  quota: [
    'A limit of the service is used up',
    'Nothing needs to be done: the pair waits and goes on by itself. Fewer pairs or longer ' +
      'intervals help if it happens often.',
  ],
  unreachable: [
    'A server has not answered for 30 minutes',
    'Check that it is up and can be reached from here. The pair goes on as soon as it answers.',
  ],
  error: ['Something goes wrong again and again', 'The last runs and the log say more. The pair keeps trying.'],
};

export const RESULT = { running: 'Running', ok: 'Done', partial: 'Partly done', failed: 'Failed' };
export const TRIGGER = {
  start: 'First run',
  poll: 'Regular look',
  signal: 'Asked for',
  webhook: 'Told by the service',
  resync: 'Full comparison',
};

export const PROBLEM = {
  'would-mail-attendees': 'Would mail the guests',
  'recurrence-written-out': 'Written out as single events',
  'recurrence-too-dense': 'Repeats too often',
  'cancelled-not-carried': 'A cancellation is not carried over',
  'zone-unknown': 'Unknown time zone',
  'text-too-long': 'Text too long',
  unreadable: 'Cannot be read',
  'rejected-by-server': 'Refused by the server',
  flapping: 'Keeps changing back',
  'too-large': 'Too large',
  forbidden: 'Not allowed',
};

export const HELD = {
  'too-many': 'Many deletions at once',
  'would-empty': 'It would empty the calendar',
  'has-guests': 'Other people are invited',
  'lost-on-both': 'Both sides lost it',
};

export const ERROR = {
  throttled: 'Asked to wait',
  unreachable: 'No answer',
  'calendar-missing': 'Calendar missing',
  auth: 'Credentials refused',
  'different-account': "Another person's account",
  quota: 'Limit used up',
  'not-a-caldav-server': 'No CalDAV there',
  'address-not-allowed': 'Address not allowed',
};

export const accountName = (account) => plain(account.label ?? account.username, 80);

/** What to call each side: the service, and the user where both have the same. */
export function sideNames(caldav, cloud) {
  const [one, other] = [caldav ? serviceOf(caldav) : 'CalDAV', cloud ? serviceOf(cloud) : 'Cloud'];
  return one === other && caldav && cloud
    ? { caldav: `${one} (${accountName(caldav)})`, cloud: `${other} (${accountName(cloud)})` }
    : { caldav: one, cloud: other };
}

export function directionOf(direction, sides) {
  if (direction === 'caldav-to-cloud') return `only from ${sides.caldav} to ${sides.cloud}`;
  if (direction === 'cloud-to-caldav') return `only from ${sides.cloud} to ${sides.caldav}`;
  return 'both ways';
}
export const ARROW = { bidirectional: '⇄', 'caldav-to-cloud': '→', 'cloud-to-caldav': '←' };

/** A detail of the API begins with the name of a side. */
export function detailOf(detail, sides) {
  const [, side, rest] = /^(caldav|cloud): (.*)$/s.exec(detail ?? '') ?? [];
  return side ? `${sides[side]}: ${rest}` : detail;
}

export function count(n, one, many = `${one}s`) {
  return `${n.toLocaleString('en')} ${n === 1 ? one : many}`;
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
