/**
 * Threads for pure functions that read what other people wrote. A function that takes too long costs its own thread,
 * which is ended, and no other text's time.
 */
import { Worker } from 'node:worker_threads';

export interface PoolSettings {
  /** The module that exports `TASKS`: functions by name, from plain data to plain data. */
  readonly tasks: URL;
  readonly threads: number;
  /**
   * How long a call may take, for each attempt; ms. A loaded machine may be to blame, so the last attempt gets much
   * more time.
   */
  readonly limitsMs: readonly number[];
  /** Of one thread; a thread that needs more is ended, and not the process. */
  readonly memoryMb: number;
  /** A thread without work, which holds some 50 MB, is ended after this time; ms. */
  readonly idleMs: number;
  /** After a thread was ended. `task` names what it was doing; `size` is that of its input. */
  readonly onKilled?: (what: { task: string; size: number; attempt: number; limitMs: number }) => void;
}

export interface Pool {
  /**
   * Calls a task. The calls of one owner run one after the other, so that no owner takes all threads.
   * @throws TookTooLong after the last attempt; Error where the task itself throws
   */
  run(task: string, input: object, owner: string, size: number): Promise<unknown>;
  /** Ends all threads. */
  close(): Promise<void>;
}

export class TookTooLong extends Error {}

interface Call {
  readonly task: string;
  readonly input: object;
  readonly owner: string;
  readonly size: number;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
  attempt: number;
}

interface Thread {
  readonly worker: Worker;
  isReady: boolean;
  call: Call | null;
  /** Ends it: while it has a call because that took too long, otherwise because there is none. */
  timer?: NodeJS.Timeout;
}

type Message = 'ready' | { readonly value: unknown } | { readonly error: string };

export function createPool({ tasks, threads: most, limitsMs, memoryMb, idleMs, onKilled }: PoolSettings): Pool {
  const waiting: Call[] = [];
  const threads = new Set<Thread>();

  function next(): void {
    const busy = new Set([...threads].map(({ call }) => call?.owner));
    const call = waiting.find(({ owner }) => !busy.has(owner));
    if (call === undefined) return;
    const idle = [...threads].find((thread) => thread.isReady && thread.call === null);
    if (idle) start(idle, call);
    else if (threads.size < most) begin();
  }

  function begin(): void {
    const worker = new Worker(new URL('thread.mjs', import.meta.url), {
      workerData: { tasks: tasks.href },
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: memoryMb },
    });
    const thread: Thread = { worker, isReady: false, call: null };
    threads.add(thread);
    worker.on('message', (message: Message) => {
      if (message === 'ready') {
        thread.isReady = true;
        rest(thread);
      } else
        settle(thread, (call) =>
          'error' in message ? call.reject(new Error(message.error)) : call.resolve(message.value),
        );
      next();
    });
    // Out of memory, for one.
    worker.on('error', (error) => fail(thread, error));
    worker.on('exit', () => fail(thread, new Error('the thread ended')));
  }

  function start(thread: Thread, call: Call): void {
    waiting.splice(waiting.indexOf(call), 1);
    thread.call = call;
    clearTimeout(thread.timer);
    thread.worker.ref();
    thread.worker.postMessage({ task: call.task, input: call.input });
    const limitMs = limitsMs[call.attempt]!;
    thread.timer = setTimeout(() => {
      // If this thread was late itself, the answer may be there already: it comes before what is set here.
      setImmediate(() => {
        if (thread.call === call) fail(thread, new TookTooLong(`${call.task} took longer than ${limitMs} ms`));
      });
    }, limitMs);
    next();
  }

  function settle(thread: Thread, answer: (call: Call) => void): void {
    const { call } = thread;
    thread.call = null;
    rest(thread);
    if (call) answer(call);
  }

  /** A thread without work keeps no process alive, and is ended soon. */
  function rest(thread: Thread): void {
    clearTimeout(thread.timer);
    thread.worker.unref();
    thread.timer = setTimeout(() => {
      if (threads.delete(thread)) void thread.worker.terminate();
    }, idleMs).unref();
  }

  function fail(thread: Thread, error: Error): void {
    if (!threads.delete(thread)) return;
    void thread.worker.terminate();
    settle(thread, (call) => {
      const limitMs = limitsMs[call.attempt]!;
      call.attempt += 1;
      onKilled?.({ task: call.task, size: call.size, attempt: call.attempt, limitMs });
      if (call.attempt < limitsMs.length) waiting.push(call);
      else call.reject(error instanceof TookTooLong ? error : new TookTooLong(`${call.task} ended its thread`));
    });
    next();
  }

  return {
    run(task, input, owner, size) {
      return new Promise((resolve, reject) => {
        waiting.push({ task, input, owner, size, resolve, reject, attempt: 0 });
        next();
      });
    },
    async close() {
      const ended = [...threads].map(({ worker }) => worker.terminate());
      threads.clear();
      await Promise.all(ended);
    },
  };
}
