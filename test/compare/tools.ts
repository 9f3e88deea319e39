/** The programs that are compared, each as its own documents say how to run it, with nothing configured beyond that. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readConfig } from '../../config.ts';
import { anyFreePort } from '../../embedded/ports.ts';
import { createProviders } from '../../providers/entries.ts';
import { API_KEY, Api, environmentOf } from '../support/calpair.ts';
import type { DavServer } from '../support/dav.ts';
import { createPair } from '../support/pair.ts';
import { startProgram } from '../support/process.ts';
import { pythonWith } from '../support/python.ts';

export interface Running {
  /** One whole sync. @returns what a person has to know of it; empty where all was done */
  sync(): Promise<string>;
  /** Begins a sync, and kills the program in the middle. */
  begin(): { kill(): Promise<void> };
  close(): Promise<void>;
}

export interface Tool {
  readonly name: string;
  /** @param dir for its configuration and state */
  readonly setUp: (a: DavServer, b: DavServer, dir: string) => Promise<Running>;
}

const CALENDAR = 'work';
export const calendarOf = (server: DavServer): string => server.calendarUrl(CALENDAR);

/** A command line program: each sync is one process. */
function commandLine(program: string, args: readonly string[], messageOf: (output: string) => string): Running {
  const run = (): { child: ChildProcess; ended: Promise<string> } => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data: Buffer) => (output += data.toString()));
    const ended = new Promise<string>((resolve) =>
      child.once('exit', (code) => resolve(code === 0 ? '' : messageOf(output) || `exit ${code}`)),
    );
    return { child, ended };
  };
  return {
    sync: () => run().ended,
    begin: () => {
      const { child, ended } = run();
      return {
        kill: async () => {
          child.kill('SIGKILL');
          await ended;
        },
      };
    },
    close: async () => undefined,
  };
}

const execute = (program: string, args: readonly string[]): Promise<void> =>
  new Promise((resolve, reject) => {
    const child = execFile(program, [...args], (error, stdout, stderr) =>
      error ? reject(new Error(`${program} ${args.join(' ')}: ${stdout}${stderr}`)) : resolve(),
    );
    child.stdin?.end();
  });

const vdirsyncer: Tool = {
  name: 'vdirsyncer 0.21.0',
  async setUp(a, b, dir) {
    const python = await pythonWith('vdirsyncer==0.21.0');
    const storage = (name: string, { base, username, password }: DavServer): string =>
      [
        `[storage ${name}]`,
        'type = "caldav"',
        `url = "${base}"`,
        `username = "${username}"`,
        `password = "${password}"`,
      ].join('\n');
    const pair = ['[pair both]', 'a = "a"', 'b = "b"', `collections = ["${CALENDAR}"]`].join('\n');
    const config = join(dir, 'config');
    writeFileSync(
      config,
      [`[general]\nstatus_path = "${join(dir, 'status')}"`, pair, storage('a', a), storage('b', b), ''].join('\n'),
    );
    const args = ['-m', 'vdirsyncer', '-v', 'WARNING', '-c', config];
    await execute(python, [...args, 'discover', '--no-list', 'both']);
    return commandLine(python, [...args, 'sync', 'both'], (output) => (/conflict/i.test(output) ? 'a conflict' : ''));
  },
};

/** Its crate is built by `cargo install neverest --version 0.3.0`. */
const neverest: Tool = {
  name: 'neverest 0.3.0',
  async setUp(a, b, dir) {
    const side = (table: string, { base, username, password }: DavServer): string =>
      [
        `[accounts.both.${table}.caldav]`,
        `server = "${base}"`,
        `auth.basic.username = "${username}"`,
        `auth.basic.password.raw = "${password}"`,
        `collection.filter.include = ["${CALENDAR}"]`,
      ].join('\n');
    const config = join(dir, 'config.toml');
    writeFileSync(config, ['[accounts.both]', side('sources.a', a), side('targets.b', b), ''].join('\n'));
    const program = process.env['NEVEREST'] ?? 'neverest';
    await execute(program, ['-c', config, 'init', '-a', 'both']);
    return commandLine(program, ['-c', config, 'sync', '-a', 'both'], (output) =>
      /conflict/i.test(output) ? 'a conflict' : '',
    );
  },
};

const calpair: Tool = {
  name: 'Calpair',
  async setUp(a, b, dir) {
    mkdirSync(join(dir, 'data'), { recursive: true });
    const [port, temporalPort, uiPort] = [await anyFreePort(), await anyFreePort(), await anyFreePort()];
    const environment = {
      ...environmentOf({ dataDir: join(dir, 'data') }),
      PORT: String(port),
      CALPAIR_TEMPORAL_PORT: String(temporalPort),
      CALPAIR_TEMPORAL_UI_PORT: String(uiPort),
    };
    const start = async () => {
      const program = startProgram(['start.mjs'], environment);
      await program.line(/Calpair runs/);
      return program;
    };
    let program = await start();
    const api = new Api(`http://127.0.0.1:${port}`, API_KEY);
    const host = { api, providers: await createProviders(readConfig(environment).providers), tag: String };
    const calendar = (server: DavServer) => ({ server, url: calendarOf(server) });
    const pair = await createPair(host, calendar(a), calendar(b), { paused: true });
    const resume = async (): Promise<void> => {
      if ((await pair.show()).status === 'paused') await pair.post('resume');
    };
    return {
      async sync() {
        await resume();
        while ((await api.try('POST', `/v1/pairs/${pair.id}/sync?wait=120`)).status !== 200);
        const { status, statusReason, statusDetail } = await pair.show();
        return status === 'attention' && statusReason === 'held-changes' ? statusDetail : '';
      },
      begin() {
        const began = resume();
        return {
          async kill() {
            await began;
            await program.end('SIGKILL');
            program = await start();
          },
        };
      },
      close: async () => void (await program.end()),
    };
  },
};

export const TOOLS: Readonly<Record<string, Tool>> = { calpair, vdirsyncer, neverest };
