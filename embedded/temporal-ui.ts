/**
 * The door to the embedded Temporal UI. The UI itself answers any host name, so a page on the internet whose name is
 * made to lead to 127.0.0.1 (DNS rebinding) could read it and act in it. Requests reach it only through here, under the
 * names of this machine; the port behind is a random one.
 */
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';

const OWN_HOST = /^(?:127\.0\.0\.1|localhost|\[::1\])(?::\d{1,5})?$/i;

/** Listens on 127.0.0.1. @param behind the port of the UI itself */
export async function openTemporalUi(port: number, behind: number): Promise<{ close(): Promise<void> }> {
  const server = createServer((incoming, outgoing) => {
    const { host = '', origin } = incoming.headers;
    const isOwn = OWN_HOST.test(host) && (origin === undefined || OWN_HOST.test(origin.replace(/^https?:\/\//, '')));
    if (!isOwn) return refuse(outgoing);
    passOn(incoming, outgoing, behind);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host: '127.0.0.1', exclusive: true }, resolve);
  });
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function refuse(outgoing: ServerResponse): void {
  outgoing.writeHead(403, { 'content-type': 'text/plain; charset=utf-8' });
  outgoing.end('The Temporal UI answers only under the names 127.0.0.1 and localhost.\n');
}

function passOn(incoming: IncomingMessage, outgoing: ServerResponse, behind: number): void {
  const { method, url, headers } = incoming;
  const passed = request({ host: '127.0.0.1', port: behind, method, path: url, headers }, (answer) => {
    outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(outgoing);
  });
  passed.on('error', () => {
    if (outgoing.headersSent) outgoing.destroy();
    else outgoing.writeHead(502).end();
  });
  outgoing.on('close', () => passed.destroy());
  incoming.pipe(passed);
}
