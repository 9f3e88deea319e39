/** Schedules of the simulation over the wire, as data: drawn from a seed, shortened, replayed. */
import { type Random, randomOf } from '../../support/random.ts';
import type { UndoStep } from '../undo-steps.ts';
import type { Rule, TextField, Times } from './person.ts';

export type CloudKind = 'google' | 'graph' | 'caldav';

export interface Profile {
  readonly cloud: CloudKind;
  /** Indexes into `WAYS`: of the CalDAV side, and of a cloud side that is CalDAV, too. */
  readonly ways: number;
  readonly cloudWays: number;
  /** Two installations have a pair over the same two calendars. */
  readonly isShared: boolean;
  /** A number from 0 to 1 that chooses the behaviour of the cloud's stand-in. */
  readonly behaviour: number;
}

/** `calendar` is 0 for the CalDAV side and 1 for the cloud side; `event` is from 0 to 1 and chooses one. */
interface OfEvent {
  readonly calendar: number;
  readonly event: number;
}

export type PersonStep =
  | { readonly do: 'create'; readonly calendar: number; readonly times: Times; readonly rule: Rule | null }
  | ({ readonly do: 'write'; readonly field: TextField } & OfEvent)
  | ({ readonly do: 'retime'; readonly times: Times } & OfEvent)
  | ({ readonly do: 'shift'; readonly by: number } & OfEvent)
  | ({ readonly do: 'repeat'; readonly rule: Rule | null } & OfEvent)
  | ({
      readonly do: 'write-occurrence' | 'exclude-occurrence' | 'reset-occurrence' | 'split';
      readonly at: number;
    } & OfEvent)
  | ({ readonly do: 'move-occurrence'; readonly at: number; readonly by: number } & OfEvent)
  | ({ readonly do: 'keep' | 'touch' | 'remove' } & OfEvent);

export interface Fault {
  readonly do: 'fault';
  readonly calendar: number;
  readonly on: 'read' | 'write' | 'any';
  /** `after`: the server did it, the answer is lost. */
  readonly when: 'before' | 'after';
  /** 0: no answer at all. */
  readonly status: number;
  readonly times: number;
  readonly skip: number;
  readonly waitSeconds: number | null;
}

export type ServerStep =
  | Fault
  | { readonly do: 'expire-cursors' | 'hide-by-name' | 'unlist' | 'recover'; readonly calendar: number };
export type ProcessStep = { readonly do: 'crash' | 'stall' | 'lose-workflow' | 'lose-result' };
export type OwnerStep =
  | UndoStep
  | { readonly do: 'resync' | 'pause' | 'resume' | 'back-up' | 'restore' }
  | { readonly do: 'set-direction'; readonly direction: 'bidirectional' | 'caldav-to-cloud' | 'cloud-to-caldav' }
  | { readonly do: 'set-content'; readonly content: 'full' | 'busy' }
  | { readonly do: 'set-reminders'; readonly reminders: 'keep' | 'copy' };

export type Step =
  | PersonStep
  | ServerStep
  | OwnerStep
  | { readonly do: 'wake' }
  | { readonly do: 'wait'; readonly seconds: number }
  | { readonly do: 'sync'; readonly during: readonly Interruption[] };

export interface Interruption {
  readonly at: number;
  readonly step: PersonStep | ServerStep | OwnerStep | ProcessStep;
}

export interface Schedule {
  readonly seed: number;
  readonly profile: Profile;
  readonly steps: readonly Step[];
}

const DAY_MS = 86_400_000;
/** A Wednesday, three weeks before the schedule begins. */
const FIRST_DAY = Date.UTC(2026, 4, 20);
const ZONES = [
  'Europe/Berlin',
  'Europe/Berlin',
  'Europe/Berlin',
  'America/New_York',
  'Asia/Kolkata',
  'UTC',
  'Australia/Sydney',
  'America/Sao_Paulo',
  'Europe/Istanbul',
  'America/Mexico_City',
  'Asia/Tehran',
  'Europe/London',
  'America/Asuncion',
  'Asia/Gaza',
];
/** Where a law changed the offset or its rules after an old series began, or changes them every year. */
const LAW_ZONES = [
  'America/Asuncion',
  'America/Sao_Paulo',
  'America/Mexico_City',
  'Asia/Almaty',
  'Asia/Amman',
  'Asia/Tehran',
  'Asia/Gaza',
  'Africa/Cairo',
  'Europe/Istanbul',
];
/** Series that began before this day have no end: nobody plays with one that may be over. */
export const OLD_BEFORE = FIRST_DAY - 60 * DAY_MS;
/** Graph shows exceptions of the last two years only where it has no list of them. */
const YEARS_BACK = { google: 14, caldav: 14, graph: 2 };

export function scheduleOf(seed: number, cloud: CloudKind): Schedule {
  const draw = new Draw(randomOf(seed), cloud);
  return draw.schedule(seed);
}

class Draw {
  private readonly random: Random;
  private readonly cloud: CloudKind;
  private minutes = 0;
  private event = 0;

  constructor(random: Random, cloud: CloudKind) {
    [this.random, this.cloud] = [random, cloud];
  }

  schedule(seed: number): Schedule {
    const { random } = this;
    const profile: Profile = {
      cloud: this.cloud,
      isShared: random.chance(0.12),
      ways: random.below(1_000),
      cloudWays: random.below(1_000),
      behaviour: random.next(),
    };
    const steps: Step[] = [];
    for (let count = 2 + random.below(3); count > 0; count -= 1) steps.push(this.create());
    steps.push({ do: 'sync', during: [] });
    if (random.chance(0.7)) steps.push({ do: 'sync', during: [] });
    for (let count = 8 + random.below(14); count > 0; count -= 1) steps.push(this.step());
    return { seed, profile, steps };
  }

  private step(): Step {
    const { random } = this;
    const chance = random.next();
    if (chance < 0.55) return this.person();
    if (chance < 0.65) return this.server();
    if (chance < 0.7) return this.owner();
    if (chance < 0.73)
      return random.chance(0.5) ? { do: 'wake' } : { do: 'wait', seconds: random.pick([1, 90, 600, 90_000]) };
    return this.sync(random.pick([0, 0, 1, 1, 2, 2]));
  }

  private sync(interruptions: number): Step {
    const { random } = this;
    const during = Array.from({ length: interruptions }, (): Interruption => {
      const chance = random.next();
      const step =
        chance < 0.55
          ? this.person()
          : chance < 0.65
            ? this.server()
            : chance < 0.72
              ? this.settings()
              : chance < 0.9
                ? { do: 'crash' as const }
                : { do: random.pick(['stall', 'lose-workflow', 'lose-result'] as const) };
      return { at: 1 + random.below(random.pick([8, 25, 60])), step };
    });
    return { do: 'sync', during };
  }

  private create(): PersonStep {
    if (this.random.chance(0.07)) return this.createOld();
    const times = this.times();
    return {
      do: 'create',
      calendar: this.random.below(2),
      times,
      rule: this.random.chance(0.55) ? this.rule() : null,
    };
  }

  private createOld(): PersonStep {
    const { random } = this;
    const day = OLD_BEFORE - random.below(YEARS_BACK[this.cloud] * 350 - 100) * DAY_MS;
    const freq = random.pick(['WEEKLY', 'MONTHLY', 'YEARLY'] as const);
    return {
      do: 'create',
      calendar: random.below(2),
      times: {
        ...this.times(),
        allDay: false,
        day,
        minute: 60 * random.below(22),
        length: 45,
        zone: random.pick(LAW_ZONES),
      },
      rule: { freq, interval: 1, weekdays: [], onWeekday: random.chance(0.5), end: null },
    };
  }

  private person(): PersonStep {
    const { random } = this;
    // Often what was just changed is changed again, perhaps on the other calendar.
    this.event = random.chance(0.5) ? this.event : random.next();
    const of = { calendar: random.below(2), event: this.event };
    const chance = random.next();
    if (chance < 0.14) return this.create();
    if (chance < 0.34) return { do: 'write', field: random.pick(['title', 'title', 'location', 'description']), ...of };
    if (chance < 0.42) return { do: 'retime', times: this.times(), ...of };
    if (chance < 0.47) return { do: 'shift', by: random.pick([-45, 30, 75, 7]), ...of };
    if (chance < 0.52) return { do: 'repeat', rule: random.chance(0.7) ? this.rule() : null, ...of };
    const at = random.below(8);
    if (chance < 0.6) return { do: 'write-occurrence', at, ...of };
    if (chance < 0.68) return { do: 'move-occurrence', at, by: random.pick([-37, 23, 51]), ...of };
    if (chance < 0.77) return { do: 'exclude-occurrence', at, ...of };
    if (chance < 0.8) return { do: 'reset-occurrence', at, ...of };
    if (chance < 0.85) return { do: 'split', at: 1 + random.below(5), ...of };
    if (chance < 0.9) return { do: 'remove', ...of };
    return { do: random.pick(['keep', 'touch']), ...of };
  }

  private times(): Times {
    const { random } = this;
    const day = FIRST_DAY + random.below(90) * DAY_MS;
    if (random.chance(0.25)) return { allDay: true, day, minute: 0, length: random.pick([1, 1, 1, 2, 3]), zone: 'UTC' };
    this.minutes += 1;
    return {
      allDay: false,
      day,
      minute: 7 * 60 + ((this.minutes * 37 + random.below(7)) % 660),
      length: random.pick([30, 60, 45, 90]),
      zone: random.pick(ZONES),
    };
  }

  private rule(): Rule {
    const { random } = this;
    const freq = random.pick(['DAILY', 'WEEKLY', 'WEEKLY', 'WEEKLY', 'MONTHLY', 'MONTHLY', 'YEARLY'] as const);
    const end = random.next();
    const days = { DAILY: 1, WEEKLY: 7, MONTHLY: 30, YEARLY: 365 }[freq];
    return {
      freq,
      interval: random.pick([1, 1, 1, 2, 3]),
      weekdays: random.chance(0.4) ? [1 + random.below(5)] : [],
      onWeekday: random.chance(0.5),
      end:
        freq === 'DAILY' || end < 0.4
          ? { count: 3 + random.below(9) }
          : end < 0.75
            ? { untilDays: (2 + random.below(10)) * days }
            : null,
    };
  }

  private owner(): Step {
    const { random } = this;
    if (random.chance(0.25)) return { do: random.pick(['back-up', 'restore'] as const) };
    return random.chance(0.6) ? this.settings() : { do: random.pick(['resync', 'pause', 'resume', 'resume'] as const) };
  }

  private settings(): OwnerStep {
    const { random } = this;
    const chance = random.next();
    if (chance < 0.5)
      return {
        do: 'set-direction',
        direction: random.pick(['bidirectional', 'bidirectional', 'caldav-to-cloud', 'cloud-to-caldav']),
      };
    if (chance < 0.75) return { do: 'set-content', content: random.pick(['full', 'busy']) };
    return { do: 'set-reminders', reminders: random.pick(['keep', 'copy']) };
  }

  private server(): ServerStep {
    const { random } = this;
    const calendar = random.below(2);
    const chance = random.next();
    if (chance < 0.12) return { do: 'expire-cursors', calendar };
    if (chance < 0.28) return { do: 'recover', calendar };
    if (chance < 0.36) return { do: random.pick(['hide-by-name', 'unlist'] as const), calendar };
    const on = random.pick(['read', 'write', 'write', 'any'] as const);
    const status = random.pick(on === 'write' ? [0, 0, 500, 503, 429, 412, 404] : [0, 0, 500, 503, 429]);
    return {
      do: 'fault',
      calendar,
      on,
      status,
      when: ![404, 412, 429].includes(status) && random.chance(0.5) ? 'after' : 'before',
      times: random.pick([1, 1, 1, 2]),
      skip: random.pick([0, 0, 1, 2]),
      waitSeconds: status === 503 || status === 429 ? random.pick([1, 30, 300]) : null,
    };
  }
}
