/** Programs of this project as processes of their own, as a person starts them. */
import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Json } from './calpair.ts';

const PROJECT = fileURLToPath(new URL('../../', import.meta.url));

export interface Program {
  readonly child: ChildProcess;
  /** All that it has printed so far. */
  output(): string;
  /** Resolves with the first line that fits. */
  line(pattern: RegExp): Promise<string>;
  /** Sends a signal and waits for the end; answers the exit code, or the signal's name. */
  end(signal?: NodeJS.Signals): Promise<number | string>;
}

/** `npm start` without npm between us and it: `node start.mjs`, or another file. */
export function startProgram(args: readonly string[], environment: Readonly<Record<string, string>> = {}): Program {
  const { NODE_OPTIONS: _options, NODE_TEST_CONTEXT: _test, ...inherited } = process.env;
  const child = spawn(process.execPath, args, { cwd: PROJECT, env: { ...inherited, ...environment }, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => void (output += chunk.toString()));
  const exited = new Promise<number | string>((resolve) => child.once('exit', (code, signal) => resolve(code ?? signal ?? 'unknown')));
  return {
    child,
    output: () => output,
    line: async (pattern) => {
      for (;;) {
        const found = output.split('\n').slice(0, -1).find((line) => pattern.test(line));
        if (found !== undefined) return found;
        const pause = new Promise<null>((resolve) => setTimeout(resolve, 20, null));
        const ended = await Promise.race([exited, pause]);
        if (ended !== null) throw new Error(`it ended (${ended}) before it said ${String(pattern)}:\n${output.slice(-3000)}`);
      }
    },
    async end(signal = 'SIGTERM') {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal);
      return exited;
    },
  };
}

export interface GoogleProcess {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly rootUrl: string;
  readonly tokenUrl: string;
  readonly email: string;
  readonly refreshToken: string;
  /** What `GoogleStandIn` (or, with `ofAccount`, `GoogleAccount`) has under this name. */
  control(name: string, ...args: unknown[]): Promise<Json>;
  ofAccount(name: string, ...args: unknown[]): Promise<Json>;
  /** @throws Error when people were reached, as `GoogleStandIn.close` does */
  stop(): Promise<void>;
}

/** The stand-in Google as a process of its own, with one account. */
export async function startGoogleProcess(): Promise<GoogleProcess> {
  const program = startProgram(['--import', 'tsx', 'test/support/google/main.ts', '--email', 'owner@calendars.example']);
  const { controlUrl, ...told } = JSON.parse(await program.line(/^\{/)) as Omit<GoogleProcess, 'control' | 'ofAccount' | 'stop'> & { controlUrl: string };
  const ask = async (name: string, body: Json): Promise<Json> => {
    const answer = await fetch(new URL(name, controlUrl), { method: 'POST', body: JSON.stringify(body) });
    const { result, error } = (await answer.json()) as Json;
    if (!answer.ok) throw new Error(`control ${name}: ${error}`);
    return result;
  };
  return {
    ...told,
    control: (name, ...args) => ask(name, { args }),
    ofAccount: (name, ...args) => ask(name, { email: told.email, args }),
    async stop() {
      const code = await program.end();
      if (code !== 0) throw new Error(program.output().split('\n').slice(-25).join('\n'));
    },
  };
}
