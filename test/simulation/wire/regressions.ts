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
];
