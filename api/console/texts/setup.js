/** The flow that sets up a pair. */
import { count, number } from './units.js';

export const SETUP = {
  title: 'Set up a pair',
  steps: ['CalDAV account', 'Other account', 'Calendars', 'Preview', 'First sync'],
  stepsLabel: 'Steps',
  stepDone: 'Done: ',
  both: (caldav, cloud) => `${caldav} and ${cloud}.`,
  orAnother: 'Or another one',
  connected: (n) => `Choose one of ${count(n, 'connected account')}`,

  caldav: 'Where is your CalDAV calendar?',
  caldavIntro: 'Calpair checks the password with the server, then stores it encrypted.',

  cloud: 'Which account should it be kept in sync with?',
  cloudIntro: (account, service) => `${account} at ${service} is connected.`,
  notSetUp: (service, variables) =>
    `${service} is not set up in this installation; it needs ${variables.join(' and ')}.`,
  otherServers: (hosters) => `${hosters.join(', ')} or another CalDAV server`,

  calendars: 'Which calendars?',
  calendarsIntro: 'Events that are already on both sides are recognised and not duplicated. Nothing is written yet.',
  noCalendars: (account) => `The calendars of ${account} cannot be listed. `,
  tryAgain: 'Try again',
  calendarIn: (account) => `Calendar in ${account}`,
  calendar: (name, isDefault, isReadOnly) =>
    `${name}${isDefault ? ' (default)' : ''}${isReadOnly ? ' (read-only)' : ''}`,
  theNewCalendar: 'the new calendar',
  create: '+ Create new calendar …',
  createNotOffered: '+ Create new calendar: not offered',
  createElsewhere: (account) => `New calendars are created in ${account} itself; reload this page then.`,
  newName: 'Name of the new calendar',
  newColor: 'Colour',
  moreOptions: 'More options',
  toPreview: 'Preview',

  preview: 'What the first sync would do',
  previewIntro: (caldav, cloud) => `${caldav} and ${cloud}. Nothing has been written.`,
  previewReady: 'The preview is ready.',
  compareAgain: 'Compare again',
  start: 'Start the sync',
  changeOptions: 'Change the options',
  giveUp: 'Give up …',
  givingUp: (caldav, cloud) => ({
    title: 'Give up this pair?',
    yes: 'Delete the pair',
    text: `${caldav} and ${cloud} stay as they are. The accounts stay connected.`,
  }),

  sync: 'The first sync',
  syncWritten: (done) => `${count(done, 'change')} written.`,
  syncWrittenOf: (done, total) => `${count(done, 'change')} written of ${number(total)}.`,
  syncLabel: 'First sync',
  syncGoesOn: 'It goes on when you close this page.',

  inSync: 'In sync',
  inSyncMessage: 'Both calendars are in sync.',
  onBothSides: (n) => `${count(n, 'event')} on both sides`,
  fromNowOn: (way, { caldav, cloud }) => {
    const source = {
      bidirectional: 'on either side',
      'caldav-to-cloud': `in ${caldav}`,
      'cloud-to-caldav': `in ${cloud}`,
    };
    return `Changes ${source[way]} are copied from now on. Calpair keeps going when this page is closed.`;
  },
  problems: (n) => `${count(n, 'event')} could not be synced, or not fully; the pair lists why.`,
  openPair: 'Open the pair',
  another: 'Set up another pair',
};
