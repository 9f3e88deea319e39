/** Shortens a failing schedule while it still violates the same invariant: removes steps, first halves, then less. */

interface StepOf {
  readonly do: string;
  readonly during?: readonly unknown[];
}
interface ScheduleOf {
  readonly steps: readonly StepOf[];
}
interface OutcomeOf {
  readonly violation: { readonly invariant: string } | null;
}

export interface Shrunk<Schedule, Outcome> {
  readonly schedule: Schedule;
  readonly outcome: Outcome;
}

/** @param tries the maximum number of schedules to play */
export async function shrink<Schedule extends ScheduleOf, Outcome extends OutcomeOf>(
  schedule: Schedule,
  invariant: string,
  play: (schedule: Schedule) => Promise<Outcome>,
  tries = 400,
): Promise<Shrunk<Schedule, Outcome>> {
  let best = { schedule, outcome: await play(schedule) };
  let left = tries;
  const attempt = async (steps: readonly StepOf[]): Promise<boolean> => {
    left -= 1;
    const shorter = { ...best.schedule, steps };
    const outcome = await play(shorter);
    if (outcome.violation?.invariant !== invariant) return false;
    best = { schedule: shorter, outcome };
    return true;
  };
  for (
    let part = Math.ceil(best.schedule.steps.length / 2);
    part >= 1 && left > 0;
    part = part > 1 ? Math.ceil(part / 2) : 0
  ) {
    for (let from = 0; from < best.schedule.steps.length && left > 0; ) {
      const { steps } = best.schedule;
      if (!(await attempt([...steps.slice(0, from), ...steps.slice(from + part)]))) from += part;
    }
  }
  for (let index = 0; index < best.schedule.steps.length && left > 0; index += 1) {
    for (let inner = 0; left > 0; inner += 1) {
      const step = best.schedule.steps[index]!;
      if (step.during === undefined || inner >= step.during.length) break;
      const fewer = { ...step, during: step.during.filter((_, place) => place !== inner) };
      if (await attempt(best.schedule.steps.with(index, fewer))) inner -= 1;
    }
  }
  return best;
}
