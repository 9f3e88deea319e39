/** Schedules that once broke an invariant, made shorter by `shrink.ts`. They are played in every run of the tests, for ever. */
import type { Field, InsertKind, Schedule } from './steps.ts';

export interface Regression {
  /** What was wrong with the engine. */
  readonly title: string;
  readonly schedule: Schedule;
}

const CLOUD = { answers: 'stored', keepsIds: true, refusesUidTwice: false } as const;
const dav = (answers: 'stored' | 'sent' | 'sent-without-version') =>
  ({ answers, keepsIds: false, refusesUidTwice: true }) as const;
/** Both ways between two of the calendars; deletions are not held. */
const pair = (caldav: number, cloud: number) =>
  ({
    caldav,
    cloud,
    direction: 'bidirectional',
    options: { holdDeletions: { moreThan: 1_000, percent: 100 } },
  }) as const;

const PLAIN: Schedule['profile'] = { calendars: [dav('sent'), CLOUD], pairs: [pair(0, 1)] };

const insert = (calendar: number, kind: InsertKind, value: number) =>
  ({ do: 'insert', calendar, kind, value }) as const;
const edit = (calendar: number, event: number, field: Field, value: number) =>
  ({ do: 'edit', calendar, event, field, value }) as const;
const remove = (calendar: number, event: number) => ({ do: 'remove', calendar, event }) as const;
const sync = (...pairs: number[]) => ({ do: 'sync', pairs, during: [] }) as const;
const SYNC = sync(0);

export const REGRESSIONS: readonly Regression[] = [
  {
    title: 'an update whose answer died with its workflow was taken for an edit, and beat the deletion of its original',
    schedule: {
      profile: PLAIN,
      seed: 1,
      steps: [
        insert(0, 'single', 0.3),
        SYNC,
        SYNC,
        edit(0, 0, 'title', 0.5),
        {
          do: 'sync',
          pairs: [0],
          during: [
            { at: 8, step: remove(0, 0) },
            { at: 16, step: { do: 'lose-workflow' } },
          ],
        },
      ],
    },
  },
  {
    title: 'a Retry-After of one side was forgotten when the other side failed at the same time',
    schedule: {
      profile: PLAIN,
      seed: 1,
      steps: [
        insert(0, 'single', 0.3),
        SYNC,
        { do: 'fault', calendar: 0, on: 'changes', when: 'before', kind: 'unreachable', times: 1, waitSeconds: null },
        { do: 'fault', calendar: 1, on: 'changes', when: 'before', kind: 'throttled', times: 1, waitSeconds: 600 },
        SYNC,
        SYNC,
      ],
    },
  },
  {
    title: 'an edit was left lying when the other half of its event was refused for good while it lost its race itself',
    schedule: {
      profile: PLAIN,
      seed: 1,
      steps: [
        insert(0, 'single', 0.3),
        SYNC,
        SYNC,
        { do: 'fault', calendar: 0, on: 'update', when: 'before', kind: 'rejected', times: 1, waitSeconds: null },
        { do: 'fault', calendar: 1, on: 'update', when: 'before', kind: 'stale', times: 5, waitSeconds: null },
        edit(0, 0, 'title', 0.5),
        edit(1, 0, 'location', 0.5),
        SYNC,
      ],
    },
  },
  {
    title:
      'a copy that did not answer was made once more, under another name, when its event came back by another pair',
    schedule: {
      profile: { calendars: [dav('sent-without-version'), dav('stored'), CLOUD], pairs: [pair(0, 2), pair(1, 2)] },
      seed: 1,
      steps: [
        insert(1, 'single', 0.1),
        insert(2, 'series', 0.1),
        insert(1, 'series', 0.1),
        insert(0, 'single', 0.1),
        insert(2, 'series', 0.1),
        sync(1),
        SYNC,
        { do: 'delay-copy', calendar: 0, event: 0.5 },
        edit(2, 0.2, 'visibility', 0.5),
        SYNC,
        insert(0, 'single', 0.1),
        insert(0, 'series', 0.1),
        { do: 'remove-many', calendar: 2, share: 0.3 },
        { do: 'sync', pairs: [0], during: [{ at: 24, step: edit(1, 0.89, 'title', 0.16) }] },
        { do: 'sync', pairs: [1], during: [{ at: 8, step: insert(0, 'single', 0.33) }] },
        edit(0, 0.3, 'title', 0.1),
        SYNC,
      ],
    },
  },
  {
    title:
      'a pair waited for a day for what another pair had written and a person had removed at once, although its original was gone',
    schedule: {
      profile: { calendars: [dav('sent'), CLOUD, CLOUD], pairs: [pair(0, 1), pair(0, 2)] },
      seed: 433105,
      steps: [
        insert(1, 'same-uid', 0.1),
        insert(2, 'single', 0.1),
        insert(0, 'same-uid', 0.1),
        sync(0, 1),
        { do: 'set-direction', pair: 1, direction: 'cloud-to-caldav' },
        edit(1, 0.1, 'description', 0.1),
        remove(0, 0.9),
        insert(1, 'single', 0.1),
        {
          do: 'sync',
          pairs: [1],
          during: [
            {
              at: 23,
              step: {
                do: 'fault',
                calendar: 0,
                on: 'changes',
                when: 'before',
                kind: 'quota',
                times: 5,
                waitSeconds: null,
              },
            },
          ],
        },
        edit(1, 0.4, 'visibility', 0.8),
        { do: 'remove-many', calendar: 0, share: 0.3 },
        insert(2, 'same-uid', 0.1),
        sync(0, 1),
        { do: 'sync', pairs: [0], during: [{ at: 2, step: insert(0, 'guests', 0.27) }] },
        SYNC,
        SYNC,
        { do: 'sync', pairs: [0], during: [{ at: 1, step: remove(1, 0.86) }] },
        {
          do: 'sync',
          pairs: [0],
          during: [
            { at: 51, step: { do: 'expire-cursors', calendar: 0 } },
            { at: 7, step: remove(2, 0.71) },
          ],
        },
      ],
    },
  },
  {
    title: 'a first meeting with the calendar of somebody else counted as the first meeting',
    schedule: {
      profile: {
        calendars: [dav('sent'), CLOUD],
        pairs: [
          { caldav: 0, cloud: 1, direction: 'bidirectional', options: { holdDeletions: { moreThan: 2, percent: 20 } } },
        ],
      },
      seed: 1,
      steps: [
        insert(1, 'series', 0.2610814212821424),
        insert(0, 'same-content', 0.0088972223456949),
        { do: 'other-account', calendar: 1 },
        SYNC,
      ],
    },
  },
  {
    title:
      'a crash between the proof of a deletion and the decision let a listing that lagged behind bring the event back as a new one',
    schedule: {
      profile: { calendars: [dav('stored'), CLOUD], pairs: [pair(0, 1)] },
      seed: 1,
      steps: [
        insert(1, 'single', 0.1),
        insert(1, 'single', 0.1),
        insert(1, 'single', 0.1),
        insert(1, 'series', 0.1),
        remove(1, 0.1),
        { do: 'sync', pairs: [0], during: [{ at: 3, step: insert(1, 'same-uid', 0.34) }] },
        edit(1, 0.1, 'transparency', 0.1),
        { do: 'freeze-listing', calendar: 0 },
        edit(1, 0.1, 'status', 0.1),
        { do: 'reimport', calendar: 1, event: 0.1 },
        edit(1, 0.5, 'title', 0.1),
        remove(0, 0.3),
        SYNC,
        { do: 'resync', pair: 0 },
        { do: 'sync', pairs: [0], during: [{ at: 24, step: { do: 'crash' } }] },
      ],
    },
  },
  {
    title: 'a pair waited for a copy that another pair had made, and that the change feed of its calendar never names',
    schedule: {
      profile: {
        calendars: [
          dav('stored'),
          dav('stored'),
          { answers: 'stored', keepsIds: true, refusesUidTwice: false, isView: true },
        ],
        pairs: [pair(0, 2), pair(1, 2)],
      },
      seed: 1,
      steps: [insert(2, 'same-uid', 0.6), { do: 'remove-many', calendar: 2, share: 1 }, sync(1), remove(2, 0.1)],
    },
  },
  {
    title: 'an event that two pairs brought back at once was made twice, because only the poll looked for what is one',
    schedule: {
      profile: { calendars: [dav('stored'), CLOUD, CLOUD], pairs: [pair(0, 1), pair(0, 2)] },
      seed: 1,
      steps: [
        insert(2, 'single', 0.1),
        sync(1),
        { do: 'freeze-listing', calendar: 0 },
        edit(2, 0.3, 'description', 0.1),
        { do: 'remove-many', calendar: 0, share: 0.7 },
        SYNC,
        sync(1),
        edit(1, 0.1, 'transparency', 0.5),
        SYNC,
      ],
    },
  },
  {
    title: 'the copy of another pair was found beside one that was gone, which nobody had asked for',
    schedule: {
      profile: { calendars: [dav('stored'), CLOUD, CLOUD], pairs: [pair(0, 1), pair(0, 2)] },
      seed: 198493,
      steps: [
        insert(2, 'series', 0.1),
        insert(1, 'single', 0.1),
        insert(2, 'single', 0.1),
        sync(0, 1),
        { do: 'sync', pairs: [0, 1], during: [{ at: 13, step: remove(0, 0.14) }] },
        { do: 'freeze-listing', calendar: 0 },
        remove(0, 0.1),
        { do: 'sync', pairs: [1], during: [{ at: 19, step: edit(2, 0.36, 'recurrence', 0.85) }] },
        sync(1),
        edit(1, 0.1, 'exclude', 0.9),
        SYNC,
      ],
    },
  },
  {
    title:
      'a value that its server tidied up was written again and again while the other half waited, and ended as flapping',
    schedule: {
      profile: {
        calendars: [{ ...dav('stored'), rewritesLocation: true, clockSkewMs: -86_400_000 }, CLOUD],
        pairs: [pair(0, 1)],
      },
      seed: 1,
      steps: [
        insert(0, 'single', 0.1),
        SYNC,
        edit(0, 0.4, 'description', 0.1),
        { do: 'fault', calendar: 1, on: 'update', when: 'before', kind: 'throttled', times: 5, waitSeconds: 30 },
        edit(1, 0.1, 'location', 0.1),
        SYNC,
        SYNC,
        SYNC,
        edit(1, 0.1, 'transparency', 0.1),
        SYNC,
      ],
    },
  },
  {
    title:
      'a copy that nothing had shown yet became the half of another link, and was made again under the name of that',
    schedule: {
      profile: {
        calendars: [dav('stored'), { answers: 'sent', keepsIds: true, refusesUidTwice: false }, CLOUD],
        pairs: [pair(0, 1), pair(0, 2)],
      },
      seed: 1,
      steps: [
        insert(0, 'series', 0.1),
        sync(0, 1),
        remove(0, 0.1),
        { do: 'delay-copy', calendar: 1, event: 0.1 },
        edit(2, 0.1, 'location', 0.1),
        sync(1),
        SYNC,
        SYNC,
      ],
    },
  },
  {
    title: 'what a listing that lagged behind showed twice was believed the second time',
    schedule: {
      profile: { calendars: [{ ...dav('stored'), pageSize: 3 }, CLOUD], pairs: [pair(0, 1)] },
      seed: 1,
      steps: [
        insert(1, 'single', 0.1),
        insert(0, 'single', 0.1),
        insert(1, 'series', 0.1),
        insert(1, 'series', 0.1),
        insert(0, 'guests', 0.9),
        insert(1, 'single', 0.1),
        SYNC,
        SYNC,
        SYNC,
        { do: 'back-up', calendar: 0 },
        remove(0, 0.1),
        SYNC,
        edit(0, 0.1, 'override', 0.8),
        {
          do: 'sync',
          pairs: [0],
          during: [
            { at: 2, step: insert(0, 'single', 0.19) },
            {
              at: 5,
              step: {
                do: 'fault',
                calendar: 1,
                on: 'changes',
                when: 'before',
                kind: 'auth',
                times: 2,
                waitSeconds: null,
              },
            },
          ],
        },
        SYNC,
        edit(0, 0.1, 'exclude', 0.8),
        SYNC,
        edit(1, 0.5, 'description', 0.1),
        { do: 'sync', pairs: [0], during: [{ at: 1, step: { do: 'lose-workflow' } }] },
        {
          do: 'sync',
          pairs: [0],
          during: [
            { at: 24, step: { do: 'restore', calendar: 0 } },
            { at: 6, step: { do: 'freeze-listing', calendar: 0 } },
          ],
        },
        SYNC,
        { do: 'sync', pairs: [0], during: [{ at: 8, step: { do: 'crash' } }] },
      ],
    },
  },
  {
    title: 'an event that was left alone beside its double stayed alone when the double went',
    schedule: {
      profile: { calendars: [dav('stored'), dav('stored'), CLOUD], pairs: [pair(0, 2), pair(1, 2)] },
      seed: 1,
      steps: [
        insert(1, 'single', 0.1),
        insert(1, 'single', 0.1),
        edit(1, 0.5, 'transparency', 1),
        remove(1, 0.1),
        sync(1),
        { do: 'freeze-listing', calendar: 1 },
        remove(1, 0.3),
        edit(2, 0.1, 'transparency', 0.1),
        sync(1),
        { do: 'wait', seconds: 4000 },
        remove(2, 0.1),
        { do: 'resync', pair: 1 },
        {
          do: 'sync',
          pairs: [0, 1],
          during: [
            {
              at: 46,
              step: {
                do: 'fault',
                calendar: 1,
                on: 'remove',
                when: 'before',
                kind: 'throttled',
                times: 2,
                waitSeconds: 30,
              },
            },
          ],
        },
        sync(0, 1),
        edit(1, 0.1, 'visibility', 0.5),
        sync(1),
      ],
    },
  },
  {
    title: 'a deletion by a run that broke off did not count for the limit of the day',
    schedule: {
      profile: {
        calendars: [dav('stored'), CLOUD],
        pairs: [
          { caldav: 0, cloud: 1, direction: 'bidirectional', options: { holdDeletions: { moreThan: 1, percent: 20 } } },
        ],
      },
      seed: 1,
      steps: [
        insert(1, 'single', 0.1),
        insert(1, 'series', 0.1),
        SYNC,
        SYNC,
        remove(1, 0.1),
        { do: 'sync', pairs: [0], during: [{ at: 22, step: { do: 'lose-workflow' } }] },
        remove(0, 0.1),
        { do: 'freeze-listing', calendar: 1 },
        remove(1, 0.1),
        SYNC,
        { do: 'decide', pair: 0, decision: 'restore', share: 0.5 },
        SYNC,
      ],
    },
  },
  {
    title:
      'a worker that woke took up a run that had been given up, and put its old merge over what a later one had found',
    schedule: {
      profile: { calendars: [dav('stored'), CLOUD], pairs: [pair(0, 1)] },
      seed: 1,
      steps: [
        insert(1, 'single', 0.1),
        SYNC,
        edit(0, 0.4, 'description', 0.1),
        {
          do: 'sync',
          pairs: [0],
          during: [
            { at: 18, step: { do: 'lose-workflow' } },
            { at: 14, step: { do: 'stall' } },
          ],
        },
        edit(1, 0.4, 'when', 0.1),
        SYNC,
      ],
    },
  },
  {
    title:
      'a copy that got a second name got a third one when the end of the first was proved, while the second might be there',
    schedule: {
      profile: { calendars: [dav('stored'), { ...CLOUD, isView: true }], pairs: [pair(0, 1)] },
      seed: 1,
      steps: [
        insert(0, 'single', 0.6),
        SYNC,
        { do: 'fault', calendar: 1, on: 'create', when: 'after', kind: 'unreachable', times: 5, waitSeconds: null },
        edit(0, 0.5, 'attendee', 0.1),
        {
          do: 'sync',
          pairs: [0],
          during: [
            { at: 3, step: edit(1, 0.94, 'attendee', 0.85) },
            { at: 19, step: remove(1, 0.89) },
          ],
        },
        SYNC,
      ],
    },
  },
  {
    title: 'a worker that woke with a merge of yesterday brought back what people had removed',
    schedule: {
      profile: { calendars: [dav('stored'), CLOUD], pairs: [pair(0, 1)] },
      seed: 1,
      steps: [
        insert(0, 'single', 0.1),
        insert(0, 'series', 0.1),
        { do: 'sync', pairs: [0], during: [{ at: 3, step: { do: 'rename', calendar: 0, event: 0.03 } }] },
        remove(1, 0.1),
        { do: 'sync', pairs: [0], during: [{ at: 9, step: insert(1, 'series', 0.72) }] },
        edit(1, 0.1, 'when', 0.1),
        {
          do: 'sync',
          pairs: [0],
          during: [
            { at: 20, step: { do: 'stall' } },
            { at: 25, step: { do: 'lose-workflow' } },
          ],
        },
        edit(1, 0.9, 'attendee', 0.1),
        SYNC,
        { do: 'sync', pairs: [0], during: [{ at: 2, step: { do: 'remove-many', calendar: 1, share: 1 } }] },
      ],
    },
  },
  {
    title: 'two pairs made the same event in one calendar, because the answer to the create of one had been lost',
    schedule: {
      profile: {
        calendars: [dav('sent'), { ...dav('sent'), pageSize: 3 }, CLOUD],
        pairs: [
          { caldav: 0, cloud: 2, direction: 'bidirectional', options: { holdDeletions: { moreThan: 2, percent: 20 } } },
          { caldav: 1, cloud: 2, direction: 'bidirectional', options: { holdDeletions: { moreThan: 2, percent: 20 } } },
        ],
      },
      seed: 1,
      steps: [
        insert(1, 'single', 0.1),
        insert(0, 'series', 0.1),
        insert(1, 'series', 0.1),
        insert(1, 'single', 0.1),
        insert(0, 'same-uid', 0.1),
        sync(1),
        SYNC,
        { do: 'remove-many', calendar: 2, share: 0.7 },
        { do: 'sync', pairs: [0], during: [{ at: 2, step: remove(1, 0.06) }] },
        {
          do: 'sync',
          pairs: [1],
          during: [
            { at: 3, step: { do: 'crash' } },
            {
              at: 5,
              step: { do: 'fault', calendar: 2, on: 'create', when: 'after', kind: 'bug', times: 5, waitSeconds: null },
            },
          ],
        },
        sync(1),
        edit(1, 0.5, 'location', 0.1),
        edit(1, 0.8, 'attendee', 0.1),
        sync(0, 1),
        { do: 'hide-half', calendar: 2 },
        edit(1, 0.1, 'transparency', 0.1),
        {
          do: 'sync',
          pairs: [0, 1],
          during: [
            { at: 4, step: { do: 'crash' } },
            { at: 8, step: edit(0, 0.4, 'description', 0.27) },
          ],
        },
      ],
    },
  },
  {
    title: 'a Retry-After was forgotten when a later run had begun meanwhile',
    schedule: {
      profile: {
        calendars: [dav('stored'), CLOUD],
        pairs: [
          {
            caldav: 0,
            cloud: 1,
            direction: 'caldav-to-cloud',
            options: { holdDeletions: { moreThan: 1000, percent: 100 } },
          },
        ],
      },
      seed: 1,
      steps: [
        insert(1, 'series', 0.1),
        { do: 'sync', pairs: [0], during: [{ at: 2, step: { do: 'lose-workflow' } }] },
        {
          do: 'sync',
          pairs: [0],
          during: [
            { at: 2, step: { do: 'crash' } },
            { at: 14, step: edit(1, 0, 'location', 0.3) },
            { at: 3, step: { do: 'stall' } },
          ],
        },
        { do: 'wake' },
        { do: 'fault', calendar: 0, on: 'changes', when: 'after', kind: 'throttled', times: 1, waitSeconds: 600 },
        SYNC,
        SYNC,
      ],
    },
  },
  {
    title: 'a copy of another pair that no listing showed counted as if it were not on its way',
    schedule: {
      profile: { calendars: [dav('stored'), dav('sent'), CLOUD], pairs: [pair(0, 2), pair(1, 2)] },
      seed: 1,
      steps: [
        insert(2, 'single', 0.1),
        insert(2, 'single', 0.1),
        insert(2, 'single', 0.1),
        sync(1),
        insert(0, 'series', 0.7),
        SYNC,
        { do: 'remove-many', calendar: 2, share: 1 },
        SYNC,
        sync(0, 1),
        sync(1),
        { do: 'list-nothing', calendar: 2 },
        { do: 'set-direction', pair: 1, direction: 'caldav-to-cloud' },
        edit(0, 0.1, 'status', 0.4),
        sync(1),
        sync(1),
        sync(0, 1),
      ],
    },
  },
  {
    title: 'an old copy of ours that a listing showed late was taken for a new event',
    schedule: {
      profile: { calendars: [dav('stored'), { ...CLOUD, isView: true }], pairs: [pair(0, 1)] },
      seed: 1,
      steps: [
        insert(1, 'series', 0.1),
        insert(1, 'series', 0.1),
        insert(1, 'single', 0.1),
        { do: 'sync', pairs: [0], during: [{ at: 34, step: { do: 'freeze-listing', calendar: 0 } }] },
        { do: 'sync', pairs: [0], during: [{ at: 6, step: remove(0, 0.07) }] },
        edit(1, 0.1, 'override', 0.1),
        SYNC,
        SYNC,
        { do: 'wait', seconds: 600 },
        SYNC,
        SYNC,
        SYNC,
        { do: 'expire-cursors', calendar: 0 },
        { do: 'sync', pairs: [0], during: [{ at: 25, step: edit(1, 0.85, 'attendee', 1) }] },
      ],
    },
  },
  {
    title: 'what a write that counted as a lost race had put there was taken for an edit, and beat a newer one',
    schedule: {
      profile: { calendars: [dav('stored'), CLOUD], pairs: [pair(0, 1)] },
      seed: 1,
      steps: [
        insert(1, 'single', 0.1),
        insert(1, 'single', 0.1),
        SYNC,
        { do: 'fault', calendar: 0, on: 'update', when: 'before', kind: 'rejected', times: 5, waitSeconds: null },
        remove(1, 0.1),
        { do: 'fault', calendar: 1, on: 'update', when: 'after', kind: 'stale', times: 2, waitSeconds: null },
        edit(1, 0.1, 'visibility', 0.5),
        edit(0, 0.5, 'title', 0.1),
        { do: 'sync', pairs: [0], during: [{ at: 4, step: edit(0, 0.99, 'title', 0.76) }] },
      ],
    },
  },
  {
    title:
      'our own deletion of a copy, its answer lost, counted as a deletion by a person when its cancelled original was revived',
    schedule: {
      profile: { calendars: [dav('stored'), { ...CLOUD, noCancelled: true }], pairs: [pair(0, 1)] },
      seed: 1,
      steps: [
        insert(0, 'single', 0.1),
        { do: 'fault', calendar: 1, on: 'remove', when: 'after', kind: 'bug', times: 1, waitSeconds: null },
        SYNC,
        { do: 'back-up', calendar: 0 },
        edit(0, 0.1, 'status', 0.7),
        SYNC,
        { do: 'restore', calendar: 0 },
      ],
    },
  },
  {
    title:
      'a value that was carried over and then taken back on that side by a person came back, while the other half of the decision was held',
    schedule: {
      profile: { calendars: [dav('stored'), { ...CLOUD, noCancelled: true }], pairs: [pair(0, 1)] },
      seed: 1,
      steps: [
        insert(1, 'single', 0.1),
        insert(1, 'series', 0.1),
        insert(1, 'guests', 0.1),
        insert(0, 'same-uid', 0.1),
        insert(1, 'series', 0.1),
        insert(0, 'same-content', 0.1),
        SYNC,
        { do: 'back-up', calendar: 0 },
        remove(1, 0.5),
        edit(0, 0.4, 'status', 0.7),
        {
          do: 'sync',
          pairs: [0],
          during: [
            { at: 6, step: edit(1, 0.52, 'title', 0.99) },
            { at: 7, step: { do: 'stall' } },
          ],
        },
        { do: 'restore', calendar: 0 },
      ],
    },
  },
  {
    title: 'a deletion was forgotten, because the calendar of somebody else said that the other copy was gone, too',
    schedule: {
      profile: { calendars: [dav('stored'), CLOUD], pairs: [pair(0, 1)] },
      seed: 1,
      steps: [
        insert(0, 'single', 0.1),
        insert(1, 'series', 0.1),
        SYNC,
        { do: 'fault', calendar: 0, on: 'remove', when: 'before', kind: 'stale', times: 5, waitSeconds: null },
        SYNC,
        remove(1, 0.1),
        { do: 'sync', pairs: [0], during: [{ at: 20, step: { do: 'other-account', calendar: 0 } }] },
      ],
    },
  },
  {
    title:
      'an event was deleted because the credentials had begun to open the calendar of somebody else, which does not have it',
    schedule: {
      profile: {
        calendars: [dav('sent-without-version'), { ...CLOUD, isView: true }],
        pairs: [
          {
            caldav: 0,
            cloud: 1,
            direction: 'cloud-to-caldav',
            options: { holdDeletions: { moreThan: 1000, percent: 100 } },
          },
        ],
      },
      seed: 1,
      steps: [
        insert(1, 'single', 0.1),
        insert(0, 'same-uid', 0.1),
        SYNC,
        { do: 'wait', seconds: 4000 },
        SYNC,
        edit(1, 0.1, 'when', 0.6),
        { do: 'sync', pairs: [0], during: [{ at: 3, step: { do: 'other-account', calendar: 1 } }] },
      ],
    },
  },
  {
    title:
      'a copy whose create was never answered, outside of what the service tells of, was made again when its original was removed and came back under another name',
    schedule: {
      profile: { calendars: [dav('stored'), CLOUD, { ...CLOUD, isView: true }], pairs: [pair(0, 1), pair(0, 2)] },
      seed: 1,
      steps: [
        insert(1, 'series', 0.1),
        insert(1, 'single', 0.6),
        { do: 'fault', calendar: 2, on: 'create', when: 'after', kind: 'bug', times: 5, waitSeconds: null },
        SYNC,
        remove(0, 0.1),
        { do: 'sync', pairs: [0, 1], during: [{ at: 37, step: edit(1, 0.78, 'status', 0.94) }] },
        remove(0, 0.1),
        SYNC,
        sync(1),
      ],
    },
  },
  {
    title:
      'an exception that a backup did not have counted as one that the service had dropped, because a write of another exception was open',
    schedule: {
      profile: { calendars: [dav('stored'), CLOUD], pairs: [pair(0, 1)] },
      seed: 1,
      steps: [
        { do: 'sync', pairs: [0], during: [{ at: 11, step: insert(0, 'series', 0.5) }] },
        SYNC,
        edit(1, 0.1, 'override', 0.1),
        { do: 'back-up', calendar: 0 },
        SYNC,
        { do: 'freeze-listing', calendar: 0 },
        edit(1, 0.1, 'override', 0.3),
        { do: 'restore', calendar: 0 },
        SYNC,
      ],
    },
  },
  {
    title:
      'the copy of a cancelled event was removed after the event had been confirmed again, because no listing had told of that',
    schedule: {
      profile: { calendars: [dav('stored'), { ...CLOUD, noCancelled: true }], pairs: [pair(0, 1)] },
      seed: 1,
      steps: [
        insert(0, 'single', 0.1),
        SYNC,
        SYNC,
        { do: 'fault', calendar: 1, on: 'remove', when: 'before', kind: 'throttled', times: 1, waitSeconds: 600 },
        edit(0, 0.1, 'status', 0.7),
        SYNC,
        edit(0, 0.1, 'status', 0.4),
        { do: 'hide-half', calendar: 0 },
        { do: 'wait', seconds: 4_000 },
        SYNC,
      ],
    },
  },
  {
    title: 'a pause while the original of a cancelled copy was being asked for did not stop the removal of the copy',
    schedule: {
      profile: { calendars: [dav('stored'), { ...CLOUD, noCancelled: true }], pairs: [pair(0, 1)] },
      seed: 1,
      steps: [
        insert(0, 'single', 0.1),
        SYNC,
        SYNC,
        edit(0, 0.1, 'status', 0.7),
        { do: 'sync', pairs: [0], during: [{ at: 16, step: { do: 'pause', pair: 0 } }] },
      ],
    },
  },
  {
    title:
      'the copy of an event was removed on an old proof of its deletion, though a backup had brought the event back and only the listing did not tell',
    schedule: {
      profile: PLAIN,
      seed: 1,
      steps: [
        insert(0, 'single', 0.1),
        insert(0, 'single', 0.5),
        SYNC,
        SYNC,
        { do: 'back-up', calendar: 0 },
        { do: 'fault', calendar: 1, on: 'remove', when: 'before', kind: 'throttled', times: 1, waitSeconds: 600 },
        remove(0, 0.1),
        SYNC,
        { do: 'restore', calendar: 0 },
        { do: 'hide-half', calendar: 0 },
        { do: 'wait', seconds: 4_000 },
        SYNC,
      ],
    },
  },
];
