/**
 * HTTP that is answered before the call returns: a person of a schedule looks at a real server, and nothing else
 * happens meanwhile. The requests are made in a thread of their own, with its own clock.
 */
import { MessageChannel, receiveMessageOnPort, Worker } from 'node:worker_threads';

export interface SyncRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface SyncAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const LONGEST_MS = 30_000;

const SOURCE = `
  const { parentPort, workerData } = require('node:worker_threads');
  const { port, signal } = workerData;
  port.on('message', async ({ method, url, headers, body }) => {
    let answer;
    try {
      const response = await fetch(url, { method, headers, redirect: 'manual', ...(body === '' ? {} : { body }) });
      answer = {
        status: response.status,
        headers: Object.fromEntries(response.headers),
        body: await response.text(),
      };
    } catch (error) {
      answer = { error: String(error.cause ?? error) };
    }
    port.postMessage(answer);
    Atomics.store(signal, 0, 1);
    Atomics.notify(signal, 0);
  });
`;

export class SyncHttp {
  private readonly signal = new Int32Array(new SharedArrayBuffer(4));
  private readonly channel = new MessageChannel();
  private readonly worker: Worker;

  constructor() {
    const { port2 } = this.channel;
    this.worker = new Worker(SOURCE, {
      eval: true,
      execArgv: [],
      workerData: { port: port2, signal: this.signal },
      transferList: [port2],
    });
    this.worker.unref();
  }

  /** @throws Error where there is no answer */
  request(request: SyncRequest): SyncAnswer {
    const { signal, channel } = this;
    Atomics.store(signal, 0, 0);
    channel.port1.postMessage(request);
    if (Atomics.wait(signal, 0, 0, LONGEST_MS) === 'timed-out') throw new Error(`${request.url} does not answer`);
    const { message } = receiveMessageOnPort(channel.port1) as { message: SyncAnswer | { readonly error: string } };
    if ('error' in message) throw new Error(`${request.method} ${request.url}: ${message.error}`);
    return message;
  }

  async stop(): Promise<void> {
    this.channel.port1.close();
    await this.worker.terminate();
  }
}
