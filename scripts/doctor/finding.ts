/** What `npm run doctor` finds. */
export interface Finding {
  /** `warning`: it works, but will not for long, or could not be checked. */
  readonly level: 'ok' | 'warning' | 'problem';
  /** Without secrets, addresses with passwords and event content. */
  readonly text: string;
  /** What the operator can do; every warning and problem has it. */
  readonly todo?: string;
}

export function ok(text: string): Finding {
  return { level: 'ok', text };
}

export function warning(text: string, todo: string): Finding {
  return { level: 'warning', text, todo };
}

export function problem(text: string, todo: string): Finding {
  return { level: 'problem', text, todo };
}

/** @throws Error after this time; the work itself may go on */
export async function within<T>(milliseconds: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('no answer in time')), milliseconds);
  });
  work.catch(() => undefined);
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
