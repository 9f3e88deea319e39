/** Events of a pair with their fields and history, runs, and taking changes back. */
import { count, number } from './units.js';

/** Fields of an event, in the order in which they are shown. */
export const EVENT_FIELDS = {
  event: 'Event',
  title: 'Title',
  when: 'Time',
  recurrence: 'Repeats',
  exception: 'Occurrences',
  location: 'Place',
  description: 'Description',
  status: 'Status',
  transparency: 'Shown as',
  visibility: 'Visibility',
  organizer: 'Organiser',
  attendees: 'Guests',
  reminders: 'Reminders',
  categories: 'Categories',
  conference: 'Online meeting',
};

export const EVENT_VALUES = {
  transparency: { opaque: 'busy', transparent: 'free' },
  participation: {
    accepted: 'accepted',
    declined: 'declined',
    tentative: 'maybe',
    'needs-action': 'has not answered',
    delegated: 'delegated',
  },
  exception: { excluded: 'left out' },
  event: { edited: 'edited', deleted: 'deleted' },
};

export const VALUES = {
  allDay: (days) => `${days}, all day`,
  until: (from, to) => `${from} – ${to}`,
  inZone: (time, zone) => `${time} (${zone})`,
  occurrence: (field, start) => `${field}, occurrence of ${start}`,
  exceptions: (n) => `${n} changed or left out`,
  person: (name, address) => (name ? `${name} <${address}>` : address),
  participation: (person, answer) => `${person}: ${answer}`,
};

/** A rule in words. */
export const REPEATS = {
  units: { DAILY: 'day', WEEKLY: 'week', MONTHLY: 'month', YEARLY: 'year' },
  days: {
    MO: 'Monday',
    TU: 'Tuesday',
    WE: 'Wednesday',
    TH: 'Thursday',
    FR: 'Friday',
    SA: 'Saturday',
    SU: 'Sunday',
  },
  every: (interval, unit) => (interval === '1' ? `every ${unit}` : `every ${interval} ${unit}s`),
  on: (days) => `on ${days.join(', ')}`,
  times: (n) => (n === '1' ? 'once' : `${n} times`),
  until: (date) => `until ${date}`,
  moreDates: (n) => count(n, 'more date'),
  all: (parts) => parts.join(' and '),
};

/** What a pair did to an event, and on which calendar. */
export const ACTIONS = {
  create: (side) => `Created in ${side}`,
  update: (side) => `Changed in ${side}`,
  delete: (side) => `Deleted from ${side}`,
};

export const EVENT_STATES = {
  synced: 'On both sides',
  pending: 'Waits for the next sync',
  held: 'Deletion held',
  problem: 'Problem',
  excluded: 'On one side only',
  deleted: 'Deleted',
};

/** The list of a pair's events. */
export const EVENTS = {
  title: 'Events',
  search: 'Title contains',
  all: 'All events',
  caption: 'By their start. Open an event to see what was done to it.',
  deletedCaption: 'Each can be brought back.',
  columns: ['Event', 'Start', 'State', 'Why', 'Last change'],
  lastChange: (action, time) => [action, ', ', time],
  found: (n, isAll) => (isAll ? `${count(n, 'event')} found.` : `${count(n, 'event')} found so far.`),
  searchFurther: 'Search further',
  noMatch: 'No event has a title like this.',
  noMatchYet: 'None found so far. Search further.',
  nothingDeleted: 'Nothing was deleted that could be brought back.',
  none: 'The pair has no events yet.',
  noneOfState: 'No event is in this state.',
  untitled: 'the event without a title',
  bringBack: 'Bring back …',
  bringBackLabel: (name) => `Bring back ${name}`,
  bringingBack: (name, side) => ({
    title: `Bring back ${name}?`,
    yes: 'Bring it back',
    text: `It is written to ${side} again, with everything it had, and the next sync copies it.`,
  }),
  notOurs: 'This deletion was not made by the pair, so it cannot be brought back here.',
};

const undoOf = (title) => `Undo: ${title.charAt(0).toLowerCase()}${title.slice(1)}`;

/** The page of one event. */
export const EVENT = {
  title: 'Event',
  untitled: 'this event',
  include: 'Sync it again',
  included: 'The event is synced again.',
  includedWhilePaused: 'Noted. It is synced as soon as the pair is resumed.',
  allEvents: 'All events',
  history: 'What the pair did',
  noHistory: 'Nothing yet: the pair has not written this event on either side.',
  undoOf,
  at: (time, ago, run) => [time, ', ', ago, ' · ', run],
  run: 'the\u00a0run',
  runLabel: (time) => `The run of ${time}`,
  caption: (title, time) => `${title}, ${time}`,
  changeColumns: ['Field', 'Before', 'After'],
  createColumns: ['Created as'],
  deleteColumns: ['Deleted'],
  unreadable: 'What it wrote cannot be read any more.',
  undone: 'It was taken back since.',
  undo: 'Undo …',
  undoLabel: (title, time) => `${undoOf(title)}, ${time}`,
  /** By what is to be taken back. */
  undoing: {
    create: (name, side) => ({
      title: `Take the copy of ${name} away from ${side}?`,
      yes: 'Take it away',
      text: 'The original stays. The event is then no longer synced, until you ask for that here.',
    }),
    delete: (name, side) => ({
      title: `Bring ${name} back to ${side}?`,
      yes: 'Bring it back',
      text: 'It comes back with everything it had, and the next sync copies it. Nobody is mailed.',
    }),
    update: (name, side) => ({
      title: `Take this change of ${name} back?`,
      yes: 'Take it back',
      text:
        `The earlier values are written to ${side}, and cross to the other side like an edit by a person. What has ` +
        'been changed since is left as it is.',
    }),
  },
};

/** The runs of a pair. */
export const RUNS = {
  heading: 'Last runs',
  none: 'No run yet.',
  caption: 'Newest first; polls that found nothing are left out. Open a run to undo it.',
  began: 'Began',
  trigger: 'Trigger',
  result: 'Result',
  took: 'Took',
  running: '…',
  read: 'Read',
  readEvents: (n) => count(n, 'event'),
  found: 'Found',
  conflicts: (n) => count(n, 'conflict'),
  held: (n) => count(n, 'held deletion'),
  problems: (n) => count(n, 'problem'),
  listMore: 'List more runs',
  ofSide: (side) => `${side}: `,
};

/** The page of one run. */
export const RUN = {
  title: 'Run',
  heading: (time) => `Run of ${time}`,
  wroteNothing: 'This run wrote nothing, so there is nothing to take back.',
  undo: (n) => (n === 1 ? 'Undo its change …' : `Undo all ${number(n)} changes …`),
  /** `sides`: `[name, {created, updated, deleted}]` of both. */
  undoing: (sides) => ({
    title: 'Take back everything that this run wrote?',
    yes: 'Take it back',
    text: [
      ...sides.flatMap(([side, { created, updated, deleted }]) => [
        created > 0 ? `${count(created, 'copy is', 'copies are')} taken away from ${side}.` : '',
        updated > 0 ? `${count(updated, 'event gets its', 'events get their')} earlier values on ${side}.` : '',
        deleted > 0 ? `${count(deleted, 'event comes', 'events come')} back to ${side}.` : '',
      ]),
      'Originals stay, and what has been changed since is left as it is.',
    ]
      .filter((part) => part !== '')
      .join('\n'),
  }),
};

/** What came of taking something back. */
export const UNDO = {
  whenResumed: 'Noted. It is carried out as soon as the pair is resumed.',
  soon: 'Noted. A run carries it out now; this page then shows it.',
  nothing: 'There was nothing to take back.',
  changes: (done, kept) => outcome(done, count(done, 'change was', 'changes were'), 'taken back', kept),
  copies: (done, kept) => outcome(done, count(done, 'copy was', 'copies were'), 'removed', kept),
  keptHeading: 'Left as it is',
  keptCaption: 'What could not be taken back, and why',
  keptColumns: ['Event', 'What', 'Where', 'Why'],
  unknownEvent: 'an event of which nothing is stored any more',
};

function outcome(done, amount, verb, kept) {
  const stayed = kept === 1 ? ' One stayed as it is.' : ` ${number(kept)} stayed as they are.`;
  return `${done === 0 ? 'Nothing was' : amount} ${verb}.${kept === 0 ? '' : stayed}`;
}
