/**
 * Many idle pairs, 1 % of which change each minute: how late polls are and what they cost. The workers are processes of
 * their own, with real PostgreSQL and Temporal; the calendars are in this process, and asked over HTTP.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import { type ClientHttp2Session, connect as connectHttp2, createServer as createHttp2 } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { sql } from 'drizzle-orm';
import { createPairControl } from '../../api/temporal/pair-control.ts';
import type { CalendarEvent } from '../../core/event.ts';
import { DEFAULT_OPTIONS } from '../../core/sync/policy.ts';
import { createAccount } from '../../db/accounts.ts';
import { connect } from '../../db/connect.ts';
import { newId } from '../../db/ids.ts';
import { connections, pairs } from '../../db/schema.ts';
import { createVault } from '../../db/vault.ts';
import type { ChangePage, Stored } from '../../providers/provider.ts';
import { until } from '../support/calpair.ts';
import { testDatabase } from '../support/database.ts';
import { FakeSide } from '../support/fake-side.ts';
import { startTestTemporal } from '../support/servers.ts';

const KEY = Buffer.alloc(32, 7);
const INTERVAL_MS = 60_000;
/** A heartbeat of each poll falls into it once. */
const WINDOW_MS = 180_000;
const TICKS_PER_SECOND = 100;

export async function measureIdle(count: number, workers: number): Promise<object> {
  const temporal = await startTestTemporal(1);
  const namespace = 'test-0';
  const calls = await countCalls(temporal.server.address);
  const calendars = await serveCalendars();
  const databaseUrl = await testDatabase();
  const db = connect(databaseUrl, createVault([KEY], KEY));
  const connection = await Connection.connect({ address: temporal.server.address });
  const control = createPairControl(new Client({ connection, namespace }));
  const children: ChildProcess[] = [];
  const startWorkers = (): void => {
    const environment = {
      BENCH_DATABASE: databaseUrl,
      BENCH_KEY: KEY.toString('hex'),
      BENCH_TEMPORAL: calls.address,
      BENCH_CALENDARS: calendars.url,
    };
    for (let number = 0; number < workers; number += 1)
      children.push(
        spawn(process.execPath, ['--import', 'tsx', fileURLToPath(new URL('idle-worker.ts', import.meta.url))], {
          env: { ...process.env, ...environment, NODE_TEST_CONTEXT: '' },
          stdio: ['ignore', 'ignore', 'inherit'],
        }),
      );
  };
  const stopWorkers = async (): Promise<void> => {
    await Promise.all(
      children.splice(0).map(async (child) => {
        child.kill('SIGTERM');
        await new Promise((resolve) => child.once('exit', resolve));
      }),
    );
  };
  const sizeOf = async (): Promise<number> => {
    const { rows } = await db.sql.execute<{ size: string }>(sql`select pg_database_size(current_database()) as size`);
    return Number(rows[0]!.size);
  };
  try {
    const ids = await insertPairs(db, count);
    startWorkers();
    // Spread over an interval, as chance spreads real ones: else all of them are due at once, every minute.
    const begun = Date.now();
    for (const [index, pairId] of ids.entries()) {
      await sleep(Math.max(0, begun + (index * INTERVAL_MS) / count - Date.now()));
      await control.start({ pairId, paused: false, wanted: null });
    }
    const isPolled = (since: number): boolean => ids.every((id) => (calendars.last(`${id}-a`) ?? 0) > since);
    await until('all are polled', () => isPolled(0), 60_000 + 200 * count);
    await sleep(INTERVAL_MS);
    const [processes, size, callsBefore] = [processesOf(process.pid), await sizeOf(), calls.byMethod()];
    calendars.late.length = 0;
    const pollsBefore = calendars.polls();
    const changes = await changeSome(ids, calendars.sides, WINDOW_MS);
    const polls = calendars.polls() - pollsBefore;
    const after = processesOf(process.pid);
    const cpu = (name: string): number =>
      round((cpuOf(after, name) - cpuOf(processes, name)) / Math.max(1, polls / 2), 1);
    const mb = (name: string): number =>
      Math.round(after.filter((one) => one.name === name).reduce((sum, { pss }) => sum + pss, 0) / 1024);
    const late = calendars.late.toSorted((a, b) => a - b);
    const at = (share: number): number =>
      Math.round(late[Math.min(late.length - 1, Math.floor(late.length * share))] ?? 0);
    const made = [...calls.byMethod()].map(([method, all]) => [method, all - (callsBefore.get(method) ?? 0)] as const);
    const sent = made
      .filter(([method]) => !/Poll|Describe|GetSystemInfo/.test(method))
      .reduce((sum, [, all]) => sum + all, 0);
    const grown = ((await sizeOf()) - size) / 1024;
    const restartedAt = Date.now();
    await stopWorkers();
    const stoppedMs = Date.now() - restartedAt;
    startWorkers();
    await until('all are polled again', () => isPolled(restartedAt + stoppedMs), 60_000 + 200 * count);
    const polledAgainMs = Date.now() - restartedAt;
    return {
      pairs: count,
      workers,
      changes,
      'late p50 / p99 ms': `${at(0.5)} / ${at(0.99)}`,
      'CPU ms a turn: worker / PostgreSQL / Temporal': `${cpu('worker')} / ${cpu('postgres')} / ${cpu('temporal')}`,
      'PSS MB: worker / PostgreSQL / Temporal': `${mb('worker')} / ${mb('postgres')} / ${mb('temporal')}`,
      'database KB a pair and day': Math.round((grown / count) * (86_400_000 / WINDOW_MS)),
      'Temporal calls a pair and day': Math.round((sent / count) * (86_400_000 / WINDOW_MS)),
      'restart s: stopped / all polled': `${round(stoppedMs / 1000, 0)} / ${round(polledAgainMs / 1000, 0)}`,
    };
  } finally {
    await stopWorkers();
    await connection.close();
    await db.close();
    await temporal.stop();
    calls.stop();
    calendars.stop();
  }
}

const round = (number: number, digits: number): number => Number(number.toFixed(digits));

async function insertPairs(db: ReturnType<typeof connect>, count: number): Promise<string[]> {
  const about = {
    preset: null,
    label: null,
    externalId: null,
    discovered: {},
    credentials: {},
    canCreateCalendars: false,
  };
  const account = async (username: string) =>
    (await createAccount(db, { ...about, provider: 'bench', username, identity: 'bench' })).id;
  const connectionId = newId();
  const [caldavAccountId, cloudAccountId] = [await account('a'), await account('b')];
  await db.sql.insert(connections).values({ id: connectionId, name: null, caldavAccountId, cloudAccountId });
  const ids = Array.from({ length: count }, newId);
  for (let start = 0; start < count; start += 500)
    await db.sql.insert(pairs).values(
      ids.slice(start, start + 500).map((id) => ({
        id,
        connectionId,
        caldavCalendarId: `${id}-a`,
        cloudCalendarId: `${id}-b`,
        calendars: id,
        floatingZone: 'Europe/Berlin',
        direction: 'bidirectional' as const,
        pollIntervalSeconds: INTERVAL_MS / 1000,
        options: DEFAULT_OPTIONS,
        paused: false,
        firstRunAt: new Date(),
        fullListingAt: new Date(),
      })),
    );
  return ids;
}

/** One new event in 1 % of the pairs each minute. @returns how many */
async function changeSome(ids: readonly string[], sides: (id: string) => FakeSide, ms: number): Promise<number> {
  const changes = Math.max(1, Math.round((ids.length / 100) * (ms / 60_000)));
  for (let change = 0; change < changes; change += 1) {
    await sleep(ms / changes);
    sides(`${ids[(change * 37) % ids.length]}-a`).person.insert({ title: `Change ${change}`, uid: `change-${change}` });
  }
  return changes;
}

/** What `idle-worker.ts` asks of a calendar. */
export interface CalendarCall {
  readonly calendar: string;
  readonly call: 'changes' | 'get' | 'create' | 'update' | 'remove';
  readonly args: readonly unknown[];
}

async function serveCalendars() {
  const clock = { now: Date.now() };
  const all = new Map<string, FakeSide>();
  const sides = (id: string): FakeSide => {
    const side = all.get(id) ?? new FakeSide(id, clock, { keepsIds: true });
    all.set(id, side);
    return side;
  };
  const polled = new Map<string, number>();
  const late: number[] = [];
  let polls = 0;
  const answer = async ({ calendar, call, args }: CalendarCall): Promise<unknown> => {
    const side = sides(calendar);
    clock.now = Date.now();
    if (call === 'changes') {
      const now = Date.now();
      const before = polled.get(calendar);
      if (before) late.push(Math.max(0, now - before - INTERVAL_MS));
      polled.set(calendar, now);
      polls += 1;
      const nothing = { isAll: false, byResource: async () => [], versions: async () => new Map() };
      const pages: ChangePage[] = [];
      for await (const page of side.changes(args[0] as string | null, nothing)) pages.push(page);
      return pages;
    }
    if (call === 'get') return [...(await side.get(args[0] as string[]))];
    if (call === 'create') return side.create(args[0] as CalendarEvent, args[1] as string, args[2] as number);
    if (call === 'update') return side.update(args[0] as Stored, args[1] as CalendarEvent);
    return side.remove(args[0] as Stored);
  };
  const server = createServer((request, response) => {
    void read(request)
      .then((text) => answer(JSON.parse(text) as CalendarCall))
      .then((result) => response.end(JSON.stringify(result ?? null)))
      .catch((error: Error) => response.writeHead(500).end(error.message));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    sides,
    late,
    polls: () => polls,
    last: (id: string) => polled.get(id),
    stop: () => void server.close(),
  };
}

async function read(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

/** Passes gRPC on and counts its calls by method. */
async function countCalls(to: string): Promise<{ address: string; byMethod(): Map<string, number>; stop(): void }> {
  const counts = new Map<string, number>();
  const server = createHttp2();
  server.on('session', (session) => {
    // Temporal ends each connection after five minutes; what is under way on it goes on.
    const open = (): ClientHttp2Session => {
      const opened = connectHttp2(`http://${to}`);
      return opened.on('goaway', () => void (upstream = open())).on('error', () => session.destroy());
    };
    let upstream = open();
    session.on('close', () => upstream.destroy()).on('error', () => upstream.destroy());
    session.on('stream', (stream, headers) => {
      const method = String(headers[':path']).split('/').at(-1)!;
      counts.set(method, (counts.get(method) ?? 0) + 1);
      const request = upstream.request(headers);
      request.on('response', (answer) => {
        if (stream.destroyed) return;
        let trailers: object = {};
        request.on('trailers', (some) => void (trailers = some));
        stream.respond(answer, { waitForTrailers: true });
        stream.on('wantTrailers', () => stream.sendTrailers(trailers as Record<string, string>));
        request.pipe(stream);
      });
      request.on('error', () => stream.destroy());
      stream.on('error', () => request.destroy()).on('aborted', () => request.close());
      stream.pipe(request);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { address, byMethod: () => new Map(counts), stop: () => void server.close() };
}

interface Process {
  readonly name: 'worker' | 'postgres' | 'temporal' | 'other';
  readonly ms: number;
  /** KB. */
  readonly pss: number;
}

/** The descendants of a process. Linux only. */
function processesOf(root: number): Process[] {
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const [, command = '', stat = ''] = /\((.*)\) (.*)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? [];
        const fields = stat.split(' ');
        return [
          { pid: Number(pid), parent: Number(fields[1]), command, ticks: Number(fields[11]) + Number(fields[12]) },
        ];
      } catch {
        return [];
      }
    });
  const found = all.filter(({ parent }) => parent === root);
  for (const one of found) found.push(...all.filter(({ parent }) => parent === one.pid));
  return found.map(({ pid, command, ticks }) => {
    const line = readOrEmpty(`/proc/${pid}/cmdline`);
    const name = line.includes('idle-worker')
      ? 'worker'
      : command.includes('postgres')
        ? 'postgres'
        : /temporal/.test(line)
          ? 'temporal'
          : 'other';
    const rollup = name === 'other' ? '' : readOrEmpty(`/proc/${pid}/smaps_rollup`);
    return { name, ms: (ticks * 1000) / TICKS_PER_SECOND, pss: Number(/^Pss:\s+(\d+)/m.exec(rollup)?.[1] ?? 0) };
  });
}

/** A process may have ended meanwhile. */
function readOrEmpty(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function cpuOf(processes: readonly Process[], name: string): number {
  return processes.filter((one) => one.name === name).reduce((sum, { ms }) => sum + ms, 0);
}
