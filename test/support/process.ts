/** Programs of this project as separate processes. */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type FakeEndpoint, googleEnvironment, type Json, microsoftEnvironment } from './calpair.ts';
import type { CloudName } from './cloud.ts';
import type { Calendar } from './pair.ts';

const PROJECT = fileURLToPath(new URL('../../', import.meta.url));

export interface Program {
  readonly child: ChildProcess;
  /** All output so far. */
  output(): string;
  /** Resolves with the first matching line. */
  line(pattern: RegExp): Promise<string>;
  /** Sends a signal and waits for the end; returns the exit code, or the signal's name. */
  end(signal?: NodeJS.Signals): Promise<number | string>;
}

/** `npm start` without npm in between: `node start.mjs`, or another file. */
export function startProgram(args: readonly string[], environment: Readonly<Record<string, string>> = {}): Program {
  const { NODE_OPTIONS: _options, NODE_TEST_CONTEXT: _test, ...inherited } = process.env;
  const child = spawn(process.execPath, args, {
    cwd: PROJECT,
    env: { ...inherited, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => void (output += chunk.toString()));
  const exited = new Promise<number | string>((resolve) =>
    child.once('exit', (code, signal) => resolve(code ?? signal ?? 'unknown')),
  );
  return {
    child,
    output: () => output,
    line: async (pattern) => {
      for (;;) {
        const found = output
          .split('\n')
          .slice(0, -1)
          .find((line) => pattern.test(line));
        if (found !== undefined) return found;
        const pause = new Promise<null>((resolve) => setTimeout(resolve, 20, null));
        const ended = await Promise.race([exited, pause]);
        if (ended !== null)
          throw new Error(`it ended (${ended}) before it printed ${String(pattern)}:\n${output.slice(-3000)}`);
      }
    },
    async end(signal = 'SIGTERM') {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal);
      return exited;
    },
  };
}

export interface CloudProcess {
  /** Environment variables that point Calpair at the fake. */
  readonly environment: Readonly<Record<string, string>>;
  readonly calendar: Calendar;
  /** Reads or calls this name on the fake (or, with `ofAccount`, on its account). */
  control(name: string, ...args: unknown[]): Promise<Json>;
  ofAccount(name: string, ...args: unknown[]): Promise<Json>;
  /** @throws Error if people were reached, like the fake's `close` */
  stop(): Promise<void>;
}

/** A fake cloud as a separate process, with one account. */
export async function startCloudProcess(name: CloudName): Promise<CloudProcess> {
  const program = startProgram([
    '--import',
    'tsx',
    `test/fakes/${name === 'google' ? 'google' : 'graph'}/main.ts`,
    '--email',
    'owner@calendars.example',
  ]);
  const { controlUrl, email, refreshToken, ...place } = JSON.parse(await program.line(/^\{/)) as FakeEndpoint & {
    controlUrl: string;
    email: string;
    refreshToken: string;
  };
  const send = async (what: string, body: Json): Promise<Json> => {
    const answer = await fetch(new URL(what, controlUrl), { method: 'POST', body: JSON.stringify(body) });
    const { result, error } = (await answer.json()) as Json;
    if (!answer.ok) throw new Error(`control ${what}: ${error}`);
    return result;
  };
  const ofAccount = (what: string, ...args: unknown[]): Promise<Json> => send(what, { email, args });
  const calendarId =
    name === 'google'
      ? email
      : (await ofAccount('calendars')).find(({ isDefaultCalendar }: Json) => isDefaultCalendar).id;
  return {
    environment: name === 'google' ? googleEnvironment(place) : microsoftEnvironment(place),
    calendar: { account: { refreshToken }, calendarId, provider: name },
    control: (what, ...args) => send(what, { args }),
    ofAccount,
    async stop() {
      const code = await program.end();
      if (code !== 0) throw new Error(program.output().split('\n').slice(-25).join('\n'));
    },
  };
}
