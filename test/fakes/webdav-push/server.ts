/** A CalDAV server with WebDAV-Push: another CalDAV server behind it keeps the calendars. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebDavPush } from './service.ts';

export interface PushingServer {
  readonly push: WebDavPush;
  /** Where discovery starts; ends with a slash. */
  readonly base: string;
  /** The address here of a calendar there. */
  through(url: string): { readonly base: string; readonly url: string };
  stop(): Promise<void>;
}

const PER_CONNECTION = new Set([
  'accept-encoding',
  'connection',
  'content-encoding',
  'content-length',
  'host',
  'keep-alive',
  'transfer-encoding',
]);

/** @param behind the address of the other server */
export async function startPushingServer(behind: string): Promise<PushingServer> {
  const push = await WebDavPush.create();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request
      .on('data', (chunk: Buffer) => chunks.push(chunk))
      .on('end', () => {
        const [method = '', path = ''] = [request.method, request.url];
        const body = Buffer.concat(chunks);
        const own = push.answer(method, path, body.toString(), request.headers);
        if (own) {
          const headers = { 'content-type': 'application/xml; charset=utf-8', ...own.headers };
          response.writeHead(own.status, headers).end(own.body);
        } else
          pass(method, path, request.headers, body).then(
            ({ status, headers, content }) => response.writeHead(status, headers).end(content),
            () => response.writeHead(502).end(),
          );
      });
  });

  async function pass(method: string, path: string, given: NodeJS.Dict<string | string[]>, body: Buffer) {
    const kept = Object.entries(given).filter(([name]) => !PER_CONNECTION.has(name));
    const answer = await fetch(new URL(path, behind), {
      method,
      headers: Object.fromEntries(kept) as Record<string, string>,
      redirect: 'manual',
      ...(body.length === 0 ? {} : { body: new Uint8Array(body) }),
    });
    const content = Buffer.from(await answer.arrayBuffer());
    const headers = Object.fromEntries([...answer.headers].filter(([name]) => !PER_CONNECTION.has(name)));
    if ((method === 'PUT' || method === 'DELETE') && answer.ok)
      push.changed(path.replace(/[^/]+$/, '')).catch(() => undefined);
    return { status: answer.status, headers, content };
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  push.base = base;
  return {
    push,
    base,
    through: (url) => ({ base, url: new URL(new URL(url).pathname, base).href }),
    stop: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
