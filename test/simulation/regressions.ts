/**
 * Schedules of one pair that once violated an invariant, shortened by `shrink.ts`. Every run of the tests plays them.
 * Those of two pairs are in `regressions-of-two-pairs.ts`.
 */
import {
  at,
  caldav,
  cloud,
  edit,
  FIRST,
  fault,
  insert,
  interruptedSync,
  pair,
  remove,
  sync,
  undo,
} from './schedule-parts.ts';
import type { Schedule } from './steps.ts';

export interface Regression {
  /** What the engine did wrong. */
  readonly title: string;
  readonly schedule: Schedule;
}

const PLAIN: Schedule['profile'] = { calendars: [caldav(), cloud()], pairs: [pair(0, 1)] };

export const REGRESSIONS: readonly Regression[] = [
  {
    title: 'an update whose response was lost with the workflow counted as an edit and undid a deletion',
    schedule: {
      seed: 1,
      profile: PLAIN,
      steps: [
        insert(0),
        sync(0),
        sync(0),
        edit(0, 'title'),
        interruptedSync([0], at(8, remove(0)), at(16, { do: 'lose-workflow' })),
      ],
    },
  },
  {
    title: 'the Retry-After of one side was lost when the other side failed at the same time',
    schedule: {
      seed: 1,
      profile: PLAIN,
      steps: [
        insert(0),
        sync(0),
        fault(0, 'changes', 'unreachable'),
        fault(1, 'changes', 'throttled', { waitSeconds: 600 }),
        sync(0),
        sync(0),
      ],
    },
  },
  {
    title: 'an edit was not written when the write to the other side was rejected and its own write failed with 412',
    schedule: {
      seed: 1,
      profile: PLAIN,
      steps: [
        insert(0),
        sync(0),
        sync(0),
        fault(0, 'update', 'rejected'),
        fault(1, 'update', 'stale', { times: 5 }),
        edit(0, 'title'),
        edit(1, 'location'),
        sync(0),
      ],
    },
  },
  {
    title: 'an initial matching against the calendar of another account counted as done',
    schedule: {
      seed: 1,
      profile: { calendars: [caldav(), cloud()], pairs: [pair(0, 1, 'bidirectional', { moreThan: 2, percent: 20 })] },
      steps: [
        insert(1, 'series', 0.2610814212821424),
        insert(0, 'same-content', 0.0088972223456949),
        { do: 'other-account', calendar: 1 },
        sync(0),
      ],
    },
  },
  {
    title:
      'after a crash between the confirmation of a deletion and the decision, an outdated listing restored the event',
    schedule: {
      seed: 1,
      profile: { calendars: [caldav('stored'), cloud()], pairs: [pair(0, 1)] },
      steps: [
        insert(1, 'single', 0.1),
        insert(1, 'single', 0.1),
        insert(1, 'single', 0.1),
        insert(1, 'series', 0.1),
        remove(1, 0.1),
        interruptedSync([0], at(3, insert(1, 'same-uid', 0.34))),
        edit(1, 'transparency', 0.1, 0.1),
        { do: 'freeze-listing', calendar: 0 },
        edit(1, 'status', 0.1, 0.1),
        { do: 'reimport', calendar: 1, event: 0.1 },
        edit(1, 'title', 0.5, 0.1),
        remove(0, 0.3),
        sync(0),
        { do: 'resync', pair: 0 },
        interruptedSync([0], at(24, { do: 'crash' })),
      ],
    },
  },
  {
    title:
      'a value that the server rewrote was written repeatedly while the other side waited, and counted as flapping',
    schedule: {
      seed: 1,
      profile: {
        calendars: [caldav('stored', { rewritesLocation: true, clockSkewMs: -86400000 }), cloud()],
        pairs: [pair(0, 1)],
      },
      steps: [
        insert(0, 'single', 0.1),
        sync(0),
        edit(0, 'description', 0.4, 0.1),
        fault(1, 'update', 'throttled', { times: 5, waitSeconds: 30 }),
        edit(1, 'location', 0.1, 0.1),
        sync(0),
        sync(0),
        sync(0),
        edit(1, 'transparency', 0.1, 0.1),
        sync(0),
      ],
    },
  },
  {
    title: 'an outdated listing was believed when it showed a deleted event for the second time',
    schedule: {
      seed: 1,
      profile: { calendars: [caldav('stored', { pageSize: 3 }), cloud()], pairs: [pair(0, 1)] },
      steps: [
        insert(1, 'single', 0.1),
        insert(0, 'single', 0.1),
        insert(1, 'series', 0.1),
        insert(1, 'series', 0.1),
        insert(0, 'guests', 0.9),
        insert(1, 'single', 0.1),
        sync(0),
        sync(0),
        sync(0),
        { do: 'back-up', calendar: 0 },
        remove(0, 0.1),
        sync(0),
        edit(0, 'override', 0.1, 0.8),
        interruptedSync([0], at(2, insert(0, 'single', 0.19)), at(5, fault(1, 'changes', 'auth', { times: 2 }))),
        sync(0),
        edit(0, 'exclude', 0.1, 0.8),
        sync(0),
        edit(1, 'description', 0.5, 0.1),
        interruptedSync([0], at(1, { do: 'lose-workflow' })),
        interruptedSync([0], at(24, { do: 'restore', calendar: 0 }), at(6, { do: 'freeze-listing', calendar: 0 })),
        sync(0),
        interruptedSync([0], at(8, { do: 'crash' })),
      ],
    },
  },
  {
    title: 'a deletion by an interrupted run did not count for the daily limit',
    schedule: {
      seed: 1,
      profile: {
        calendars: [caldav('stored'), cloud()],
        pairs: [pair(0, 1, 'bidirectional', { moreThan: 1, percent: 20 })],
      },
      steps: [
        insert(1, 'single', 0.1),
        insert(1, 'series', 0.1),
        sync(0),
        sync(0),
        remove(1, 0.1),
        interruptedSync([0], at(22, { do: 'lose-workflow' })),
        remove(0, 0.1),
        { do: 'freeze-listing', calendar: 1 },
        remove(1, 0.1),
        sync(0),
        { do: 'decide', pair: 0, decision: 'restore', share: 0.5 },
        sync(0),
      ],
    },
  },
  {
    title: 'a worker that woke continued an abandoned run, and wrote its old merge over newer changes',
    schedule: {
      seed: 1,
      profile: { calendars: [caldav('stored'), cloud()], pairs: [pair(0, 1)] },
      steps: [
        insert(1, 'single', 0.1),
        sync(0),
        edit(0, 'description', 0.4, 0.1),
        interruptedSync([0], at(18, { do: 'lose-workflow' }), at(14, { do: 'stall' })),
        edit(1, 'when', 0.4, 0.1),
        sync(0),
      ],
    },
  },
  {
    title: 'a copy with a second id was created under a third one, although the second might exist',
    schedule: {
      seed: 1,
      profile: { calendars: [caldav('stored'), cloud({ isView: true })], pairs: [pair(0, 1)] },
      steps: [
        insert(0, 'single', 0.6),
        sync(0),
        fault(1, 'create', 'unreachable', { when: 'after', times: 5 }),
        edit(0, 'attendee', 0.5, 0.1),
        interruptedSync([0], at(3, edit(1, 'attendee', 0.94, 0.85)), at(19, remove(1, 0.89))),
        sync(0),
      ],
    },
  },
  {
    title: 'a worker that woke with an old merge restored events that people had removed',
    schedule: {
      seed: 1,
      profile: { calendars: [caldav('stored'), cloud()], pairs: [pair(0, 1)] },
      steps: [
        insert(0, 'single', 0.1),
        insert(0, 'series', 0.1),
        interruptedSync([0], at(3, { do: 'rename', calendar: 0, event: 0.03 })),
        remove(1, 0.1),
        interruptedSync([0], at(9, insert(1, 'series', 0.72))),
        edit(1, 'when', 0.1, 0.1),
        interruptedSync([0], at(20, { do: 'stall' }), at(25, { do: 'lose-workflow' })),
        edit(1, 'attendee', 0.9, 0.1),
        sync(0),
        interruptedSync([0], at(2, { do: 'remove-many', calendar: 1, share: 1 })),
      ],
    },
  },
  {
    title: 'a Retry-After was lost when a later run had started meanwhile',
    schedule: {
      seed: 1,
      profile: { calendars: [caldav('stored'), cloud()], pairs: [pair(0, 1, 'caldav-to-cloud')] },
      steps: [
        insert(1, 'series', 0.1),
        interruptedSync([0], at(2, { do: 'lose-workflow' })),
        interruptedSync([0], at(2, { do: 'crash' }), at(14, edit(1, 'location', 0, 0.3)), at(3, { do: 'stall' })),
        { do: 'wake' },
        fault(0, 'changes', 'throttled', { when: 'after', waitSeconds: 600 }),
        sync(0),
        sync(0),
      ],
    },
  },
  {
    title: 'an old copy by Calpair in a delayed listing counted as a new event',
    schedule: {
      seed: 1,
      profile: { calendars: [caldav('stored'), cloud({ isView: true })], pairs: [pair(0, 1)] },
      steps: [
        insert(1, 'series', 0.1),
        insert(1, 'series', 0.1),
        insert(1, 'single', 0.1),
        interruptedSync([0], at(34, { do: 'freeze-listing', calendar: 0 })),
        interruptedSync([0], at(6, remove(0, 0.07))),
        edit(1, 'override', 0.1, 0.1),
        sync(0),
        sync(0),
        { do: 'wait', seconds: 600 },
        sync(0),
        sync(0),
        sync(0),
        { do: 'expire-cursors', calendar: 0 },
        interruptedSync([0], at(25, edit(1, 'attendee', 0.85, 1))),
      ],
    },
  },
  {
    title: 'a write that took effect although it failed with 412 counted as an edit and won against a newer one',
    schedule: {
      seed: 1,
      profile: { calendars: [caldav('stored'), cloud()], pairs: [pair(0, 1)] },
      steps: [
        insert(1, 'single', 0.1),
        insert(1, 'single', 0.1),
        sync(0),
        fault(0, 'update', 'rejected', { times: 5 }),
        remove(1, 0.1),
        fault(1, 'update', 'stale', { when: 'after', times: 2 }),
        edit(1, 'visibility', 0.1),
        edit(0, 'title', 0.5, 0.1),
        interruptedSync([0], at(4, edit(0, 'title', 0.99, 0.76))),
      ],
    },
  },
  {
    title: "Calpair's deletion of a copy, with a lost response, counted as a person's when the original was confirmed",
    schedule: {
      seed: 1,
      profile: { calendars: [caldav('stored'), cloud({ noCancelled: true })], pairs: [pair(0, 1)] },
      steps: [
        insert(0, 'single', 0.1),
        fault(1, 'remove', 'bug', { when: 'after' }),
        sync(0),
        { do: 'back-up', calendar: 0 },
        edit(0, 'status', 0.1, 0.7),
        sync(0),
        { do: 'restore', calendar: 0 },
      ],
    },
  },
  {
    title: 'a synced value that a person reverted on the target came back while another write of the decision was held',
    schedule: {
      seed: 1,
      profile: { calendars: [caldav('stored'), cloud({ noCancelled: true })], pairs: [pair(0, 1)] },
      steps: [
        insert(1, 'single', 0.1),
        insert(1, 'series', 0.1),
        insert(1, 'guests', 0.1),
        insert(0, 'same-uid', 0.1),
        insert(1, 'series', 0.1),
        insert(0, 'same-content', 0.1),
        sync(0),
        { do: 'back-up', calendar: 0 },
        remove(1, 0.5),
        edit(0, 'status', 0.4, 0.7),
        interruptedSync([0], at(6, edit(1, 'title', 0.52, 0.99)), at(7, { do: 'stall' })),
        { do: 'restore', calendar: 0 },
      ],
    },
  },
  {
    title: 'a deletion was lost because the calendar of another account did not have the other copy either',
    schedule: {
      seed: 1,
      profile: { calendars: [caldav('stored'), cloud()], pairs: [pair(0, 1)] },
      steps: [
        insert(0, 'single', 0.1),
        insert(1, 'series', 0.1),
        sync(0),
        fault(0, 'remove', 'stale', { times: 5 }),
        sync(0),
        remove(1, 0.1),
        interruptedSync([0], at(20, { do: 'other-account', calendar: 0 })),
      ],
    },
  },
  {
    title: 'an event was deleted because the credentials had changed to another account, which does not have it',
    schedule: {
      seed: 1,
      profile: {
        calendars: [caldav('sent-without-version'), cloud({ isView: true })],
        pairs: [pair(0, 1, 'cloud-to-caldav')],
      },
      steps: [
        insert(1, 'single', 0.1),
        insert(0, 'same-uid', 0.1),
        sync(0),
        { do: 'wait', seconds: 4_000 },
        sync(0),
        edit(1, 'when', 0.1, 0.6),
        interruptedSync([0], at(3, { do: 'other-account', calendar: 1 })),
      ],
    },
  },
  {
    title:
      'an exception that a backup lacks counted as dropped by the service, because a write of another one was open',
    schedule: {
      seed: 1,
      profile: { calendars: [caldav('stored'), cloud()], pairs: [pair(0, 1)] },
      steps: [
        interruptedSync([0], at(11, insert(0, 'series', 0.5))),
        sync(0),
        edit(1, 'override', 0.1, 0.1),
        { do: 'back-up', calendar: 0 },
        sync(0),
        { do: 'freeze-listing', calendar: 0 },
        edit(1, 'override', 0.1, 0.3),
        { do: 'restore', calendar: 0 },
        sync(0),
      ],
    },
  },
  {
    title: 'the copy of a cancelled event was removed after the event was confirmed again, which no listing had shown',
    schedule: {
      seed: 1,
      profile: { calendars: [caldav('stored'), cloud({ noCancelled: true })], pairs: [pair(0, 1)] },
      steps: [
        insert(0, 'single', 0.1),
        sync(0),
        sync(0),
        fault(1, 'remove', 'throttled', { waitSeconds: 600 }),
        edit(0, 'status', 0.1, 0.7),
        sync(0),
        edit(0, 'status', 0.1, 0.4),
        { do: 'hide-half', calendar: 0 },
        { do: 'wait', seconds: 4_000 },
        sync(0),
      ],
    },
  },
  {
    title: 'a pause while the original of a cancelled copy was fetched did not stop the removal of the copy',
    schedule: {
      seed: 1,
      profile: { calendars: [caldav('stored'), cloud({ noCancelled: true })], pairs: [pair(0, 1)] },
      steps: [
        insert(0, 'single', 0.1),
        sync(0),
        sync(0),
        edit(0, 'status', 0.1, 0.7),
        interruptedSync([0], at(16, { do: 'pause', pair: 0 })),
      ],
    },
  },
  {
    title:
      "an event's copy was removed on an old confirmation of its deletion, although a backup had restored the event",
    schedule: {
      seed: 1,
      profile: PLAIN,
      steps: [
        insert(0, 'single', 0.1),
        insert(0, 'single', 0.5),
        sync(0),
        sync(0),
        { do: 'back-up', calendar: 0 },
        fault(1, 'remove', 'throttled', { waitSeconds: 600 }),
        remove(0, 0.1),
        sync(0),
        { do: 'restore', calendar: 0 },
        { do: 'hide-half', calendar: 0 },
        { do: 'wait', seconds: 4_000 },
        sync(0),
      ],
    },
  },
  {
    title: 'an event was deleted after its copy had been taken back and the answer to that was lost',
    schedule: {
      seed: 1,
      profile: PLAIN,
      steps: [insert(0), sync(0), undo(), fault(1, 'remove', 'unreachable', { when: 'after', times: 5 }), sync(0)],
    },
  },
  {
    title: 'a copy of a one-way pair that had been taken back was created again after a lost answer',
    schedule: {
      seed: 1,
      profile: { calendars: [caldav(), cloud()], pairs: [pair(0, 1, 'caldav-to-cloud')] },
      steps: [insert(0), sync(0), undo(), fault(1, 'remove', 'unreachable', { when: 'after', times: 5 }), sync(0)],
    },
  },
  {
    title: 'an undo overwrote a later change of the field, whose write had been answered with 412 although it was done',
    schedule: {
      seed: 1,
      profile: PLAIN,
      steps: [
        insert(1),
        sync(0),
        edit(1, 'title'),
        sync(0),
        fault(0, 'update', 'stale', { when: 'after' }),
        edit(1, 'title'),
        sync(0),
        sync(0),
        undo(),
      ],
    },
  },
  {
    title: 'an undo overwrote what an event had when it was created again after the change that was taken back',
    schedule: {
      seed: 1,
      profile: PLAIN,
      steps: [insert(1), sync(0), edit(1, 'title'), sync(0), sync(0), remove(0), edit(1, 'title'), sync(0), undo(0.5)],
    },
  },
  {
    title: 'an undo was forgotten when the run that had planned it was paused',
    schedule: {
      seed: 1,
      profile: PLAIN,
      steps: [
        insert(1),
        sync(0),
        edit(1, 'title'),
        sync(0),
        undo(),
        interruptedSync([0], at(12, { do: 'pause', pair: 0 })),
        { do: 'resume', pair: 0 },
        sync(0),
      ],
    },
  },
  {
    title: 'an undone deletion doubled an event that a person had imported again on the other side',
    schedule: {
      seed: 1,
      profile: PLAIN,
      steps: [
        insert(1, 'series'),
        sync(0),
        remove(0),
        sync(0),
        undo(),
        { do: 'reimport', calendar: 0, event: FIRST },
        sync(0),
      ],
    },
  },
  {
    title: 'an undo on the target of a one-way pair left what else a person had changed there',
    schedule: {
      seed: 1,
      profile: { calendars: [caldav(), cloud()], pairs: [pair(0, 1, 'caldav-to-cloud')] },
      steps: [insert(0), sync(0), edit(0, 'title'), sync(0), undo(), edit(1, 'transparency', FIRST, 0.9), sync(0)],
    },
  },
  {
    title: 'a copy whose create was never answered stayed alone, as a leftover of another installation',
    schedule: {
      seed: 706_072,
      profile: { calendars: [caldav(), cloud({ isView: true })], pairs: [pair(0, 1)] },
      steps: [
        fault(1, 'create', 'bug', { when: 'after', times: 2 }),
        insert(0),
        interruptedSync([0], at(17, { do: 'freeze-listing', calendar: 1 })),
        remove(0),
        sync(0),
      ],
    },
  },
  {
    title: 'an undo planned before an edit, in an attempt whose result was lost, removed the copy with the edit',
    schedule: {
      seed: 1,
      profile: PLAIN,
      steps: [
        insert(0, 'series'),
        sync(0),
        undo(),
        interruptedSync([0], at(6, edit(1, 'exclude')), at(8, { do: 'lose-result' })),
      ],
    },
  },
  {
    title: 'an undo planned before an edit, in an attempt whose result was lost, overwrote the edit',
    schedule: {
      seed: 1,
      profile: PLAIN,
      steps: [
        insert(0),
        sync(0),
        edit(0, 'title'),
        sync(0),
        undo(),
        interruptedSync([0], at(6, edit(1, 'title')), at(8, { do: 'lose-result' })),
      ],
    },
  },
  {
    title: 'an event that a person removed again came back, because an undo of its first deletion was asked for before',
    schedule: {
      seed: 1,
      profile: PLAIN,
      steps: [insert(0), sync(0), remove(1), sync(0), undo(), sync(0), undo(0.4), remove(0), sync(0)],
    },
  },
];
