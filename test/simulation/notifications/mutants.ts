/** Mutations of the code that schedules polls and receives notifications, which this simulation has to find. */
import type { Mutant } from '../mutants.ts';

const SCHEDULE = 'core/poll-schedule.ts';
const TURN = 'activities/pair/poll-turn.ts';
const RECEIVER = 'api/receive-notifications.ts';
const BURSTS = 'api/notification-bursts.ts';

export const NOTIFICATION_MUTANTS: readonly Mutant[] = [
  {
    seed: 1,
    name: 'reports-ignored',
    description: 'a reported change does not make its side due',
    file: SCHEDULE,
    from: 'if (isNotified(polls, policy.push) || isSetBack(polls, nowMs)) return nowMs;',
    to: 'if (isSetBack(polls, nowMs)) return nowMs;',
  },
  {
    seed: 1,
    name: 'always-due',
    description: 'a side stays due after it was read',
    file: SCHEDULE,
    from: 'push.notifiedAt.toISOString() !== polls.heardAt',
    to: "push.notifiedAt.toISOString() !== ''",
  },
  {
    seed: 1,
    name: 'trusted-for-ever',
    description: 'a poll that finds an unreported change goes on as before',
    file: TURN,
    from: 'await deps.store.noteUnreported(calendar, deps.clock.now());',
    to: '',
  },
  {
    seed: 6,
    name: 'lapsed-is-pushed',
    description: 'a calendar whose channel has ended is polled once an hour',
    file: SCHEDULE,
    from: 'return Math.max(0, Math.min(PUSHED_SECONDS, restMs / 1000));',
    to: 'return reliableUntil === null && restMs > 0 ? 0 : PUSHED_SECONDS;',
  },
  {
    seed: 9,
    name: 'rest-of-a-burst-lost',
    description: 'only the first notification of a burst counts',
    file: BURSTS,
    from: 'else if (burst.pending === null) this.#bursts.delete(key);',
    to: 'else if (burst.pending !== -1) this.#bursts.delete(key);',
  },
  {
    seed: 16,
    name: 'storms-not-joined',
    description: 'every notification counts by itself',
    file: BURSTS,
    from: 'if (running) {',
    to: 'if (running && running.level < 0) {',
  },
  {
    seed: 1,
    name: 'no-signal-again',
    description: 'a lost signal is not repeated',
    file: RECEIVER,
    from: '() => signalAgain(deps, timers.date()),',
    to: 'async () => {},',
  },
  {
    seed: 1,
    name: 'signal-repeated-once',
    description: 'a signal that is lost again is not repeated',
    file: RECEIVER,
    from: 'if (channels.length > 0 && (await signal(deps, pollers))) await deps.channels.noteSignalled(channels);',
    to: 'if (channels.length > 0) await signal(deps, pollers).then(() => deps.channels.noteSignalled(channels));',
  },
  {
    seed: 14,
    name: 'restart-forgets',
    description: 'what was reported before a process crashed is not asked for',
    file: RECEIVER,
    from: 'once(() => channels.notifyAllChannels()),',
    to: '',
  },
  {
    seed: 1,
    name: 'signal-ignored',
    description: 'a pair that rests is not woken',
    file: 'workflows/sync-pair.ts',
    from: 'setHandler(messages.calendarChanged, () => void (pair.settings += 1));',
    to: 'setHandler(messages.calendarChanged, () => {});',
  },
  {
    seed: 1,
    name: 'first-message-only',
    description: 'a service counts as silent unless its very first message has come',
    file: RECEIVER,
    from: 'if (channel.verifiedGeneration >= generation) return;',
    to: 'if (channel.verifiedGeneration >= generation || channel.openGeneration > 0) return;',
  },
  {
    seed: 1,
    name: 'both-sides-for-each-report',
    description: 'a report lists the calendar in full',
    file: TURN,
    from: 'const full = isDue && SIDES.every(',
    to: 'const full = (isDue || due.length === 1) && SIDES.every(',
  },
];
