/** What tests and the demo may call on a fake from another process: common methods, and those of one cloud. */
import type { Controls } from '../support/control.ts';

export function controlsOf(own: Pick<Controls, 'readable' | 'account'>): Controls {
  return {
    fake: [
      'addAccount',
      'fail',
      'slow',
      'storm412',
      'setBehaviour',
      'reset',
      'count',
      'consentTo',
      'registerRedirects',
      'askPerson',
    ],
    readable: ['requests', 'writes', 'mailLedger', 'reach', 'faultsMet', 'behaviour', ...own.readable],
    account: [
      'insertEvent',
      'patchEvent',
      'deleteEvent',
      'getEvent',
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
      ...own.account,
    ],
  };
}
