/**
 * Texts around the pages, and those that many pages share. `api/console/texts/` has every text of the console but for
 * the frames in `index.html` and `docs.html`, and for texts of codes, which are those of the API (`core/texts.ts`) and
 * come with `/console/config.json`. A value is a string, a function that makes one, or a function that makes a list of
 * strings and of the elements that it got.
 */

export const SHELL = {
  pageTitle: (title) => `${title} – Calpair`,
  loading: 'Loading …',
  notFound: 'Not found',
  backToPairs: 'Back to the pairs',
  asOf: (time) => `As of ${time}`,
  readOnly: 'Read only',
  onlyOf: (externalId) => `Only accounts of ${externalId}`,
  sessionEnded: 'The session has ended, or its API key is no longer valid.',
  bug: 'Error in the console. Reload the page.',
  /** @param wasChange a change was asked for */
  noAnswer: (wasChange) => ({
    title: 'Calpair does not answer',
    detail: `Check that it is running.${wasChange ? ' What you asked for may have been done all the same.' : ''}`,
  }),
  triesAgain: (sentence) => `${sentence} The console tries again automatically.`,
  unknownAnswer: (status) => `Calpair answered ${status}`,
};

export const SIGN_IN = {
  title: 'Sign in',
  intro: 'With an API key. The browser keeps a session for 7 days at most, and not the key.',
  key: 'API key',
  keyHint:
    'The value of CALPAIR_API_KEY, or the key that Calpair made on its first start. Calpair prints the name of its ' +
    'file when it starts.',
  submit: 'Sign in',
  unknownKey: { title: 'Unknown API key', detail: 'Check that it is complete and has not been deleted.' },
};

export const FORM = {
  optional: ' (optional)',
  required: 'This field is required.',
  unfinished: 'This is not complete, or not a number or date.',
  bug: 'Error in the console',
  save: 'Save',
};

export const WORDS = {
  noTitle: '(no title)',
  noStart: 'no start',
  never: 'never',
  nothing: 'nothing',
  and: ' and ',
  showOnly: 'Show only',
  showMore: 'Show more',
  search: 'Search',
  all: 'All',
  works: 'Works',
  needsAttention: 'Needs attention',
  delete: 'Delete …',
  cancel: 'Cancel',
  /** Of a service that is not one of several of a kind. */
  caldav: 'CalDAV',
  cloud: 'Cloud',
  serviceAt: (service, server) => `${service} at ${server}`,
  personAt: (name, server) => (server === '' ? name : `${name}, ${server}`),
  account: (service, name) => `${service} (${name})`,
  calendarAt: (calendar, account) => `${calendar} at ${account}`,
  reason: (title, detail) => `${title}. ${detail}`,
  serviceSaid: (code) => ({ title: 'The sign-in did not succeed', detail: `The service said ${code}.` }),
};
