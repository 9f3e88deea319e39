/**
 * A first sync and changes with the Google and Microsoft stand-ins across a network, beside a bare client that makes
 * the fewest requests and nothing else. The stand-in runs in a process of its own; the CalDAV server is a Radicale.
 */
import { createServer, connect as dial } from 'node:net';
import pg from 'pg';
import { groupBy } from '../../core/group-by.ts';
import { type Json, startCalpair } from '../support/calpair.ts';
import { startRadicale } from '../support/dav.ts';
import { DavPerson } from '../support/dav-person.ts';
import { at, object } from '../support/ics.ts';
import { createPair } from '../support/pair.ts';
import { type CloudProcess, startCloudProcess } from '../support/process.ts';

export interface CloudRow {
  readonly cloud: string;
  readonly phase: string;
  readonly who: 'Calpair' | 'bare client';
  readonly seconds: number;
  readonly requests: number;
  /** By method; a part of a batch counts as one of its own. */
  readonly methods: string;
  readonly statements: number | null;
}

type CloudName = 'google' | 'microsoft';
/** Microsoft answers four requests of a mailbox at once, Google has no such limit. */
const WRITES_AT_ONCE = { google: 8, microsoft: 4 } as const;
const DELAY_MS = 20;

/** @param events how many the first sync copies; a tenth of them is changed and deleted after it */
export async function measureClouds(events: number): Promise<CloudRow[]> {
  return [...(await measureCloud('google', events)), ...(await measureCloud('microsoft', events))];
}

async function measureCloud(name: CloudName, events: number): Promise<CloudRow[]> {
  const [radicale, cloud] = await Promise.all([startRadicale(), startCloudProcess(name)]);
  const network = await slowNetwork(cloud.environment[ROOT[name]]!);
  const environment = { ...cloud.environment, [ROOT[name]]: network.url };
  const calpair = await startCalpair(environment);
  const rows: CloudRow[] = [];
  const measure = async (phase: string, who: CloudRow['who'], work: () => Promise<unknown>): Promise<void> => {
    const had = (await cloud.control('requests')).length;
    const statements = countStatements();
    const began = performance.now();
    await work();
    const seconds = Math.round(performance.now() - began) / 1000;
    const sent = (await cloud.control('requests')).slice(had) as { method: string; path: string }[];
    const made = sent.filter(({ path }) => !/token$|batch/.test(path));
    const methods = [...groupBy(made, ({ method }) => method)].map(([method, all]) => `${all.length} ${method}`);
    rows.push({
      cloud: name,
      phase,
      who,
      seconds,
      requests: made.length,
      methods: methods.join(', '),
      statements: who === 'Calpair' ? statements.stop() : (statements.stop(), null),
    });
  };
  try {
    const person = new DavPerson(radicale, await radicale.createCalendar('bench'));
    const names = Array.from({ length: events }, (_, index) => `bench-${index}`);
    const textOf = (id: string, title: string): string =>
      object(`${id}@example.org`, [`SUMMARY:${title}`, 'LOCATION:Room 1', ...at('20270113T090000')]);
    for (const id of names) await person.put(`${id}.ics`, textOf(id, id));
    const settings = { paused: true, pollIntervalSeconds: 86_400 };
    const pair = await createPair(calpair, { server: radicale, url: person.url }, cloud.calendar, settings);
    const some = names.slice(0, Math.max(1, events / 10));
    const sync = async (): Promise<void> => {
      let run: Json = {};
      while (run.result === undefined) run = await calpair.api.call('POST', `/v1/pairs/${pair.id}/sync?wait=120`);
      if (run.result !== 'ok') throw new Error(`the sync failed: ${JSON.stringify(run)}`);
    };
    await measure('first sync', 'Calpair', async () => {
      await pair.post('resume');
      await sync();
    });
    await measure('idle', 'Calpair', sync);
    await person.put(`${names[0]}.ics`, textOf(names[0]!, 'one'));
    await measure('1 changed', 'Calpair', sync);
    for (const id of some) await person.put(`${id}.ics`, textOf(id, `${id} changed`));
    await measure(`${some.length} changed`, 'Calpair', sync);
    for (const id of some) await person.remove(`${id}.ics`);
    await measure(`${some.length} deleted`, 'Calpair', sync);
    const client = await bareClient(name, environment, cloud);
    const ids: string[] = [];
    await measure('first sync', 'bare client', async () => {
      await client.list();
      ids.push(...(await client.each(names, (id) => client.create(id))));
    });
    await measure('idle', 'bare client', client.list);
    await measure(`${some.length} changed`, 'bare client', () =>
      client.each(ids.slice(0, some.length), (id) => client.change(id)),
    );
    await measure(`${some.length} deleted`, 'bare client', () =>
      client.each(ids.slice(0, some.length), (id) => client.remove(id)),
    );
    await measure('first sync, in batches', 'bare client', () => client.createInBatches(names));
  } finally {
    await calpair.stop();
    await Promise.all([radicale.stop(), network.stop()]);
    // What the bare client writes is not what the stand-in asks of Calpair.
    await cloud.stop().catch(() => undefined);
  }
  return rows;
}

const ROOT = { google: 'GOOGLE_API_ROOT_URL', microsoft: 'MICROSOFT_GRAPH_BASE_URL' } as const;

/** Delays whatever a client sends, and leads the links in answers through itself; all ports have five digits. */
async function slowNetwork(to: string): Promise<{ url: string; stop(): Promise<void> }> {
  const target = new URL(to);
  const server = createServer((socket) => {
    const upstream = dial(Number(target.port), target.hostname);
    for (const one of [upstream, socket]) one.setNoDelay(true);
    upstream.on('data', (chunk: Buffer) => {
      const text = chunk.toString('latin1').replaceAll(`:${target.port}/`, `:${own()}/`);
      socket.write(text, 'latin1');
    });
    socket.on('data', (chunk) => void setTimeout(() => upstream.write(chunk), DELAY_MS));
    for (const [one, other] of [
      [socket, upstream],
      [upstream, socket],
    ] as const)
      one.on('close', () => other.destroy()).on('error', () => other.destroy());
  });
  const own = (): string => String((server.address() as { port: number }).port);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = new URL(target);
  url.port = own();
  return { url: url.href, stop: () => new Promise((resolve) => void server.close(() => resolve())) };
}

/** Of this process. */
function countStatements(): { stop(): number } {
  const { query } = pg.Client.prototype;
  let count = 0;
  pg.Client.prototype.query = function (this: pg.Client, ...args: never[]) {
    count += 1;
    return (query as (...rest: never[]) => unknown).apply(this, args);
  } as typeof query;
  return {
    stop: () => {
      pg.Client.prototype.query = query;
      return count;
    },
  };
}

/** Writes as many events at once as the service allows, and keeps nothing. */
async function bareClient(name: CloudName, environment: Readonly<Record<string, string>>, cloud: CloudProcess) {
  const root = environment[ROOT[name]]!;
  const prefix = name === 'google' ? 'GOOGLE' : 'MICROSOFT';
  const { account, calendarId } = cloud.calendar as { account: { refreshToken: string }; calendarId: string };
  const tokens = await fetch(environment[`${prefix}_OAUTH_TOKEN_URL`]!, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'refresh_token',
      refresh_token: account.refreshToken,
      client_id: environment[`${prefix}_CLIENT_ID`]!,
      client_secret: environment[`${prefix}_CLIENT_SECRET`]!,
    }),
  });
  const authorization = `Bearer ${((await tokens.json()) as { access_token: string }).access_token}`;
  const base = root.replace(/\/$/, '');
  const calendar =
    name === 'google'
      ? `/calendar/v3/calendars/${encodeURIComponent(calendarId)}`
      : `/v1.0/me/calendars/${encodeURIComponent(calendarId)}`;
  const send = async (method: string, path: string, body?: unknown, type = 'application/json'): Promise<string> => {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const answer = await fetch(`${base}${path}`, {
      method,
      headers: { authorization, ...(body === undefined ? {} : { 'content-type': type }) },
      ...(body === undefined ? {} : { body: text }),
    });
    const answered = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}: ${answered}`);
    return answered;
  };
  const time = (hour: number) => ({ dateTime: `2027-01-13T${hour}:00:00`, timeZone: 'Europe/Berlin' });
  const event = (title: string) => ({
    [name === 'google' ? 'summary' : 'subject']: title,
    start: time(10),
    end: time(11),
  });
  const events = `${calendar}/events${name === 'google' ? '?sendUpdates=none' : ''}`;
  const one = (id: string): string => `${calendar}/events/${id}${name === 'google' ? '?sendUpdates=none' : ''}`;
  const each = async <T>(all: readonly string[], work: (id: string) => Promise<T>): Promise<T[]> => {
    const queue = all.values();
    const done: T[] = [];
    const lane = async (): Promise<void> => {
      for (const id of queue) done.push(await work(id));
    };
    await Promise.all(Array.from({ length: WRITES_AT_ONCE[name] }, lane));
    return done;
  };
  return {
    each,
    list: () => send('GET', `${calendar}/events`),
    create: async (title: string) => (JSON.parse(await send('POST', events, event(title))) as { id: string }).id,
    change: (id: string) => send('PATCH', one(id), event('changed')),
    remove: (id: string) => send('DELETE', one(id)),
    async createInBatches(titles: readonly string[]): Promise<void> {
      const size = name === 'google' ? 50 : 20;
      for (let start = 0; start < titles.length; start += size) {
        const some = titles.slice(start, start + size);
        if (name === 'google') {
          const parts = some.map(
            (title) =>
              `--bench\r\nContent-Type: application/http\r\n\r\nPOST ${events} HTTP/1.1\r\n` +
              `Content-Type: application/json\r\n\r\n${JSON.stringify(event(title))}\r\n`,
          );
          await send('POST', '/batch/calendar/v3', `${parts.join('')}--bench--\r\n`, 'multipart/mixed; boundary=bench');
        } else {
          const headers = { 'Content-Type': 'application/json' };
          const requests = some.map((title, id) => ({
            id: `${id}`,
            method: 'POST',
            url: events.replace('/v1.0', ''),
            headers,
            body: event(title),
          }));
          await send('POST', '/v1.0/$batch', { requests });
        }
      }
    },
  };
}
