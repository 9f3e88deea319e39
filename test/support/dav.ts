/** Real CalDAV servers on 127.0.0.1, for tests and for the demo: Radicale and Xandikos from PyPI. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { anyFreePort } from '../../embedded/ports.ts';
import { pythonWith } from './python.ts';

export interface DavServer {
  readonly name: string;
  /** Where discovery starts; ends with a slash. */
  readonly base: string;
  readonly username: string;
  readonly password: string;
  /** The address of a calendar; `createCalendar` creates it. */
  calendarUrl(calendar: string): string;
  createCalendar(calendar: string): Promise<string>;
  stop(): Promise<void>;
}

export interface DavServerSetting {
  /** Any free port if omitted. */
  readonly port?: number;
  /** `stop` leaves this folder; if omitted, a temporary folder that `stop` removes. */
  readonly dataDir?: string;
}

/** Checks passwords: alice / alice-secret, bob / bob-secret. */
export function startRadicale(setting: DavServerSetting = {}): Promise<DavServer> {
  return start('radicale', 'radicale==3.9.0', setting, {
    home: '/alice/',
    async command(python, dir, port) {
      await writeFile(path.join(dir, 'users'), 'alice:alice-secret\nbob:bob-secret\n');
      const config = [
        ['server', `hosts = 127.0.0.1:${port}`, 'max_connections = 50'],
        [
          'auth',
          'type = htpasswd',
          `htpasswd_filename = ${path.join(dir, 'users')}`,
          'htpasswd_encryption = plain',
          'delay = 0',
        ],
        ['rights', 'type = owner_only'],
        ['storage', `filesystem_folder = ${path.join(dir, 'collections')}`],
        ['web', 'type = none'],
        ['logging', 'level = warning'],
      ];
      await writeFile(
        path.join(dir, 'config'),
        config.map(([section, ...lines]) => `[${section}]\n${lines.join('\n')}\n`).join(''),
      );
      return [python, '-m', 'radicale', '--config', path.join(dir, 'config')];
    },
  });
}

/** Accepts any password. */
export function startXandikos(setting: DavServerSetting = {}): Promise<DavServer> {
  return start('xandikos', 'xandikos==0.4.10', setting, {
    home: '/alice/calendars/',
    async command(python, dir, port) {
      const data = path.join(dir, 'data');
      return [
        python,
        '-m',
        'xandikos',
        'serve',
        '-d',
        data,
        '-l',
        '127.0.0.1',
        '-p',
        String(port),
        '--current-user-principal',
        '/alice/',
        '--autocreate',
      ];
    },
  });
}

interface Kind {
  readonly home: string;
  command(python: string, dir: string, port: number): Promise<string[]>;
}

const START_TIMEOUT_MS = 30_000;

async function start(name: string, requirement: string, setting: DavServerSetting, kind: Kind): Promise<DavServer> {
  const python = await pythonWith(requirement);
  const dir = setting.dataDir ?? (await mkdtemp(path.join(tmpdir(), `calpair-${name}-`)));
  await mkdir(dir, { recursive: true });
  const port = setting.port ?? (await anyFreePort());
  const [command = '', ...args] = await kind.command(python, dir, port);
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  // A process that ends without `stop` leaves no server running.
  const killAtExit = (): boolean => child.kill('SIGKILL');
  process.once('exit', killAtExit);
  child.once('exit', () => process.off('exit', killAtExit));
  const base = `http://127.0.0.1:${port}/`;
  const [username, password] = ['alice', 'alice-secret'];
  const stop = async (): Promise<void> => {
    await end(child);
    if (setting.dataDir === undefined) await rm(dir, { recursive: true, force: true });
  };
  try {
    await untilAnswering(base, child);
  } catch (error) {
    await stop();
    throw error;
  }
  const calendarUrl = (calendar: string): string => new URL(`${kind.home}${encodeURIComponent(calendar)}/`, base).href;
  return {
    name,
    base,
    username,
    password,
    calendarUrl,
    stop,
    createCalendar: (calendar) => makeCalendar(calendarUrl(calendar), calendar, username, password),
  };
}

/** The value of an `authorization` header. */
export function basicAuthorization(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

/** MKCALENDAR; an existing calendar is fine. */
async function makeCalendar(url: string, name: string, username: string, password: string): Promise<string> {
  const answer = await fetch(url, {
    method: 'MKCALENDAR',
    signal: AbortSignal.timeout(30_000),
    headers: {
      'content-type': 'application/xml; charset=utf-8',
      authorization: basicAuthorization(username, password),
    },
    body:
      '<?xml version="1.0" encoding="utf-8"?><c:mkcalendar xmlns:d="DAV:" ' +
      `xmlns:c="urn:ietf:params:xml:ns:caldav"><d:set><d:prop><d:displayname>${name}</d:displayname>` +
      '<c:supported-calendar-component-set><c:comp name="VEVENT"/></c:supported-calendar-component-set>' +
      '</d:prop></d:set></c:mkcalendar>',
  });
  if (![201, 405, 409, 403].includes(answer.status)) throw new Error(`MKCALENDAR answered ${answer.status}`);
  return url;
}

async function untilAnswering(base: string, child: ChildProcess): Promise<void> {
  let output = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-2000);
  });
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (Date.now() < deadline) {
    if (child.exitCode !== null) break;
    try {
      await fetch(base, { signal: AbortSignal.timeout(2000) });
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  throw new Error(`the server does not answer: ${output}`);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const killTimer = setTimeout(() => child.kill('SIGKILL'), 3000);
  await ended;
  clearTimeout(killTimer);
}
