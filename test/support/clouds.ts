/**
 * The clouds that run the same tests, and what one of them cannot do by nature: such a test is not there for it, for
 * the reason that stands here.
 */
import type { CloudKind, CloudName } from './cloud.ts';
import { GOOGLE } from './google-cloud.ts';
import { MICROSOFT } from './graph-cloud.ts';

export const CLOUDS: readonly CloudKind[] = [GOOGLE, MICROSOFT];

const CANNOT = {
  'bring back one occurrence that was deleted': {
    microsoft: 'Outlook has no way to undo the deletion of one occurrence: a person sets the whole series anew',
  },
  'tell at once that one occurrence was deleted': {
    microsoft: 'Exchange counts it as no change of the series, and delta keeps silent about it',
  },
  'show only whether somebody is free': {
    microsoft: 'who may see no more than free/busy of a mailbox does not have its calendar among his own',
  },
  'change a meeting with guests in silence': { microsoft: 'Exchange mails the guests whatever the client asks for' },
  'tell zones of one clock apart': {
    microsoft:
      'Exchange knows Windows names, each for many zones: it is the zone that is meant, under ' +
      'the name that CLDR has for it',
  },
  'count any weekdays from the end of a month': {
    microsoft: 'Graph has a pattern for the last one only: such a series is written out as single events',
  },
} as const satisfies Readonly<Record<string, Partial<Readonly<Record<CloudName, string>>>>>;

/** Whether tests of this make sense there. */
export function can({ name }: Pick<CloudKind, 'name'>, what: keyof typeof CANNOT): boolean {
  return !(name in CANNOT[what]);
}
