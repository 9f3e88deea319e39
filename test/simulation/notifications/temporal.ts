/**
 * What the workflows use of `@temporalio/workflow`, in virtual time: the simulation plays the workflows' own code
 * (`replace-temporal.mjs` puts this file in the package's place). Replay is not simulated.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { ActivityFailure, ApplicationFailure, CancelledFailure } from '@temporalio/common';

export { ActivityFailure, ApplicationFailure } from '@temporalio/common';

/** How an activity is called. */
export interface ActivityCall {
  readonly name: string;
  readonly input: unknown;
  /** Gets what gives the activity up. */
  readonly onCancel: (cancel: () => void) => void;
  /** Whether its end is awaited when it is given up. */
  readonly awaitsEnd: boolean;
}

/** What a workflow runs on. */
export interface WorkflowHost {
  call(activity: ActivityCall): Promise<unknown>;
  after(ms: number, work: () => void): () => void;
}

interface Waiting {
  readonly isOver: () => boolean;
  readonly resume: () => void;
}

/** Roughly how many events a step adds to the history. */
const [EVENTS_OF_SIGNAL, EVENTS_OF_ACTIVITY, EVENTS_OF_TIMER] = [4, 6, 5];

class ContinueAsNew extends Error {
  readonly input: unknown;

  constructor(input: unknown) {
    super('continue as new');
    this.input = input;
  }
}

/** One workflow with its messages. */
export class Workflow {
  readonly host: WorkflowHost;
  readonly handlers = new Map<string, (input?: unknown) => unknown>();
  history = 0;
  private waiting: Waiting[] = [];
  /** Signals that came before their handler. */
  private buffered: [string, unknown][] = [];

  constructor(host: WorkflowHost) {
    this.host = host;
  }

  /** Runs it until it ends, over every continue-as-new. */
  async run<Input>(code: (input: Input) => Promise<void>, input: Input): Promise<void> {
    for (let next = input; ; ) {
      this.history = 0;
      this.handlers.clear();
      const root = new CancellationScope(null);
      try {
        return await CURRENT.run({ workflow: this, scope: root }, () => code(next));
      } catch (error) {
        if (!(error instanceof ContinueAsNew)) throw error;
        next = error.input as Input;
        root.cancel();
      }
    }
  }

  signal(name: string, input?: unknown): void {
    this.history += EVENTS_OF_SIGNAL;
    const handler = this.handlers.get(name);
    if (handler) handler(input);
    else this.buffered.push([name, input]);
  }

  handle(name: string, handler: (input?: unknown) => unknown): void {
    this.handlers.set(name, handler);
    const mine = this.buffered.filter(([one]) => one === name);
    this.buffered = this.buffered.filter(([one]) => one !== name);
    for (const [, input] of mine) handler(input);
  }

  wait(one: Waiting): () => void {
    this.waiting.push(one);
    return () => void (this.waiting = this.waiting.filter((other) => other !== one));
  }

  /** Resumes what no longer has to wait. @returns whether there was something */
  resume(): boolean {
    const over = this.waiting.filter(({ isOver }) => isOver());
    this.waiting = this.waiting.filter((one) => !over.includes(one));
    for (const { resume } of over) resume();
    return over.length > 0;
  }
}

export class CancellationScope {
  private readonly parent: CancellationScope | null;
  private readonly cancels = new Set<() => void>();
  private isCancelled = false;

  constructor(parent: CancellationScope | null | undefined = undefined) {
    this.parent = parent === undefined ? current().scope : parent;
  }

  run<T>(work: () => Promise<T>): Promise<T> {
    return CURRENT.run({ ...current(), scope: this }, work);
  }

  cancel(): void {
    this.isCancelled = true;
    for (const cancel of [...this.cancels]) cancel();
  }

  /** @returns a function that forgets it */
  onCancel(cancel: () => void): () => void {
    if (this.isCancelled) cancel();
    this.cancels.add(cancel);
    const forget = this.parent?.onCancel(cancel);
    return () => {
      this.cancels.delete(cancel);
      forget?.();
    };
  }
}

const CURRENT = new AsyncLocalStorage<{ readonly workflow: Workflow; readonly scope: CancellationScope }>();

function current(): { readonly workflow: Workflow; readonly scope: CancellationScope } {
  const found = CURRENT.getStore();
  if (!found) throw new Error('outside a workflow');
  return found;
}

/** Waits until `begin` calls back, or the scope is cancelled. @param begin returns what ends it early */
function cancellable<T>(begin: (resolve: (value: T) => void, reject: (error: unknown) => void) => () => void) {
  const { scope } = current();
  return new Promise<T>((resolve, reject) => {
    let forget = (): void => {};
    const end = begin(
      (value) => {
        forget();
        resolve(value);
      },
      (error) => {
        forget();
        reject(error as Error);
      },
    );
    forget = scope.onCancel(() => {
      end();
      reject(new CancelledFailure('cancelled'));
    });
  });
}

export function condition(isOver: () => boolean): Promise<void> {
  const { workflow } = current();
  return cancellable((resume) => workflow.wait({ isOver, resume }));
}

export function sleep(ms: number): Promise<void> {
  const { workflow } = current();
  workflow.history += EVENTS_OF_TIMER;
  return cancellable((resolve) => workflow.host.after(ms, resolve));
}

export const ActivityCancellationType = {
  TRY_CANCEL: 'TRY_CANCEL',
  WAIT_CANCELLATION_COMPLETED: 'WAIT_CANCELLATION_COMPLETED',
} as const;

export function proxyActivities<Activities>(options: { readonly cancellationType?: string }): Activities {
  const awaitsEnd = options.cancellationType === ActivityCancellationType.WAIT_CANCELLATION_COMPLETED;
  return new Proxy({} as object, {
    get(_target, name: string) {
      const call = (input: unknown): Promise<unknown> => callActivity(name, input, awaitsEnd);
      return Object.assign(call, { executeWithOptions: (_more: unknown, [input]: [unknown]) => call(input) });
    },
  }) as Activities;
}

function callActivity(name: string, input: unknown, awaitsEnd: boolean): Promise<unknown> {
  const { workflow, scope } = current();
  workflow.history += EVENTS_OF_ACTIVITY;
  return new Promise((resolve, reject) => {
    const forget = scope.onCancel(() => {
      giveUp();
      if (!awaitsEnd) reject(new CancelledFailure('cancelled'));
    });
    let giveUp = (): void => {};
    const ended = workflow.host.call({ name, input, awaitsEnd, onCancel: (cancel) => void (giveUp = cancel) });
    ended
      .finally(forget)
      .then(resolve, (error: unknown) =>
        reject(
          error instanceof CancelledFailure
            ? error
            : new ActivityFailure('failed', name, undefined, 'NON_RETRYABLE_FAILURE', undefined, error as Error),
        ),
      );
  });
}

export function continueAsNew<_Code>(input?: unknown): Promise<never> {
  throw new ContinueAsNew(input);
}

export function workflowInfo(): { readonly historyLength: number; readonly continueAsNewSuggested: boolean } {
  return { historyLength: current().workflow.history, continueAsNewSuggested: false };
}

export function setHandler({ name }: { readonly name: string }, handler: (input?: unknown) => unknown): void {
  current().workflow.handle(name, handler);
}

export function isCancellation(error: unknown): boolean {
  return error instanceof CancelledFailure;
}

const named = (name: string): { readonly name: string } => ({ name });
export const defineSignal = named;
export const defineQuery = named;
export const defineUpdate = named;
export const allHandlersFinished = (): boolean => true;
export const patched = (_name: string): boolean => true;
export const setCurrentDetails = (_text: string): void => {};
export const upsertSearchAttributes = (_all: unknown): void => {};

/** A failure that Temporal does not retry. */
export function isFinal(error: unknown): boolean {
  return error instanceof ApplicationFailure && error.nonRetryable === true;
}
