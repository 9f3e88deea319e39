/** An HTTP proxy that records requests, can be closed, and can answer by itself. */
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Gate {
  /** In front of the server; ends with a slash. */
  readonly base: string;
  /** Method and path of each request. */
  readonly requests: readonly string[];
  /** If false, every connection is dropped. */
  isOpen: boolean;
  /** An answer in place of the server's; the body of a request is text. */
  answer: (method: string, path: string, body: string) => { status: number; body?: string } | undefined;
  stop(): void;
}

export async function startGate(target: string): Promise<Gate> {
  const requests: string[] = [];
  const server = createServer((incoming, outgoing) => {
    if (!gate.isOpen) return void incoming.socket.destroy();
    const { method = '', url = '/', headers } = incoming;
    requests.push(`${method} ${url}`);
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const body = Buffer.concat(chunks);
      const own = gate.answer(method, url, body.toString());
      if (own) return outgoing.writeHead(own.status, { 'content-type': 'application/xml' }).end(own.body);
      const forward = request(new URL(url, target), { method, headers }, (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
      });
      forward.on('error', () => outgoing.destroy());
      return forward.end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const gate: Gate = {
    base: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    requests,
    isOpen: true,
    answer: () => undefined,
    stop() {
      server.close();
      server.closeAllConnections();
    },
  };
  return gate;
}
