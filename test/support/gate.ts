/** An HTTP proxy that records requests and can be closed. */
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Gate {
  /** In front of the server; ends with a slash. */
  readonly base: string;
  /** Method and path of each request. */
  readonly requests: readonly string[];
  /** If false, every connection is dropped. */
  isOpen: boolean;
  stop(): void;
}

export async function startGate(target: string): Promise<Gate> {
  const requests: string[] = [];
  const server = createServer((incoming, outgoing) => {
    if (!gate.isOpen) return void incoming.socket.destroy();
    requests.push(`${incoming.method} ${incoming.url}`);
    const forward = request(
      new URL(incoming.url ?? '/', target),
      { method: incoming.method, headers: incoming.headers },
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
      },
    );
    forward.on('error', () => outgoing.destroy());
    incoming.pipe(forward);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const gate: Gate = {
    base: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    requests,
    isOpen: true,
    stop() {
      server.close();
      server.closeAllConnections();
    },
  };
  return gate;
}
