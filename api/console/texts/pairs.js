/** Pairs: their list, their page with its sections, their settings. */
import { count, number } from './units.js';

export const OVERVIEW = {
  title: 'Pairs',
  setUp: 'Set up a pair',
  /** By status. */
  filters: { attention: 'Needs attention', active: 'In sync', paused: 'Paused' },
  inTemporal: 'Their workflows in Temporal',
  noneOfStatus: 'No pair has this status.',
  emptyHeading: 'Nothing is synced yet',
  empty:
    'Connect a CalDAV account and a cloud account, choose a calendar of each, look at the preview, and start. It ' +
    'takes about two minutes.',
  connectedAlready: (n) => `${count(n, 'account is', 'accounts are')} connected already.`,
  begin: 'Begin',
};

export const PAIR = {
  title: 'Pair',
  back: 'All pairs',
  waiting: 'Waiting for a server',
  renew: (account) => ['Enter new credentials for ', account],
  facts: {
    lastSync: 'Last sync',
    nextPoll: 'Next poll',
    events: 'Events on both sides',
    problems: 'Problems',
    held: 'Held deletions',
    conflicts: 'Conflicts',
  },
  whenResumed: 'when resumed',
  now: 'now',
  direction: (way, { caldav, cloud }) =>
    ({
      bidirectional: 'both ways',
      'caldav-to-cloud': `only from ${caldav} to ${cloud}`,
      'cloud-to-caldav': `only from ${cloud} to ${caldav}`,
    })[way],
  reportsChanges: (account) => `${account} reports changes by itself`,
  isAsked: (account, interval) => `${account} is asked ${interval}`,
  sync: 'Sync now',
  syncBegan: 'The sync has begun.',
  pause: 'Pause',
  paused: 'The pair is paused.',
  resume: 'Resume',
  resumed: 'The pair is resumed; a sync has begun.',
  preview: 'Preview',
  previewed: 'Nothing was written. Below is what a sync would do.',
  events: 'Events',
  settings: 'Settings',
  resync: 'Full comparison …',
  resyncQuestion: {
    title: 'Compare everything?',
    yes: 'Compare',
    text:
      'Both calendars are read in full and compared event by event. Differences are synced by the usual rules, and ' +
      'many deletions at once still wait for your decision. Large calendars take a while.',
  },
  resyncBegan: 'The full comparison has begun.',
  removeQuestion: {
    title: 'Delete this pair?',
    yes: 'Delete the pair',
    text:
      'The two calendars are no longer kept in sync, and what Calpair stored of their events is deleted. All events ' +
      'stay on both sides.',
  },
  removed: 'The pair is deleted. All events stay.',
  workflow: 'Workflow in Temporal',
  writtenTo: (side) => `Written to ${side}`,
  /** By what is done to events; the amount stands before it. */
  written: { created: 'new', updated: 'changed', deleted: 'deleted' },
  amount: (n, word) => `${number(n)} ${word}`,
  listMore: (total) => `List more of ${number(total)}`,
};

export const PREVIEW = {
  heading: 'What a sync would do',
  nothing: 'Nothing would be written.',
  linked: (n) => `${count(n, 'event')} on both sides would be linked instead of copied.`,
  held: (n) => `${count(n, 'deletion')} would wait for your decision.`,
  conflicts: (n) => `${count(n, 'conflict')} would be resolved and listed.`,
  compared: (time) => ['Compared ', time, '; nothing was written.'],
  comparing: 'Comparing both calendars',
  reading: 'Both calendars are read and compared …',
  read: (n) => `${count(n, 'event')} read …`,
  progress: (done, total) => `${number(done)} of ${count(total, 'event')} compared …`,
  changes: (n) => count(n, 'change'),
  changesCaption: 'What would be written',
  changesColumns: ['Event', 'Start', 'Where', 'What'],
  actions: { create: 'new', update: 'changed', delete: 'deleted' },
  matches: (n) => count(n, 'match', 'matches'),
  matchesCaption: 'Events on both sides that would be linked',
  matchesColumns: ['Event', 'Start', 'Matched by'],
  matchedBy: (by) => (by === 'uid' ? 'same UID' : 'same title, start and recurrence'),
  show: (amount) => `Show ${amount}`,
  showFirst: (n, amount) => `Show the first ${n} of ${amount}`,
};

export const HELD = {
  heading: 'Held deletions',
  intro: (n) =>
    `${count(n, 'deletion waits', 'deletions wait')} for your decision. Until then the events stay where they are. ` +
    'Tick some to decide only about them.',
  /** What the two buttons are about. */
  restore: (all, ticked) => (all === 1 ? 'Restore it …' : `Restore ${chosen(all, ticked)} …`),
  delete: (all, ticked) => (all === 1 ? 'Delete it …' : `Delete ${chosen(all, ticked)} …`),
  stillIn: (side) => `Still in ${side}, deleted on the other side`,
  onBoth: 'Deleted on both sides',
  columns: ['Event', 'Start', 'Why it waits', 'Since'],
  listMore: 'List more',
  untitled: 'an event without a title',
  /** `sides`: `[name, n]` of each side that loses events; `lost`: how many are gone on both sides. */
  applying: (n, name, sides, lost) => ({
    title:
      sides.length === 1 && lost === 0
        ? `Delete ${n === 1 ? name : count(n, 'event')} from ${sides[0][0]}?`
        : `Delete ${n === 1 ? name : count(n, 'event')}?`,
    yes: n === 1 ? 'Delete it' : `Delete all ${number(n)}`,
    text: [
      ...sides.map(
        ([side, some]) =>
          `${count(some, 'event is', 'events are')} deleted from ${side}, since the other side has already deleted ` +
          `${some === 1 ? 'it' : 'them'}.`,
      ),
      ...(lost > 0
        ? [`${count(lost, 'event is', 'events are')} already deleted on both sides and no longer listed.`]
        : []),
    ].join('\n'),
  }),
  /** `sides`: `[name, n]` of each side that gets events. */
  restoring: (n, name, sides, lost) => ({
    title: `Restore ${n === 1 ? name : count(n, 'event')}?`,
    yes: n === 1 ? 'Restore it' : `Restore all ${number(n)}`,
    text: [
      ...sides.map(
        ([side, some]) => `${count(some, 'event is', 'events are')} written to ${side} again. Nothing is deleted.`,
      ),
      ...(lost > 0 ? [`${count(lost, 'event is', 'events are')} written to both sides again.`] : []),
    ].join('\n'),
  }),
  decided: 'Decided. A run carries it out now.',
  decidedWhilePaused: 'Decided. The pair carries it out after it is resumed.',
  listChanged: { title: 'The list has changed', detail: 'Nothing was decided. Review the new list.' },
};

/** What opens a list, of which perhaps only the first are known. */
const showOf = (n, amount, total) => (n < total ? `Show the first ${number(n)} of ${amount}` : `Show ${amount}`);

const chosen = (all, ticked) => (ticked === 0 ? `all ${number(all)}` : `the ${number(ticked)} ticked`);

export const PROBLEMS = {
  heading: 'Problems',
  show: (n, total) => showOf(n, count(total, 'problem'), total),
  caption: 'Events that cannot be synced, or not fully',
  columns: ['Event', 'Problem', 'Side', 'Detail', 'Since'],
};

export const CONFLICTS = {
  heading: 'Conflicts',
  show: (n, total) => showOf(n, count(total, 'conflict'), total),
  caption: 'Changed on both sides at once; one value won',
  columns: ['Event', 'Field', 'Kept', 'Lost', 'Kept from', 'When'],
};

/** The form of direction, interval and options. */
export const SETTINGS = {
  title: 'Settings of the pair',
  heading: 'Settings',
  intro: 'They apply from the next run on. Changing them deletes nothing by itself.',
  save: 'Save the settings',
  saved: 'Saved. The next run uses them.',
  direction: 'Direction',
  directions: (way, { caldav, cloud }) =>
    ({
      bidirectional: `Both ways between ${caldav} and ${cloud}`,
      'caldav-to-cloud': `Only from ${caldav} to ${cloud}`,
      'cloud-to-caldav': `Only from ${cloud} to ${caldav}`,
    })[way],
  interval: 'How often both calendars are asked for changes',
  intervalHint: 'Where a service reports changes by itself, they are noticed at once.',
  intervalDefault: 'As this installation does by default',
  copiesHeading: 'Remove the copies',
  copies:
    'Takes away from one calendar what this pair created there. What was there before stays, and so does every copy ' +
    'that somebody has edited. Pause or delete the pair first if it should not sync any more.',
  removeCopies: (side) => `Remove the copies from ${side} …`,
  removing: (side) => ({
    title: `Remove the copies from ${side}?`,
    yes: 'Remove the copies',
    text:
      `Everything that this pair created in ${side} is deleted there; nobody is mailed. The originals stay, and ` +
      'those events are no longer synced until you ask for that. Copies that were edited stay, too.',
  }),
  ids: 'Ids, for the API',
  pair: 'Pair',
  connection: 'Connection',
  calendarId: (side) => `Calendar id of ${side}`,
  workflow: 'Workflow',
};

/** The options of a pair: what each is called, what it means, and its choices. */
export const OPTIONS = {
  attendees: {
    title: 'Guests',
    hint: 'Nobody is mailed, unless the guests are written as real guests.',
    choices: {
      copy: 'Copy as text: nobody is invited',
      none: 'Do not copy them',
      native: 'Write as real guests, who may be invited',
    },
  },
  reminders: {
    title: 'Reminders',
    hint: 'Copying begins with changes from now on.',
    choices: { keep: 'Each side keeps its own', copy: 'Copy them' },
  },
  categories: {
    title: 'Categories',
    hint: 'Where both services have them.',
    choices: { keep: 'Each side keeps its own', copy: 'Copy them' },
  },
  conference: {
    title: 'Link of an online meeting',
    hint: 'Where one service cannot hold the link as such.',
    choices: { keep: 'Leave it on its side', text: 'Show it in the description' },
  },
  content: {
    title: (side) => `What ${side} gets to see`,
    choices: { full: 'Everything', busy: 'Only when, as "Busy"' },
    busyOnly: (side) => `${side} gets to see: only when, as "Busy"`,
  },
  filter: {
    title: 'Which events',
    titleMatches: 'Only events whose title contains',
    titleExcludes: 'No events whose title contains',
    skipAllDay: 'Leave out all-day events',
    skipFree: 'Leave out events that are shown as free',
    skipDeclined: 'Leave out invitations that were declined',
    skipPrivate: 'Leave out private events',
  },
  window: {
    pastDays: 'Leave out what ended more than this many days ago',
    futureDays: 'Leave out what begins in more than this many days',
    pastOnly: (days) => `Nothing that ended more than ${days} days ago`,
    futureOnly: (days) => `Nothing that begins in more than ${days} days`,
  },
  holdDeletions: {
    title: 'When deletions wait for a person',
    hint: 'They wait for your decision when there are more of them in a day than both of these. Empty: the default.',
    moreThan: 'More than this many events',
    percent: 'More than this many percent of all events',
  },
  chosen: (title, choice) => `${title}: ${choice}`,
  quoted: (title, text) => `${title} “${text}”`,
};
