/**
 * The CalDAV servers of `../shared/caldav`, if that folder is beside the repository: Debian packages, started as root,
 * for `npm run test:servers`.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { anyFreePort } from '../../embedded/ports.ts';

const run = promisify(execFile);
const SERVERS_DIR = path.join(import.meta.dirname, '..', '..', '..', 'shared', 'caldav');

export interface CaldavServer {
  readonly base: string;
  readonly principal: string;
  /** "Work", empty. */
  readonly calendar: string;
  readonly username: string;
  readonly password: string;
  stop(): Promise<void>;
}

/** False, or the reason why this machine cannot run the server. */
export function skipReason(name: string): string | false {
  if (!existsSync(path.join(SERVERS_DIR, `${name}.sh`))) return 'the folder with the CalDAV servers is missing';
  return process.getuid?.() === 0 ? false : 'needs root to install and start the server';
}

/**
 * @param mailPort the SMTP port for the server's mails (Cyrus, SOGo); without it SOGo sends none, and those of Cyrus
 * are refused
 */
export async function startCaldavServer(name: string, mailPort?: number): Promise<CaldavServer> {
  const script = path.join(SERVERS_DIR, `${name}.sh`);
  const dir = await mkdtemp(path.join(tmpdir(), `calpair-${name}-`));
  const { stdout } = await run(script, ['start', String(await anyFreePort()), dir], {
    timeout: 300_000,
    env: { ...process.env, ...(mailPort === undefined ? {} : mailSettings(mailPort)) },
  });
  const line = stdout.trim().split('\n').at(-1) ?? '';
  const { user, ...server } = z
    .object({ base: z.string(), principal: z.string(), calendar: z.string(), user: z.string(), password: z.string() })
    .parse(JSON.parse(line));
  return {
    ...server,
    username: user,
    async stop() {
      await run(script, ['stop', dir], { timeout: 60_000 });
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** Environment variables of the scripts. */
function mailSettings(port: number): Record<string, string> {
  return {
    CYRUS_CONFIG: `smtp_backend: host\nsmtp_host: 127.0.0.1:${port}/noauth`,
    SOGO_ARGS:
      `-SOGoMailingMechanism smtp -SOGoSMTPServer smtp://127.0.0.1:${port} ` +
      '-SOGoAppointmentSendEMailNotifications YES',
  };
}
