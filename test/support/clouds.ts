/**
 * The cloud services that run the same tests, and what each of them does not support. Tests of an unsupported feature
 * are left out for that service; the reason is given here.
 */
import type { CloudKind, CloudName } from './cloud.ts';
import { GOOGLE } from './google-cloud.ts';
import { MICROSOFT } from './graph-cloud.ts';

export const CLOUDS: readonly CloudKind[] = [GOOGLE, MICROSOFT];

const CANNOT = {
  'bring back one occurrence that was deleted': {
    microsoft: 'Outlook cannot undo the deletion of one occurrence: a person sets the whole series again',
  },
  'report the deletion of one occurrence at once': {
    microsoft: 'Exchange does not count it as a change of the series, and delta does not report it',
  },
  'share free/busy only': {
    microsoft: 'a calendar of which only free/busy is shared does not appear in the list of calendars',
  },
  'change a meeting without mailing its guests': { microsoft: 'Exchange always mails the guests' },
  'keep the names of equal time zones': {
    microsoft:
      'Exchange uses Windows names, each for several IANA zones: the zone comes back under the name that CLDR ' +
      'lists for it',
  },
  'count any weekdays from the end of a month': {
    microsoft: 'Graph has a pattern for the last one only: such a series is expanded into single events',
  },
} as const satisfies Readonly<Record<string, Partial<Readonly<Record<CloudName, string>>>>>;

/** Whether the service supports this. */
export function can({ name }: Pick<CloudKind, 'name'>, what: keyof typeof CANNOT): boolean {
  return !(name in CANNOT[what]);
}
