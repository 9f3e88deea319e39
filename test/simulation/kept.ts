/** Schedules that once broke an invariant, made shorter by `shrink.ts`. They are played in every run of the tests, for ever. */
import type { Schedule } from './steps.ts';

export interface Kept {
  /** What was wrong with the engine. */
  readonly found: string;
  readonly schedule: Schedule;
}

const PLAIN: Schedule['profile'] = {
  calendars: [{ answers: 'sent', keepsIds: false, refusesUidTwice: true }, { answers: 'stored', keepsIds: true, refusesUidTwice: false }],
  pairs: [{ caldav: 0, cloud: 1, direction: 'bidirectional', options: { holdDeletions: { moreThan: 1_000, percent: 100 } } }],
};

const SYNC = { do: 'sync', pairs: [0], during: [] } as const;

export const KEPT: readonly Kept[] = [
  {
    found: 'an update whose answer died with its workflow was taken for an edit, and beat the deletion of its original',
    schedule: {
      profile: PLAIN, seed: 1,
      steps: [
        { do: 'insert', calendar: 0, kind: 'single', value: 0.3 }, SYNC, SYNC, { do: 'edit', calendar: 0, event: 0, field: 'title', value: 0.5 },
        { do: 'sync', pairs: [0], during: [{ at: 8, what: { do: 'remove', calendar: 0, event: 0 } }, { at: 16, what: { do: 'lose-workflow' } }] },
      ],
    },
  },
  {
    found: 'a Retry-After of one side was forgotten when the other side failed at the same time',
    schedule: {
      profile: PLAIN, seed: 1,
      steps: [
        { do: 'insert', calendar: 0, kind: 'single', value: 0.3 }, SYNC, { do: 'fault', calendar: 0, on: 'changes', when: 'before', kind: 'unreachable', times: 1, waitSeconds: null },
        { do: 'fault', calendar: 1, on: 'changes', when: 'before', kind: 'throttled', times: 1, waitSeconds: 600 }, SYNC, SYNC,
      ],
    },
  },
  {
    found: 'an edit was left lying when the other half of its event was refused for good while it lost its race itself',
    schedule: {
      profile: PLAIN, seed: 1,
      steps: [
        { do: 'insert', calendar: 0, kind: 'single', value: 0.3 }, SYNC, SYNC, { do: 'fault', calendar: 0, on: 'update', when: 'before', kind: 'rejected', times: 1, waitSeconds: null },
        { do: 'fault', calendar: 1, on: 'update', when: 'before', kind: 'stale', times: 5, waitSeconds: null }, { do: 'edit', calendar: 0, event: 0, field: 'title', value: 0.5 },
        { do: 'edit', calendar: 1, event: 0, field: 'location', value: 0.5 }, SYNC,
      ],
    },
  },
];
