/**
 * Words of the console that more than one page uses, or that name what the API calls by a code. Texts for codes of the
 * API itself are in `core/texts.ts` and come with `/console/config.json`.
 */

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

/** Units and days of a rule. */
export const REPEATS = {
  DAILY: 'day',
  WEEKLY: 'week',
  MONTHLY: 'month',
  YEARLY: 'year',
  MO: 'Monday',
  TU: 'Tuesday',
  WE: 'Wednesday',
  TH: 'Thursday',
  FR: 'Friday',
  SA: 'Saturday',
  SU: 'Sunday',
};

/** What a pair did to an event, and why a list shows it. */
export const ACTIONS = { create: 'created', update: 'changed', delete: 'deleted' };

export const EVENT_STATES = {
  synced: 'On both sides',
  pending: 'Waits for the next sync',
  held: 'Deletion held',
  problem: 'Problem',
  excluded: 'On one side only',
  deleted: 'Deleted',
};

/** The options of a pair: what each is called, what it means, and its choices. */
export const OPTIONS = {
  attendees: {
    title: 'Guests',
    hint: 'Nobody is mailed, unless the guests are written as real guests.',
    choices: {
      copy: 'Copy them as text, so that nobody is invited',
      none: 'Do not copy them',
      native: 'Write them as real guests: the service may invite them',
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
    choices: { full: 'Everything', busy: 'Only when, as "Busy"' },
  },
  filter: {
    titleMatches: 'Only events whose title contains',
    titleExcludes: 'No events whose title contains',
    skipAllDay: 'Leave out all-day events',
    skipFree: 'Leave out events that are shown as free',
    skipDeclined: 'Leave out invitations that were declined',
    skipPrivate: 'Leave out private events',
  },
};

export const KEY_SCOPES = { admin: 'do everything', read: 'read only' };

/** By `writeStatus` of a booking. */
export const BOOKING_STATES = {
  pending: { title: 'Being written', badge: 'syncing' },
  written: { title: 'In the calendar', badge: 'active' },
  failed: { title: 'Could not be written', badge: 'failed' },
};
