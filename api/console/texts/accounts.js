/** Accounts and connections, signing in at a service, API keys, bookings. */
import { count } from './units.js';

export const ACCOUNTS = {
  title: 'Accounts',
  add: (service) => `Add a ${service} account`,
  signInWith: (service) => `Sign in with ${service}`,
  none: 'No account yet. Add two: a CalDAV account and the one to keep it in sync with.',
  search: 'Name or server contains',
  noMatch: 'No account has a name or server like this.',
  added: 'added ',
  unused: 'not connected',
  uses: (n) => count(n, 'connection'),
};

export const ACCOUNT = {
  title: 'Account',
  back: 'All accounts',
  unused: ' · not used by a pair',
  usedBy: ' · used by ',
  pairs: (n) => count(n, 'pair'),
  noCalendars: (sentence) => `The calendars cannot be listed. ${sentence}`,
  newCredentials: 'New credentials',
  newCredentialsFor: (name) => `New credentials for ${name}`,
  signInAgain: 'Sign in again',
  signInAgainTo: (name) => `Sign in again: ${name}`,
  itsName: 'Its name in Calpair',
  name: 'Name',
  nameHint: 'Left empty, it is called by its user name.',
  rename: 'Rename',
  renamed: 'Renamed.',
  deleteLabel: (name) => `Delete the account ${name}`,
  remove: (name) => ({
    title: `Delete the account ${name}?`,
    yes: 'Delete the account',
    text:
      'Calpair deletes its credentials. Its calendars do not change. An account that a connection uses cannot be ' +
      'deleted.',
  }),
  removed: 'The account is deleted.',
};

/** What Calpair uses of an account. */
export const USES = {
  heading: 'Bookings and free times',
  write: 'Calendar to write to',
  writeHint: 'Bookings become events of this calendar.',
  writeNone: 'None: no bookings',
  busy: 'Calendars that count as busy',
  busyAll: 'All calendars',
  busySome: 'Only those that are ticked',
  busyList: 'Events of these calendars count as busy',
  unanswered: 'Invitations without an answer',
  unansweredBusy: 'Count as busy',
  unansweredFree: 'Do not count as busy',
  saved: (name) => `Saved for ${name}.`,
};

/** Adding an account, and giving one new credentials. */
export const CREDENTIALS = {
  addTitle: 'Add an account',
  addIntro: 'Calpair checks the credentials with the server, then stores them encrypted.',
  unknownService: 'Calpair does not know this service.',
  notSetUp: (service, variables) =>
    `${service} is not set up in this installation. Start Calpair with ${variables.join(' and ')}.`,
  token: 'Enter a token instead',
  service: 'Service',
  address: 'Server address',
  name: 'Name for this account',
  submit: 'Add the account',
  connect: 'Connect',
  added: (name) => `${name} is added.`,
  renewTitle: 'New credentials',
  renewHeading: (name) => ['New credentials for ', name],
  renewIntro: (service) =>
    `${service}. They have to open the calendars of the same person. Every pair that waits for them continues by ` +
    'itself.',
  signInAgainWith: (service) => `Sign in again with ${service}`,
  signInAgainAtServer: 'Sign in again at the server',
  onlyIfChanged: 'Only if it has changed.',
  renewed: 'The new credentials work and are stored.',
};

/** Signing in at a service or a server with the browser. */
export const BROWSER = {
  otherAddress: (home) => ({
    title: 'Open Calpair at its public address',
    detail: `Sign-ins come back to ${home}: begin there, or have PUBLIC_URL set to the address that you use.`,
  }),
  missing: (scopes) => `Missing: ${scopes.join(', ')}.`,
  atServer: 'Sign in at the server instead',
  title: 'Sign in at the server',
  intro: 'This page continues by itself as soon as the server says that you have agreed.',
  open: 'Open the page of the server',
  otherTab: 'Continue in the tab with the page of the server.',
  expired: 'This sign-in has expired. Begin again.',
  cancel: 'Cancel',
  back: 'Back',
  connected: (name) => `${name} is connected.`,
};

/** The page of a service. */
export const INTEGRATION = {
  title: 'Integration',
  intro: 'Its accounts, the calendar that bookings are written to, and the calendars that count as busy.',
  connect: (service) => `Connect ${service}`,
  connectAnother: (service) => `Connect another ${service} account`,
};

export const CONNECTIONS = {
  title: 'Connections',
  setUp: 'Set up a pair',
  none: 'No connection yet. It joins a CalDAV account with another account and is made with their first pair.',
  needsCredentials: 'An account needs new credentials.',
  pairs: (n, most) => `${n} of ${count(most, 'pair')}`,
  addPair: 'Add a pair',
  deleteLabel: (name) => `Delete the connection ${name ?? 'without a name'}`,
  remove: (name, pairs) => ({
    title: `Delete the connection ${name ?? 'without a name'}?`,
    yes: 'Delete the connection',
    text:
      `Its ${count(pairs, 'pair is', 'pairs are')} stopped and deleted. All events stay on both sides, and the ` +
      'accounts stay, too.',
  }),
  removed: 'The connection is deleted. All events stay.',
};

export const KEYS = {
  title: 'API keys',
  intro: 'Programs use them, and people sign in here with one. Calpair stores only their hashes.',
  made: (name) => `The key “${name}”`,
  copyNow: 'Copy it now: it is not shown again.',
  newKey: 'The new key',
  copy: 'Copy',
  copied: 'Copied.',
  selected: 'The browser does not let this page copy. The key is selected: copy it by hand.',
  none: 'No key yet, but for the one that this installation was started with.',
  list: 'Keys that are valid',
  columns: ['Name', 'May', 'Sees', 'Made', 'Ends'],
  end: 'End …',
  endLabel: (name) => `End the key ${name}`,
  everything: 'everything',
  makeHeading: 'Make a key',
  name: 'Name',
  nameHint: 'Who or what uses it.',
  scope: 'It may',
  scopes: { admin: 'do everything', read: 'read only' },
  externalId: 'Only accounts with this external id',
  externalIdHint: 'For a program that may see the accounts of one customer only.',
  lastDay: 'Last day',
  make: 'Make the key',
  done: 'The key is made. Copy it now.',
  ending: (name) => ({
    title: `End the key “${name}”?`,
    yes: 'End the key',
    text: 'Programs that use it are refused from now on, and browsers that signed in with it are signed out.',
  }),
  ended: 'The key is ended.',
};

export const BOOKINGS = {
  title: 'Bookings',
  intro: 'Times that programs have booked through the API, and whether their events are written.',
  none: 'No booking yet.',
  list: 'By their start',
  columns: ['Booking', 'When', 'Calendar', 'State'],
  cancel: 'Cancel …',
  cancelLabel: (name) => `Cancel ${name}`,
  untitled: 'the booking without a title',
  cancelling: (name, start) => ({
    title: `Cancel ${name}?`,
    yes: 'Cancel the booking',
    no: 'Keep it',
    text: `Its event of ${start} is deleted from the calendar. Nobody is mailed.`,
  }),
  done: 'The booking is cancelled.',
  cancelled: 'Cancelled',
  deletedThere: 'Its event was deleted in the calendar.',
  /** By `writeStatus`. */
  states: { pending: 'Being written', written: 'In the calendar', failed: 'Could not be written' },
};
