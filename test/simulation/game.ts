/** The simulations: over calendars in memory, over the wire, and of notifications. */
import { register } from 'node:module';
import { randomOf } from '../support/random.ts';
import { withUndo } from './undo-steps.ts';
import type { CloudKind } from './wire/steps.ts';

interface AnySchedule {
  readonly seed: number;
  readonly profile: unknown;
  readonly steps: readonly { readonly do: string; readonly during?: readonly unknown[] }[];
}

export interface Game {
  scheduleOf(seed: number): AnySchedule;
  play(schedule: AnySchedule): Promise<{
    readonly violation: (Error & { readonly invariant: string }) | null;
    readonly story: readonly string[];
    readonly steps: number;
    readonly requests?: number;
    readonly explained?: number;
  }>;
  /** Ends the servers that were started. */
  close?(): Promise<void>;
}

const CLOUDS: readonly string[] = ['google', 'graph', 'caldav'] satisfies CloudKind[];

/** In place of a cloud: the simulation of notifications. */
export const NOTIFICATIONS = 'notifications';

/**
 * @param cloud of the simulation over the wire; null for the one in memory
 * @param isReal over the wire: between real servers, on a real database
 * @throws Error for an unknown cloud
 */
export async function gameOf(cloud: string | null, isReal = false): Promise<Game> {
  if (cloud === null) {
    const [{ play }, { scheduleOf }] = await Promise.all([import('./play.ts'), import('./steps.ts')]);
    return { scheduleOf, play: (schedule) => play(schedule as ReturnType<typeof scheduleOf>) };
  }
  if (cloud === NOTIFICATIONS) {
    register('./notifications/replace-temporal.mjs', import.meta.url);
    const [{ playNotifications }, { scheduleOf }] = await Promise.all([
      import('./notifications/play.ts'),
      import('./notifications/steps.ts'),
    ]);
    return { scheduleOf, play: (schedule) => playNotifications(schedule as ReturnType<typeof scheduleOf>) };
  }
  if (!CLOUDS.includes(cloud)) throw new Error(`--cloud must be one of ${CLOUDS.join(', ')}`);
  const [{ playWire }, { scheduleOf }] = await Promise.all([import('./wire/play.ts'), import('./wire/steps.ts')]);
  if (isReal) {
    const { RealServers, realScheduleOf } = await import('./wire/real-servers.ts');
    let started: ReturnType<typeof RealServers.start> | null = null;
    return {
      scheduleOf: realScheduleOf,
      play: async (schedule) => {
        started ??= RealServers.start();
        return playWire(schedule as ReturnType<typeof scheduleOf>, await started);
      },
      close: async () => (await started)?.stop(),
    };
  }
  return {
    scheduleOf: (seed) => scheduleOf(seed, cloud as CloudKind),
    play: (schedule) => playWire(schedule as ReturnType<typeof scheduleOf>),
  };
}

/** The same game with undo in a part of its schedules; all others are as they were. */
export function playingUndo(game: Game): Game {
  return {
    ...game,
    scheduleOf: (seed) => {
      const schedule = game.scheduleOf(seed);
      return { ...schedule, steps: withUndo(schedule.steps, pairsOf(schedule.profile), randomOf(seed ^ 0x4d0)) };
    },
  };
}

/** Pairs, or over the wire installations. */
function pairsOf(profile: unknown): number {
  const { pairs, isShared } = profile as { readonly pairs?: readonly unknown[]; readonly isShared?: boolean };
  return pairs?.length ?? (isShared ? 2 : 1);
}
