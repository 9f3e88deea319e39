/** What tests and the demo may call from outside of this process. */
import type { Controls } from '../../support/control.ts';

export const CONTROLS: Controls = {
  fake: ['addAccount', 'fail', 'slow', 'storm412', 'setBehaviour', 'reset', 'count', 'consentTo'],
  readable: [
    'requests',
    'writes',
    'carelessRequests',
    'mailLedger',
    'reach',
    'harm',
    'faultsMet',
    'throttled',
    'behaviour',
  ],
  account: [
    'insertEvent',
    'patchEvent',
    'deleteEvent',
    'getEvent',
    'answer',
    'instances',
    'plantEvent',
    'listRaw',
    'listLive',
    'addCalendar',
    'calendars',
    'patchCalendarEntry',
    'setAccessRole',
    'setTimeZone',
    'removeCalendar',
    'expireSyncTokens',
    'revokeRefreshToken',
    'expireAccessTokens',
    'newRefreshToken',
    'setScopes',
  ],
};
