/** Schedules of notifications: what happens, as data, drawn from a seed. */
import { type Random, randomOf } from '../../support/random.ts';
import type { Road, Style } from './service.ts';

export interface Profile {
  /** `null`: a service without push, or one where push is turned off. */
  readonly calendars: readonly (Style | null)[];
  /** Indexes of calendars. */
  readonly pairs: readonly { readonly caldav: number; readonly cloud: number }[];
  readonly intervalSeconds: number;
  readonly latency: 'seconds' | 'interval';
  /** How long channels last, in hours. */
  readonly lifeHours: number;
}

export type Step =
  | { readonly do: 'wait'; readonly seconds: number }
  | { readonly do: 'insert'; readonly calendar: number }
  | { readonly do: 'edit' | 'remove'; readonly calendar: number; readonly event: number }
  /** Edits one after the other. */
  | { readonly do: 'edits'; readonly calendar: number; readonly count: number; readonly seconds: number }
  | { readonly do: 'road'; readonly calendar: number; readonly road: Road }
  /** Ten seconds; `edits` happen meanwhile, none for so long before. At its end the API perhaps crashes. */
  | {
      readonly do: 'storm';
      readonly calendar: number;
      readonly count: number;
      readonly edits: number;
      readonly calmSeconds: number;
      readonly isCrash: boolean;
    }
  | {
      readonly do: 'end-channels';
      readonly calendar: number;
      readonly how: 'missed' | 'renew' | 'ended' | 'silent';
    }
  | { readonly do: 'refuse'; readonly calendar: number; readonly refuses: boolean }
  | { readonly do: 'lose-answer'; readonly calendar: number }
  /** Each call to the calendar takes up to so long. */
  | { readonly do: 'slow'; readonly calendar: number; readonly ms: number }
  | { readonly do: 'fail'; readonly calendar: number; readonly times: number }
  | { readonly do: 'lose-signals'; readonly count: number }
  | { readonly do: 'restart-api'; readonly seconds: number; readonly isCrash: boolean }
  | { readonly do: 'crash-worker' };

export interface Schedule {
  readonly seed: number;
  readonly profile: Profile;
  readonly steps: readonly Step[];
}

export function scheduleOf(seed: number): Schedule {
  const random = randomOf(seed);
  const style = (): Style | null => random.pick(['google', 'microsoft', 'caldav', null]);
  const shape = random.next();
  const cloud = random.pick<Style>(['google', 'microsoft', 'caldav']);
  const calendars = shape < 0.08 ? [null, null] : shape < 0.8 ? [style(), cloud] : [style(), style(), cloud];
  const last = calendars.length - 1;
  const profile: Profile = {
    calendars,
    pairs: calendars.slice(0, last).map((_, caldav) => ({ caldav, cloud: last })),
    intervalSeconds: random.pick([60, 60, 300]),
    latency: random.pick(['seconds', 'interval']),
    lifeHours: random.pick([168, 168, 24, 3, 1]),
  };
  const steps: Step[] = [];
  for (let count = 1 + random.below(3); count > 0; count -= 1)
    steps.push({ do: 'insert', calendar: random.below(calendars.length) });
  steps.push({ do: 'wait', seconds: random.pick([20, 120, 900]) });
  for (let count = 12 + random.below(24); count > 0; count -= 1) steps.push(step(random, calendars.length));
  return { seed, profile, steps };
}

function step(random: Random, count: number): Step {
  const calendar = random.below(count);
  const chance = random.next();
  if (chance < 0.24) return { do: 'wait', seconds: random.pick([1, 3, 10, 45, 120, 700, 1_800, 4_000]) };
  if (chance < 0.32) return { do: 'insert', calendar };
  if (chance < 0.5) return { do: random.pick(['edit', 'edit', 'edit', 'remove']), calendar, event: random.next() };
  if (chance < 0.58) return { do: 'edits', calendar, count: 2 + random.below(6), seconds: random.pick([0.2, 1, 3, 8]) };
  if (chance < 0.73)
    return { do: 'road', calendar, road: random.pick(['prompt', 'prompt', 'lossy', 'deaf', 'late', 'doubled']) };
  if (chance < 0.76)
    return {
      do: 'storm',
      calendar,
      count: random.pick([100, 1_000, 1_000, 10_000]),
      edits: random.below(5),
      calmSeconds: random.pick([0, 800]),
      isCrash: random.chance(0.3),
    };
  if (chance < 0.82)
    return { do: 'end-channels', calendar, how: random.pick(['missed', 'renew', 'ended', 'silent', 'silent']) };
  if (chance < 0.84) return { do: 'refuse', calendar, refuses: random.chance(0.5) };
  if (chance < 0.86) return { do: 'lose-answer', calendar };
  if (chance < 0.9) return { do: 'slow', calendar, ms: random.pick([50, 400, 400, 5_000]) };
  if (chance < 0.92) return { do: 'fail', calendar, times: 1 + random.below(2) };
  if (chance < 0.95) return { do: 'lose-signals', count: 1 + random.below(4) };
  if (chance < 0.98) return { do: 'restart-api', seconds: random.pick([2, 30, 300]), isCrash: random.chance(0.5) };
  return { do: 'crash-worker' };
}
