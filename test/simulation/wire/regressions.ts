/** Schedules that found a mistake, shortened: each has to hold every invariant from now on. */
import type { Schedule } from './steps.ts';

interface Regression {
  readonly title: string;
  readonly schedule: Schedule;
}

export const REGRESSIONS: readonly Regression[] = [
  {
    title: 'two installations that each made a copy of an event copied those copies without end after an edit',
    schedule: {
      profile: { cloud: 'google', isShared: true, ways: 873, cloudWays: 448, behaviour: 0.7204976093489677 },
      seed: 6100023,
      steps: [
        {
          do: 'create',
          calendar: 0,
          times: { allDay: true, day: 1780963200000, minute: 0, length: 1, zone: 'UTC' },
          rule: { freq: 'DAILY', interval: 1, weekdays: [1], onWeekday: true, end: { count: 8 } },
        },
        { do: 'sync', during: [] },
        { do: 'write-occurrence', at: 5, calendar: 0, event: 0.5331718912348151 },
        { do: 'split', at: 3, calendar: 1, event: 0.044384272769093513 },
      ],
    },
  },
  {
    title: 'an exclusion was taken for done although the series had become all-day meanwhile',
    schedule: {
      profile: { cloud: 'google', isShared: false, ways: 878, cloudWays: 337, behaviour: 0.7500744722783566 },
      seed: 6100014,
      steps: [
        {
          do: 'create',
          calendar: 1,
          times: { allDay: false, day: 1783555200000, minute: 537, length: 45, zone: 'Asia/Tehran' },
          rule: { freq: 'DAILY', interval: 2, weekdays: [5], onWeekday: false, end: { count: 4 } },
        },
        {
          do: 'create',
          calendar: 0,
          times: { allDay: false, day: 1786233600000, minute: 572, length: 90, zone: 'Europe/Berlin' },
          rule: { freq: 'MONTHLY', interval: 1, weekdays: [], onWeekday: true, end: { count: 7 } },
        },
        { do: 'sync', during: [{ at: 3, step: { do: 'set-reminders', reminders: 'copy' } }] },
        {
          do: 'sync',
          during: [
            {
              at: 15,
              step: {
                do: 'retime',
                times: { allDay: true, day: 1784851200000, minute: 0, length: 1, zone: 'UTC' },
                calendar: 1,
                event: 0.7902995487675071,
              },
            },
            { at: 3, step: { do: 'exclude-occurrence', at: 5, calendar: 0, event: 0.8577211513184011 } },
          ],
        },
      ],
    },
  },
  {
    title: 'a changed occurrence went with it where the other side ended the series before it',
    schedule: {
      profile: { cloud: 'google', isShared: false, ways: 468, cloudWays: 73, behaviour: 0.6008687259163707 },
      seed: 6200085,
      steps: [
        {
          do: 'create',
          calendar: 0,
          times: { allDay: false, day: 1629590400000, minute: 60, length: 45, zone: 'Europe/Istanbul' },
          rule: { freq: 'YEARLY', interval: 1, weekdays: [], onWeekday: true, end: null },
        },
        {
          do: 'create',
          calendar: 0,
          times: { allDay: false, day: 1783123200000, minute: 534, length: 45, zone: 'Asia/Tehran' },
          rule: { freq: 'MONTHLY', interval: 3, weekdays: [2], onWeekday: false, end: { count: 8 } },
        },
        { do: 'sync', during: [] },
        { do: 'write-occurrence', at: 4, calendar: 1, event: 0.9741112648043782 },
        { do: 'split', at: 4, calendar: 0, event: 0.9741112648043782 },
      ],
    },
  },
  {
    title: 'an override was renamed to one that was there, and the object was not sent',
    schedule: {
      profile: { cloud: 'caldav', isShared: true, ways: 998, cloudWays: 190, behaviour: 0.5016480139456689 },
      seed: 6200040,
      steps: [
        {
          do: 'create',
          calendar: 1,
          times: { allDay: false, day: 1785801600000, minute: 498, length: 90, zone: 'Europe/Berlin' },
          rule: { freq: 'WEEKLY', interval: 1, weekdays: [], onWeekday: true, end: { untilDays: 63 } },
        },
        { do: 'sync', during: [] },
        { do: 'move-occurrence', at: 4, by: 51, calendar: 0, event: 0.9779362233821303 },
        { do: 'sync', during: [] },
        {
          do: 'create',
          calendar: 1,
          times: { allDay: false, day: 1782432000000, minute: 570, length: 30, zone: 'Europe/Berlin' },
          rule: { freq: 'DAILY', interval: 2, weekdays: [], onWeekday: false, end: { count: 6 } },
        },
        { do: 'write-occurrence', at: 0, calendar: 0, event: 0.7966426336206496 },
        { do: 'fault', calendar: 0, on: 'read', status: 503, when: 'after', times: 1, skip: 2, waitSeconds: 1 },
        {
          do: 'sync',
          during: [
            {
              at: 25,
              step: {
                do: 'repeat',
                rule: { freq: 'DAILY', interval: 1, weekdays: [2], onWeekday: true, end: { count: 9 } },
                calendar: 0,
                event: 0.8589237977284938,
              },
            },
          ],
        },
      ],
    },
  },
  {
    title: 'an event that a CalDAV server answered with 404 was never created',
    schedule: {
      profile: { cloud: 'caldav', isShared: false, ways: 404, cloudWays: 402, behaviour: 0.4461680904496461 },
      seed: 15,
      steps: [
        {
          do: 'create',
          calendar: 1,
          times: { allDay: false, day: 1779580800000, minute: 494, length: 60, zone: 'Europe/Berlin' },
          rule: { freq: 'MONTHLY', interval: 2, weekdays: [], onWeekday: true, end: { count: 9 } },
        },
        {
          do: 'create',
          calendar: 1,
          times: { allDay: true, day: 1783036800000, minute: 0, length: 1, zone: 'UTC' },
          rule: null,
        },
        { do: 'fault', calendar: 0, on: 'write', status: 404, when: 'before', times: 2, skip: 1, waitSeconds: null },
        { do: 'sync', during: [] },
      ],
    },
  },
  {
    title: 'an exception that follows its series lost the new title in a run that broke off',
    schedule: {
      profile: { cloud: 'caldav', isShared: false, ways: 160, cloudWays: 988, behaviour: 0.20917084673419595 },
      seed: 6300130,
      steps: [
        {
          do: 'create',
          calendar: 1,
          times: { allDay: false, day: 1681257600000, minute: 1140, length: 45, zone: 'Asia/Amman' },
          rule: { freq: 'WEEKLY', interval: 1, weekdays: [], onWeekday: true, end: null },
        },
        {
          do: 'sync',
          during: [
            {
              at: 2,
              step: {
                do: 'fault',
                calendar: 1,
                on: 'write',
                status: 412,
                when: 'before',
                times: 2,
                skip: 0,
                waitSeconds: null,
              },
            },
          ],
        },
        { do: 'move-occurrence', at: 6, by: 23, calendar: 1, event: 0 },
        { do: 'write', field: 'title', calendar: 0, event: 0.03208670299500227 },
        { do: 'sync', during: [] },
      ],
    },
  },
  {
    title: 'a changed occurrence was removed when a run broke off after the series had become all-day',
    schedule: {
      profile: { cloud: 'caldav', isShared: false, ways: 113, cloudWays: 249, behaviour: 0.5014150792267174 },
      seed: 7300664,
      steps: [
        {
          do: 'create',
          calendar: 0,
          times: { allDay: false, day: 1781049600000, minute: 498, length: 60, zone: 'America/Sao_Paulo' },
          rule: null,
        },
        { do: 'fault', calendar: 1, on: 'write', status: 404, when: 'before', times: 1, skip: 1, waitSeconds: null },
        {
          do: 'repeat',
          rule: { freq: 'MONTHLY', interval: 1, weekdays: [3], onWeekday: false, end: { untilDays: 210 } },
          calendar: 0,
          event: 0.4257978501264006,
        },
        { do: 'sync', during: [] },
        { do: 'write-occurrence', at: 0, calendar: 0, event: 0.4257978501264006 },
        {
          do: 'retime',
          times: { allDay: false, day: 1780617600000, minute: 535, length: 45, zone: 'Europe/Berlin' },
          calendar: 1,
          event: 0.4257978501264006,
        },
        { do: 'sync', during: [] },
      ],
    },
  },
  {
    title: 'a "Busy" copy whose create was not answered gave its name to the original',
    schedule: {
      profile: { cloud: 'caldav', isShared: false, ways: 109, cloudWays: 421, behaviour: 0.31859719823114574 },
      seed: 7400273,
      steps: [
        { do: 'fault', calendar: 1, on: 'write', status: 503, when: 'after', times: 2, skip: 0, waitSeconds: 300 },
        { do: 'sync', during: [{ at: 2, step: { do: 'set-content', content: 'busy' } }] },
        {
          do: 'create',
          calendar: 0,
          times: { allDay: false, day: 1780185600000, minute: 611, length: 90, zone: 'Asia/Tehran' },
          rule: { freq: 'DAILY', interval: 1, weekdays: [], onWeekday: true, end: { count: 11 } },
        },
        { do: 'sync', during: [] },
      ],
    },
  },
  {
    title: 'an edit of a written-out single was lost where the series could be stored at the same time',
    schedule: {
      profile: { cloud: 'graph', isShared: false, ways: 760, cloudWays: 879, behaviour: 0.10792429908178747 },
      seed: 7200219,
      steps: [
        {
          do: 'create',
          calendar: 0,
          times: { allDay: true, day: 1781827200000, minute: 0, length: 2, zone: 'UTC' },
          rule: { freq: 'WEEKLY', interval: 2, weekdays: [4], onWeekday: false, end: null },
        },
        { do: 'sync', during: [] },
        {
          do: 'repeat',
          rule: { freq: 'MONTHLY', interval: 2, weekdays: [], onWeekday: false, end: { count: 8 } },
          calendar: 0,
          event: 0.017229307210072875,
        },
        { do: 'write', field: 'description', calendar: 1, event: 0.017229307210072875 },
      ],
    },
  },
  {
    title: 'an occurrence that was changed in Google just before its series was written kept the old place',
    schedule: {
      profile: { cloud: 'google', isShared: false, ways: 137, cloudWays: 817, behaviour: 0.5539012043736875 },
      seed: 6300245,
      steps: [
        {
          do: 'create',
          calendar: 0,
          times: { allDay: false, day: 1784678400000, minute: 569, length: 30, zone: 'Asia/Tehran' },
          rule: { freq: 'WEEKLY', interval: 1, weekdays: [], onWeekday: false, end: { count: 11 } },
        },
        { do: 'sync', during: [] },
        { do: 'write', field: 'location', calendar: 0, event: 0.8778056562878191 },
        {
          do: 'sync',
          during: [{ at: 6, step: { do: 'move-occurrence', at: 4, by: -37, calendar: 1, event: 0.8778056562878191 } }],
        },
      ],
    },
  },
  {
    title: 'each of two installations took the singles that the other had written out for new events',
    schedule: {
      profile: { cloud: 'graph', isShared: true, ways: 839, cloudWays: 708, behaviour: 0.9362657032907009 },
      seed: 7200198,
      steps: [
        {
          do: 'create',
          calendar: 0,
          times: { allDay: true, day: 1780444800000, minute: 0, length: 3, zone: 'UTC' },
          rule: { freq: 'WEEKLY', interval: 1, weekdays: [5], onWeekday: true, end: { count: 4 } },
        },
      ],
    },
  },
  {
    title:
      'an occurrence that was moved in Google was lost in a run that broke off once its series was written as all-day',
    schedule: {
      profile: { cloud: 'google', isShared: false, ways: 250, cloudWays: 511, behaviour: 0.9543277234770358 },
      seed: 7110261,
      steps: [
        {
          do: 'sync',
          during: [
            {
              at: 1,
              step: {
                do: 'create',
                calendar: 1,
                times: { allDay: false, day: 1786320000000, minute: 571, length: 60, zone: 'Europe/Berlin' },
                rule: { freq: 'WEEKLY', interval: 3, weekdays: [5], onWeekday: true, end: { count: 9 } },
              },
            },
          ],
        },
        {
          do: 'sync',
          during: [{ at: 4, step: { do: 'move-occurrence', at: 5, by: 51, calendar: 1, event: 0.8193105277605355 } }],
        },
        { do: 'move-occurrence', at: 1, by: 51, calendar: 1, event: 0.8193105277605355 },
        {
          do: 'sync',
          during: [
            {
              at: 14,
              step: {
                do: 'retime',
                times: { allDay: false, day: 1782691200000, minute: 642, length: 60, zone: 'UTC' },
                calendar: 0,
                event: 0.8193105277605355,
              },
            },
            { at: 53, step: { do: 'lose-workflow' } },
          ],
        },
      ],
    },
  },
  {
    title: 'an original was deleted because its copy, which the server lists, answered 404 to a write',
    schedule: {
      profile: { cloud: 'caldav', isShared: false, ways: 901, cloudWays: 526, behaviour: 0.706598486751318 },
      seed: 9100017,
      steps: [
        {
          do: 'create',
          calendar: 1,
          times: { allDay: false, day: 1785196800000, minute: 461, length: 60, zone: 'Europe/Berlin' },
          rule: null,
        },
        { do: 'sync', during: [] },
        { do: 'hide-by-name', calendar: 0 },
        { do: 'set-reminders', reminders: 'copy' },
        { do: 'sync', during: [] },
      ],
    },
  },
  {
    title: 'a pair never came to rest after a series lost occurrences whose singles had not been created yet',
    schedule: {
      profile: { cloud: 'graph', isShared: false, ways: 566, cloudWays: 85, behaviour: 0.16116464883089066 },
      seed: 9320080,
      steps: [
        {
          do: 'create',
          calendar: 1,
          times: { allDay: false, day: 1783900800000, minute: 495, length: 60, zone: 'UTC' },
          rule: null,
        },
        {
          do: 'create',
          calendar: 1,
          times: { allDay: false, day: 1782345600000, minute: 532, length: 45, zone: 'Asia/Kolkata' },
          rule: { freq: 'MONTHLY', interval: 1, weekdays: [], onWeekday: true, end: { untilDays: 180 } },
        },
        { do: 'sync', during: [] },
        { do: 'fault', calendar: 0, on: 'write', status: 503, when: 'after', times: 2, skip: 0, waitSeconds: 30 },
        { do: 'fault', calendar: 1, on: 'write', status: 503, when: 'after', times: 1, skip: 0, waitSeconds: 30 },
        { do: 'exclude-occurrence', at: 4, calendar: 1, event: 0.27162546501494944 },
        { do: 'sync', during: [{ at: 1, step: { do: 'lose-result' } }] },
        {
          do: 'sync',
          during: [{ at: 21, step: { do: 'move-occurrence', at: 4, by: 51, calendar: 0, event: 0.27162546501494944 } }],
        },
        {
          do: 'repeat',
          rule: { freq: 'DAILY', interval: 3, weekdays: [], onWeekday: true, end: { count: 8 } },
          calendar: 1,
          event: 0.5402114705648273,
        },
        { do: 'sync', during: [] },
      ],
    },
  },
  {
    title: 'an exception kept the old hour of its series, whose new copy a person had moved before it was finished',
    schedule: {
      profile: { cloud: 'graph', isShared: false, ways: 244, cloudWays: 861, behaviour: 0.3874843225348741 },
      seed: 9330122,
      steps: [
        {
          do: 'create',
          calendar: 0,
          times: { allDay: false, day: 1755907200000, minute: 180, length: 45, zone: 'Europe/Istanbul' },
          rule: { freq: 'MONTHLY', interval: 1, weekdays: [], onWeekday: false, end: null },
        },
        { do: 'write-occurrence', at: 2, calendar: 0, event: 0.5 },
        { do: 'sync', during: [{ at: 58, step: { do: 'shift', by: 75, calendar: 1, event: 0.9134779879823327 } }] },
      ],
    },
  },
  {
    title: 'a changed occurrence counted as written to a Graph series that a person had moved just before',
    schedule: {
      profile: { cloud: 'graph', isShared: false, ways: 682, cloudWays: 116, behaviour: 0.0035778626333922148 },
      seed: 9330229,
      steps: [
        {
          do: 'create',
          calendar: 0,
          times: { allDay: false, day: 1784073600000, minute: 568, length: 60, zone: 'America/Asuncion' },
          rule: { freq: 'MONTHLY', interval: 3, weekdays: [2], onWeekday: true, end: { count: 3 } },
        },
        { do: 'sync', during: [] },
        { do: 'write-occurrence', at: 1, calendar: 0, event: 0.8722771033644676 },
        { do: 'sync', during: [{ at: 30, step: { do: 'shift', by: 75, calendar: 1, event: 0.5 } }] },
      ],
    },
  },
  {
    title: 'an event that a person removed came back because its reminders were read for the first time',
    schedule: {
      profile: { cloud: 'google', isShared: false, ways: 148, cloudWays: 54, behaviour: 0.36916246241889894 },
      seed: 91377,
      steps: [
        {
          do: 'create',
          calendar: 0,
          times: { allDay: false, day: 1781308800000, minute: 569, length: 30, zone: 'Europe/Berlin' },
          rule: { freq: 'DAILY', interval: 1, weekdays: [], onWeekday: true, end: { count: 10 } },
        },
        { do: 'sync', during: [] },
        { do: 'sync', during: [{ at: 5, step: { do: 'set-reminders', reminders: 'copy' } }] },
        { do: 'remove', calendar: 0, event: 0.863566119922325 },
      ],
    },
  },
  {
    title: 'two installations, each with instances of a series, copied and removed one of them in turn without end',
    schedule: {
      profile: { cloud: 'graph', isShared: true, ways: 264, cloudWays: 571, behaviour: 0.2717028013430536 },
      seed: 9100022,
      steps: [
        {
          do: 'create',
          calendar: 0,
          times: { allDay: false, day: 1779408000000, minute: 459, length: 30, zone: 'America/Mexico_City' },
          rule: { freq: 'WEEKLY', interval: 1, weekdays: [], onWeekday: false, end: { count: 9 } },
        },
        {
          do: 'create',
          calendar: 1,
          times: { allDay: false, day: 1782518400000, minute: 500, length: 45, zone: 'Australia/Sydney' },
          rule: null,
        },
        { do: 'sync', during: [] },
        { do: 'exclude-occurrence', at: 0, calendar: 0, event: 0 },
        { do: 'set-reminders', reminders: 'copy' },
        {
          do: 'sync',
          during: [
            { at: 25, step: { do: 'crash' } },
            { at: 2, step: { do: 'write', field: 'title', calendar: 0, event: 0 } },
          ],
        },
        { do: 'sync', during: [] },
        { do: 'write', field: 'title', calendar: 1, event: 0.2662412968929857 },
        { do: 'sync', during: [] },
        { do: 'split', at: 3, calendar: 0, event: 0.329207350499928 },
        { do: 'reset-occurrence', at: 6, calendar: 1, event: 0.950249080080539 },
        {
          do: 'sync',
          during: [
            { at: 44, step: { do: 'crash' } },
            { at: 27, step: { do: 'write-occurrence', at: 4, calendar: 1, event: 0.950249080080539 } },
          ],
        },
      ],
    },
  },
  {
    title:
      'an exception that Google kept beyond the new end of its series was there twice after CalDAV moved the series',
    schedule: {
      profile: { cloud: 'google', isShared: false, ways: 705, cloudWays: 596, behaviour: 0.19792108959518373 },
      seed: 10001717,
      steps: [
        {
          do: 'create',
          calendar: 1,
          times: { allDay: false, day: 1780272000000, minute: 500, length: 45, zone: 'Asia/Gaza' },
          rule: { freq: 'WEEKLY', interval: 1, weekdays: [], onWeekday: true, end: null },
        },
        { do: 'sync', during: [] },
        { do: 'exclude-occurrence', at: 2, calendar: 0, event: 0.020173916360363364 },
        {
          do: 'sync',
          during: [{ at: 15, step: { do: 'move-occurrence', at: 6, by: -37, calendar: 0, event: 0.7858296453487128 } }],
        },
        { do: 'shift', by: -45, calendar: 0, event: 0.7858296453487128 },
        { do: 'split', at: 5, calendar: 1, event: 0.5386758893728256 },
      ],
    },
  },
  {
    title: 'a new exception in Google took the alarm from that occurrence on CalDAV, which only CalDAV has',
    schedule: {
      profile: { cloud: 'google', isShared: false, ways: 897, cloudWays: 432, behaviour: 0.7196299622301012 },
      seed: 10001456,
      steps: [
        {
          do: 'create',
          calendar: 0,
          times: { allDay: true, day: 1783641600000, minute: 0, length: 2, zone: 'UTC' },
          rule: { freq: 'WEEKLY', interval: 1, weekdays: [], onWeekday: true, end: { untilDays: 77 } },
        },
        { do: 'sync', during: [] },
        { do: 'set-reminders', reminders: 'copy' },
        { do: 'set-direction', direction: 'cloud-to-caldav' },
        { do: 'sync', during: [] },
        { do: 'write-occurrence', at: 5, calendar: 1, event: 0.4590789470821619 },
      ],
    },
  },
];
