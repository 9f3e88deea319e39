/** Schedules that once broke an invariant, made shorter by `shrink.ts`. They are played in every run of the tests, for ever. */
import type { Schedule } from './steps.ts';

export interface Kept {
  /** What was wrong with the engine. */
  readonly found: string;
  readonly schedule: Schedule;
}

const CLOUD = { answers: 'stored', keepsIds: true, refusesUidTwice: false } as const;
const dav = (answers: 'stored' | 'sent' | 'sent-without-version') => ({ answers, keepsIds: false, refusesUidTwice: true }) as const;
/** Both ways between two of the calendars; deletions are not held. */
const pair = (caldav: number, cloud: number) => ({ caldav, cloud, direction: 'bidirectional', options: { holdDeletions: { moreThan: 1_000, percent: 100 } } }) as const;

const PLAIN: Schedule['profile'] = { calendars: [dav('sent'), CLOUD], pairs: [pair(0, 1)] };

const sync = (...pairs: number[]) => ({ do: 'sync', pairs, during: [] }) as const;
const SYNC = sync(0);

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
  {
    found: 'a copy that did not answer was made once more, under another name, when its event came back by another pair',
    schedule: {
      profile: { calendars: [dav('sent-without-version'), dav('stored'), CLOUD], pairs: [pair(0, 2), pair(1, 2)] },
      seed: 1,
      steps: [
        { do: 'insert', calendar: 1, kind: 'single', value: 0.1 }, { do: 'insert', calendar: 2, kind: 'series', value: 0.1 },
        { do: 'insert', calendar: 1, kind: 'series', value: 0.1 }, { do: 'insert', calendar: 0, kind: 'single', value: 0.1 },
        { do: 'insert', calendar: 2, kind: 'series', value: 0.1 }, sync(1), SYNC,
        { do: 'late', calendar: 0, event: 0.5 }, { do: 'edit', calendar: 2, event: 0.2, field: 'visibility', value: 0.5 }, SYNC,
        { do: 'insert', calendar: 0, kind: 'single', value: 0.1 }, { do: 'insert', calendar: 0, kind: 'series', value: 0.1 },
        { do: 'remove-many', calendar: 2, share: 0.3 },
        { do: 'sync', pairs: [0], during: [{ at: 24, what: { do: 'edit', calendar: 1, event: 0.89, field: 'title', value: 0.16 } }] },
        { do: 'sync', pairs: [1], during: [{ at: 8, what: { do: 'insert', calendar: 0, kind: 'single', value: 0.33 } }] },
        { do: 'edit', calendar: 0, event: 0.3, field: 'title', value: 0.1 }, SYNC,
      ],
    },
  },
  {
    found: 'a pair waited for a day for what another pair had written and a person had removed at once, although its original was gone',
    schedule: {
      profile: { calendars: [dav('sent'), CLOUD, CLOUD], pairs: [pair(0, 1), pair(0, 2)] },
      seed: 433105,
      steps: [
        { do: 'insert', calendar: 1, kind: 'everywhere', value: 0.1 }, { do: 'insert', calendar: 2, kind: 'single', value: 0.1 },
        { do: 'insert', calendar: 0, kind: 'everywhere', value: 0.1 }, sync(0, 1), { do: 'turn', pair: 1, direction: 'cloud-to-caldav' },
        { do: 'edit', calendar: 1, event: 0.1, field: 'description', value: 0.1 }, { do: 'remove', calendar: 0, event: 0.9 },
        { do: 'insert', calendar: 1, kind: 'single', value: 0.1 },
        { do: 'sync', pairs: [1], during: [{ at: 23, what: { do: 'fault', calendar: 0, on: 'changes', when: 'before', kind: 'quota', times: 5, waitSeconds: null } }] },
        { do: 'edit', calendar: 1, event: 0.4, field: 'visibility', value: 0.8 }, { do: 'remove-many', calendar: 0, share: 0.3 },
        { do: 'insert', calendar: 2, kind: 'everywhere', value: 0.1 }, sync(0, 1),
        { do: 'sync', pairs: [0], during: [{ at: 2, what: { do: 'insert', calendar: 0, kind: 'guests', value: 0.27 } }] }, SYNC,
        SYNC, { do: 'sync', pairs: [0], during: [{ at: 1, what: { do: 'remove', calendar: 1, event: 0.86 } }] },
        { do: 'sync', pairs: [0], during: [{ at: 51, what: { do: 'expire', calendar: 0 } }, { at: 7, what: { do: 'remove', calendar: 2, event: 0.71 } }] },
      ],
    },
  },
  {
    found: 'a first meeting with the calendar of somebody else counted as the first meeting',
    schedule: {
      profile: { calendars: [dav('sent'), CLOUD], pairs: [{ caldav: 0, cloud: 1, direction: 'bidirectional', options: { holdDeletions: { moreThan: 2, percent: 20 } } }] },
      seed: 1,
      steps: [
        { do: 'insert', calendar: 1, kind: 'series', value: 0.2610814212821424 }, { do: 'insert', calendar: 0, kind: 'alike', value: 0.0088972223456949 },
        { do: 'stranger', calendar: 1 }, SYNC,
      ],
    },
  },
  {
    found: 'a crash between the proof of a deletion and the decision let a listing that lagged behind bring the event back as a new one',
    schedule: {
      profile: { calendars: [dav('stored'), CLOUD], pairs: [pair(0, 1)] },
      seed: 1,
      steps: [
        { do: 'insert', calendar: 1, kind: 'single', value: 0.1 }, { do: 'insert', calendar: 1, kind: 'single', value: 0.1 },
        { do: 'insert', calendar: 1, kind: 'single', value: 0.1 }, { do: 'insert', calendar: 1, kind: 'series', value: 0.1 }, { do: 'remove', calendar: 1, event: 0.1 },
        { do: 'sync', pairs: [0], during: [{ at: 3, what: { do: 'insert', calendar: 1, kind: 'everywhere', value: 0.34 } }] },
        { do: 'edit', calendar: 1, event: 0.1, field: 'transparency', value: 0.1 }, { do: 'freeze', calendar: 0 },
        { do: 'edit', calendar: 1, event: 0.1, field: 'status', value: 0.1 }, { do: 'return', calendar: 1, event: 0.1 },
        { do: 'edit', calendar: 1, event: 0.5, field: 'title', value: 0.1 }, { do: 'remove', calendar: 0, event: 0.3 }, SYNC,
        { do: 'resync', pair: 0 }, { do: 'sync', pairs: [0], during: [{ at: 24, what: { do: 'crash' } }] },
      ],
    },
  },
  {
    found: 'a pair waited for a copy that another pair had made, and that the change feed of its calendar never names',
    schedule: {
      profile: { calendars: [dav('stored'), dav('stored'), { answers: 'stored', keepsIds: true, refusesUidTwice: false, isView: true }], pairs: [pair(0, 2), pair(1, 2)] },
      seed: 1,
      steps: [
        { do: 'insert', calendar: 2, kind: 'everywhere', value: 0.6 }, { do: 'remove-many', calendar: 2, share: 1 }, sync(1),
        { do: 'remove', calendar: 2, event: 0.1 },
      ],
    },
  },
  {
    found: 'an event that two pairs brought back at once was made twice, because only the poll looked for what is one',
    schedule: {
      profile: { calendars: [dav('stored'), CLOUD, CLOUD], pairs: [pair(0, 1), pair(0, 2)] },
      seed: 1,
      steps: [
        { do: 'insert', calendar: 2, kind: 'single', value: 0.1 }, sync(1), { do: 'freeze', calendar: 0 },
        { do: 'edit', calendar: 2, event: 0.3, field: 'description', value: 0.1 }, { do: 'remove-many', calendar: 0, share: 0.7 },
        SYNC, sync(1), { do: 'edit', calendar: 1, event: 0.1, field: 'transparency', value: 0.5 },
        SYNC,
      ],
    },
  },
  {
    found: 'the copy of another pair was found beside one that was gone, which nobody had asked for',
    schedule: {
      profile: { calendars: [dav('stored'), CLOUD, CLOUD], pairs: [pair(0, 1), pair(0, 2)] },
      seed: 198493,
      steps: [
        { do: 'insert', calendar: 2, kind: 'series', value: 0.1 }, { do: 'insert', calendar: 1, kind: 'single', value: 0.1 },
        { do: 'insert', calendar: 2, kind: 'single', value: 0.1 }, sync(0, 1),
        { do: 'sync', pairs: [0, 1], during: [{ at: 13, what: { do: 'remove', calendar: 0, event: 0.14 } }] }, { do: 'freeze', calendar: 0 },
        { do: 'remove', calendar: 0, event: 0.1 },
        { do: 'sync', pairs: [1], during: [{ at: 19, what: { do: 'edit', calendar: 2, event: 0.36, field: 'recurrence', value: 0.85 } }] },
        sync(1), { do: 'edit', calendar: 1, event: 0.1, field: 'exclude', value: 0.9 }, SYNC,
      ],
    },
  },
  {
    found: 'a value that its server tidied up was written again and again while the other half waited, and ended as flapping',
    schedule: {
      profile: { calendars: [{ ...dav('stored'), tidies: true, clockSkewMs: -86_400_000 }, CLOUD], pairs: [pair(0, 1)] },
      seed: 1,
      steps: [
        { do: 'insert', calendar: 0, kind: 'single', value: 0.1 }, SYNC, { do: 'edit', calendar: 0, event: 0.4, field: 'description', value: 0.1 },
        { do: 'fault', calendar: 1, on: 'update', when: 'before', kind: 'throttled', times: 5, waitSeconds: 30 },
        { do: 'edit', calendar: 1, event: 0.1, field: 'location', value: 0.1 }, SYNC, SYNC, SYNC,
        { do: 'edit', calendar: 1, event: 0.1, field: 'transparency', value: 0.1 }, SYNC,
      ],
    },
  },
  {
    found: 'a copy that nothing had shown yet became the half of another link, and was made again under the name of that',
    schedule: {
      profile: { calendars: [dav('stored'), { answers: 'sent', keepsIds: true, refusesUidTwice: false }, CLOUD], pairs: [pair(0, 1), pair(0, 2)] },
      seed: 1,
      steps: [
        { do: 'insert', calendar: 0, kind: 'series', value: 0.1 }, sync(0, 1), { do: 'remove', calendar: 0, event: 0.1 },
        { do: 'late', calendar: 1, event: 0.1 }, { do: 'edit', calendar: 2, event: 0.1, field: 'location', value: 0.1 }, sync(1), SYNC,
        SYNC,
      ],
    },
  },
  {
    found: 'what a listing that lagged behind showed twice was believed the second time',
    schedule: {
      profile: { calendars: [{ ...dav('stored'), pageSize: 3 }, CLOUD], pairs: [pair(0, 1)] },
      seed: 1,
      steps: [
        { do: 'insert', calendar: 1, kind: 'single', value: 0.1 }, { do: 'insert', calendar: 0, kind: 'single', value: 0.1 },
        { do: 'insert', calendar: 1, kind: 'series', value: 0.1 }, { do: 'insert', calendar: 1, kind: 'series', value: 0.1 },
        { do: 'insert', calendar: 0, kind: 'guests', value: 0.9 }, { do: 'insert', calendar: 1, kind: 'single', value: 0.1 }, SYNC, SYNC, SYNC,
        { do: 'back-up', calendar: 0 }, { do: 'remove', calendar: 0, event: 0.1 }, SYNC, { do: 'edit', calendar: 0, event: 0.1, field: 'override', value: 0.8 },
        { do: 'sync', pairs: [0], during: [{ at: 2, what: { do: 'insert', calendar: 0, kind: 'single', value: 0.19 } }, { at: 5, what: { do: 'fault', calendar: 1, on: 'changes', when: 'before', kind: 'auth', times: 2, waitSeconds: null } }] },
        SYNC, { do: 'edit', calendar: 0, event: 0.1, field: 'exclude', value: 0.8 }, SYNC, { do: 'edit', calendar: 1, event: 0.5, field: 'description', value: 0.1 },
        { do: 'sync', pairs: [0], during: [{ at: 1, what: { do: 'lose-workflow' } }] },
        { do: 'sync', pairs: [0], during: [{ at: 24, what: { do: 'restore', calendar: 0 } }, { at: 6, what: { do: 'freeze', calendar: 0 } }] }, SYNC,
        { do: 'sync', pairs: [0], during: [{ at: 8, what: { do: 'crash' } }] },
      ],
    },
  },
  {
    found: 'an event that was left alone beside its double stayed alone when the double went',
    schedule: {
      profile: { calendars: [dav('stored'), dav('stored'), CLOUD], pairs: [pair(0, 2), pair(1, 2)] },
      seed: 1,
      steps: [
        { do: 'insert', calendar: 1, kind: 'single', value: 0.1 }, { do: 'insert', calendar: 1, kind: 'single', value: 0.1 },
        { do: 'edit', calendar: 1, event: 0.5, field: 'transparency', value: 1 }, { do: 'remove', calendar: 1, event: 0.1 }, sync(1),
        { do: 'freeze', calendar: 1 }, { do: 'remove', calendar: 1, event: 0.3 }, { do: 'edit', calendar: 2, event: 0.1, field: 'transparency', value: 0.1 },
        sync(1), { do: 'wait', seconds: 4000 }, { do: 'remove', calendar: 2, event: 0.1 }, { do: 'resync', pair: 1 },
        { do: 'sync', pairs: [0, 1], during: [{ at: 46, what: { do: 'fault', calendar: 1, on: 'remove', when: 'before', kind: 'throttled', times: 2, waitSeconds: 30 } }] },
        sync(0, 1), { do: 'edit', calendar: 1, event: 0.1, field: 'visibility', value: 0.5 }, sync(1),
      ],
    },
  },
  {
    found: 'a deletion by a run that broke off did not count for the limit of the day',
    schedule: {
      profile: { calendars: [dav('stored'), CLOUD], pairs: [{ caldav: 0, cloud: 1, direction: 'bidirectional', options: { holdDeletions: { moreThan: 1, percent: 20 } } }] },
      seed: 1,
      steps: [
        { do: 'insert', calendar: 1, kind: 'single', value: 0.1 }, { do: 'insert', calendar: 1, kind: 'series', value: 0.1 }, SYNC, SYNC,
        { do: 'remove', calendar: 1, event: 0.1 }, { do: 'sync', pairs: [0], during: [{ at: 22, what: { do: 'lose-workflow' } }] },
        { do: 'remove', calendar: 0, event: 0.1 }, { do: 'freeze', calendar: 1 }, { do: 'remove', calendar: 1, event: 0.1 }, SYNC,
        { do: 'decide', pair: 0, decision: 'restore', share: 0.5 }, SYNC,
      ],
    },
  },
  {
    found: 'a worker that woke took up a run that had been given up, and put its old merge over what a later one had found',
    schedule: {
      profile: { calendars: [dav('stored'), CLOUD], pairs: [pair(0, 1)] },
      seed: 1,
      steps: [
        { do: 'insert', calendar: 1, kind: 'single', value: 0.1 }, SYNC, { do: 'edit', calendar: 0, event: 0.4, field: 'description', value: 0.1 },
        { do: 'sync', pairs: [0], during: [{ at: 18, what: { do: 'lose-workflow' } }, { at: 14, what: { do: 'stand-still' } }] },
        { do: 'edit', calendar: 1, event: 0.4, field: 'when', value: 0.1 }, SYNC,
      ],
    },
  },
  {
    found: 'a copy that got a second name got a third one when the end of the first was proved, while the second might be there',
    schedule: {
      profile: { calendars: [dav('stored'), { ...CLOUD, isView: true }], pairs: [pair(0, 1)] },
      seed: 1,
      steps: [
        { do: 'insert', calendar: 0, kind: 'single', value: 0.6 }, SYNC,
        { do: 'fault', calendar: 1, on: 'create', when: 'after', kind: 'unreachable', times: 5, waitSeconds: null },
        { do: 'edit', calendar: 0, event: 0.5, field: 'attendee', value: 0.1 },
        { do: 'sync', pairs: [0], during: [{ at: 3, what: { do: 'edit', calendar: 1, event: 0.94, field: 'attendee', value: 0.85 } }, { at: 19, what: { do: 'remove', calendar: 1, event: 0.89 } }] },
        SYNC,
      ],
    },
  },
  {
    found: 'a worker that woke with a merge of yesterday brought back what people had removed',
    schedule: {
      profile: { calendars: [dav('stored'), CLOUD], pairs: [pair(0, 1)] },
      seed: 1,
      steps: [
        { do: 'insert', calendar: 0, kind: 'single', value: 0.1 }, { do: 'insert', calendar: 0, kind: 'series', value: 0.1 },
        { do: 'sync', pairs: [0], during: [{ at: 3, what: { do: 'rename', calendar: 0, event: 0.03 } }] }, { do: 'remove', calendar: 1, event: 0.1 },
        { do: 'sync', pairs: [0], during: [{ at: 9, what: { do: 'insert', calendar: 1, kind: 'series', value: 0.72 } }] },
        { do: 'edit', calendar: 1, event: 0.1, field: 'when', value: 0.1 },
        { do: 'sync', pairs: [0], during: [{ at: 20, what: { do: 'stand-still' } }, { at: 25, what: { do: 'lose-workflow' } }] },
        { do: 'edit', calendar: 1, event: 0.9, field: 'attendee', value: 0.1 }, SYNC,
        { do: 'sync', pairs: [0], during: [{ at: 2, what: { do: 'remove-many', calendar: 1, share: 1 } }] },
      ],
    },
  },
  {
    found: 'two pairs made the same event in one calendar, because the answer to the create of one had been lost',
    schedule: {
      profile: { calendars: [dav('sent'), { ...dav('sent'), pageSize: 3 }, CLOUD], pairs: [{ caldav: 0, cloud: 2, direction: 'bidirectional', options: { holdDeletions: { moreThan: 2, percent: 20 } } }, { caldav: 1, cloud: 2, direction: 'bidirectional', options: { holdDeletions: { moreThan: 2, percent: 20 } } }] },
      seed: 1,
      steps: [
        { do: 'insert', calendar: 1, kind: 'single', value: 0.1 }, { do: 'insert', calendar: 0, kind: 'series', value: 0.1 },
        { do: 'insert', calendar: 1, kind: 'series', value: 0.1 }, { do: 'insert', calendar: 1, kind: 'single', value: 0.1 },
        { do: 'insert', calendar: 0, kind: 'everywhere', value: 0.1 }, sync(1), SYNC, { do: 'remove-many', calendar: 2, share: 0.7 },
        { do: 'sync', pairs: [0], during: [{ at: 2, what: { do: 'remove', calendar: 1, event: 0.06 } }] },
        { do: 'sync', pairs: [1], during: [{ at: 3, what: { do: 'crash' } }, { at: 5, what: { do: 'fault', calendar: 2, on: 'create', when: 'after', kind: 'bug', times: 5, waitSeconds: null } }] },
        sync(1), { do: 'edit', calendar: 1, event: 0.5, field: 'location', value: 0.1 },
        { do: 'edit', calendar: 1, event: 0.8, field: 'attendee', value: 0.1 }, sync(0, 1), { do: 'hide', calendar: 2 },
        { do: 'edit', calendar: 1, event: 0.1, field: 'transparency', value: 0.1 },
        { do: 'sync', pairs: [0, 1], during: [{ at: 4, what: { do: 'crash' } }, { at: 8, what: { do: 'edit', calendar: 0, event: 0.4, field: 'description', value: 0.27 } }] },
      ],
    },
  },
  {
    found: 'a Retry-After was forgotten when a later run had begun meanwhile',
    schedule: {
      profile: { calendars: [dav('stored'), CLOUD], pairs: [{ caldav: 0, cloud: 1, direction: 'caldav-to-cloud', options: { holdDeletions: { moreThan: 1000, percent: 100 } } }] },
      seed: 1,
      steps: [
        { do: 'insert', calendar: 1, kind: 'series', value: 0.1 }, { do: 'sync', pairs: [0], during: [{ at: 2, what: { do: 'lose-workflow' } }] },
        { do: 'sync', pairs: [0], during: [{ at: 2, what: { do: 'crash' } }, { at: 14, what: { do: 'edit', calendar: 1, event: 0, field: 'location', value: 0.3 } }, { at: 3, what: { do: 'stand-still' } }] },
        { do: 'thaw' }, { do: 'fault', calendar: 0, on: 'changes', when: 'after', kind: 'throttled', times: 1, waitSeconds: 600 }, SYNC, SYNC,
      ],
    },
  },
  {
    found: 'a copy of another pair that no listing showed counted as if it were not on its way',
    schedule: {
      profile: { calendars: [dav('stored'), dav('sent'), CLOUD], pairs: [pair(0, 2), pair(1, 2)] },
      seed: 1,
      steps: [
        { do: 'insert', calendar: 2, kind: 'single', value: 0.1 }, { do: 'insert', calendar: 2, kind: 'single', value: 0.1 },
        { do: 'insert', calendar: 2, kind: 'single', value: 0.1 }, sync(1), { do: 'insert', calendar: 0, kind: 'series', value: 0.7 },
        SYNC, { do: 'remove-many', calendar: 2, share: 1 }, SYNC, sync(0, 1), sync(1),
        { do: 'empty', calendar: 2 }, { do: 'turn', pair: 1, direction: 'caldav-to-cloud' }, { do: 'edit', calendar: 0, event: 0.1, field: 'status', value: 0.4 },
        sync(1), sync(1), sync(0, 1),
      ],
    },
  },
  {
    found: 'an old copy of ours that a listing showed late was taken for a new event',
    schedule: {
      profile: { calendars: [dav('stored'), { ...CLOUD, isView: true }], pairs: [pair(0, 1)] },
      seed: 1,
      steps: [
        { do: 'insert', calendar: 1, kind: 'series', value: 0.1 }, { do: 'insert', calendar: 1, kind: 'series', value: 0.1 },
        { do: 'insert', calendar: 1, kind: 'single', value: 0.1 }, { do: 'sync', pairs: [0], during: [{ at: 34, what: { do: 'freeze', calendar: 0 } }] },
        { do: 'sync', pairs: [0], during: [{ at: 6, what: { do: 'remove', calendar: 0, event: 0.07 } }] },
        { do: 'edit', calendar: 1, event: 0.1, field: 'override', value: 0.1 }, SYNC, SYNC, { do: 'wait', seconds: 600 }, SYNC, SYNC, SYNC, { do: 'expire', calendar: 0 },
        { do: 'sync', pairs: [0], during: [{ at: 25, what: { do: 'edit', calendar: 1, event: 0.85, field: 'attendee', value: 1 } }] },
      ],
    },
  },
  {
    found: 'what a write that counted as a lost race had put there was taken for an edit, and beat a newer one',
    schedule: {
      profile: { calendars: [dav('stored'), CLOUD], pairs: [pair(0, 1)] },
      seed: 1,
      steps: [
        { do: 'insert', calendar: 1, kind: 'single', value: 0.1 }, { do: 'insert', calendar: 1, kind: 'single', value: 0.1 }, SYNC,
        { do: 'fault', calendar: 0, on: 'update', when: 'before', kind: 'rejected', times: 5, waitSeconds: null }, { do: 'remove', calendar: 1, event: 0.1 },
        { do: 'fault', calendar: 1, on: 'update', when: 'after', kind: 'stale', times: 2, waitSeconds: null },
        { do: 'edit', calendar: 1, event: 0.1, field: 'visibility', value: 0.5 }, { do: 'edit', calendar: 0, event: 0.5, field: 'title', value: 0.1 },
        { do: 'sync', pairs: [0], during: [{ at: 4, what: { do: 'edit', calendar: 0, event: 0.99, field: 'title', value: 0.76 } }] },
      ],
    },
  },
  {
    found: 'our own deletion of a copy, its answer lost, counted as a deletion by a person when its cancelled original was revived',
    schedule: {
      profile: { calendars: [dav('stored'), { ...CLOUD, noCancelled: true }], pairs: [pair(0, 1)] },
      seed: 1,
      steps: [
        { do: 'insert', calendar: 0, kind: 'single', value: 0.1 }, { do: 'fault', calendar: 1, on: 'remove', when: 'after', kind: 'bug', times: 1, waitSeconds: null },
        SYNC, { do: 'back-up', calendar: 0 }, { do: 'edit', calendar: 0, event: 0.1, field: 'status', value: 0.7 }, SYNC, { do: 'restore', calendar: 0 },
      ],
    },
  },
  {
    found: 'a value that was carried over and then taken back on that side by a person came back, while the other half of the decision was held',
    schedule: {
      profile: { calendars: [dav('stored'), { ...CLOUD, noCancelled: true }], pairs: [pair(0, 1)] },
      seed: 1,
      steps: [
        { do: 'insert', calendar: 1, kind: 'single', value: 0.1 }, { do: 'insert', calendar: 1, kind: 'series', value: 0.1 },
        { do: 'insert', calendar: 1, kind: 'guests', value: 0.1 }, { do: 'insert', calendar: 0, kind: 'everywhere', value: 0.1 },
        { do: 'insert', calendar: 1, kind: 'series', value: 0.1 }, { do: 'insert', calendar: 0, kind: 'alike', value: 0.1 }, SYNC, { do: 'back-up', calendar: 0 },
        { do: 'remove', calendar: 1, event: 0.5 }, { do: 'edit', calendar: 0, event: 0.4, field: 'status', value: 0.7 },
        { do: 'sync', pairs: [0], during: [{ at: 6, what: { do: 'edit', calendar: 1, event: 0.52, field: 'title', value: 0.99 } }, { at: 7, what: { do: 'stand-still' } }] },
        { do: 'restore', calendar: 0 },
      ],
    },
  },
  {
    found: 'a deletion was forgotten, because the calendar of somebody else said that the other copy was gone, too',
    schedule: {
      profile: { calendars: [dav('stored'), CLOUD], pairs: [pair(0, 1)] },
      seed: 1,
      steps: [
        { do: 'insert', calendar: 0, kind: 'single', value: 0.1 }, { do: 'insert', calendar: 1, kind: 'series', value: 0.1 }, SYNC,
        { do: 'fault', calendar: 0, on: 'remove', when: 'before', kind: 'stale', times: 5, waitSeconds: null }, SYNC, { do: 'remove', calendar: 1, event: 0.1 },
        { do: 'sync', pairs: [0], during: [{ at: 20, what: { do: 'stranger', calendar: 0 } }] },
      ],
    },
  },
  {
    found: 'an event was deleted because the credentials had begun to open the calendar of somebody else, which does not have it',
    schedule: {
      profile: { calendars: [dav('sent-without-version'), { ...CLOUD, isView: true }], pairs: [{ caldav: 0, cloud: 1, direction: 'cloud-to-caldav', options: { holdDeletions: { moreThan: 1000, percent: 100 } } }] },
      seed: 1,
      steps: [
        { do: 'insert', calendar: 1, kind: 'single', value: 0.1 }, { do: 'insert', calendar: 0, kind: 'everywhere', value: 0.1 }, SYNC, { do: 'wait', seconds: 4000 },
        SYNC, { do: 'edit', calendar: 1, event: 0.1, field: 'when', value: 0.6 }, { do: 'sync', pairs: [0], during: [{ at: 3, what: { do: 'stranger', calendar: 1 } }] },
      ],
    },
  },
  {
    found: 'a copy whose create was never answered, outside of what the service tells of, was made again when its original was removed and came back under another name',
    schedule: {
      profile: { calendars: [dav('stored'), CLOUD, { ...CLOUD, isView: true }], pairs: [pair(0, 1), pair(0, 2)] },
      seed: 1,
      steps: [
        { do: 'insert', calendar: 1, kind: 'series', value: 0.1 }, { do: 'insert', calendar: 1, kind: 'single', value: 0.6 },
        { do: 'fault', calendar: 2, on: 'create', when: 'after', kind: 'bug', times: 5, waitSeconds: null }, SYNC, { do: 'remove', calendar: 0, event: 0.1 },
        { do: 'sync', pairs: [0, 1], during: [{ at: 37, what: { do: 'edit', calendar: 1, event: 0.78, field: 'status', value: 0.94 } }] },
        { do: 'remove', calendar: 0, event: 0.1 }, SYNC, { do: 'sync', pairs: [1], during: [] },
      ],
    },
  },
  {
    found: 'an exception that a backup did not have counted as one that the service had dropped, because a write of another exception was open',
    schedule: {
      profile: { calendars: [dav('stored'), CLOUD], pairs: [pair(0, 1)] },
      seed: 1,
      steps: [
        { do: 'sync', pairs: [0], during: [{ at: 11, what: { do: 'insert', calendar: 0, kind: 'series', value: 0.5 } }] }, SYNC,
        { do: 'edit', calendar: 1, event: 0.1, field: 'override', value: 0.1 }, { do: 'back-up', calendar: 0 }, SYNC, { do: 'freeze', calendar: 0 },
        { do: 'edit', calendar: 1, event: 0.1, field: 'override', value: 0.3 }, { do: 'restore', calendar: 0 }, SYNC,
      ],
    },
  },
];
