/** The demo uses another port where the usual one is in use, so that it can run beside a Calpair. */
import { createServer } from 'node:net';

export async function availablePort(port: number): Promise<number> {
  return (await take(port)) ?? (await take(0)) ?? port;
}

function take(port: number): Promise<number | null> {
  return new Promise((resolve) => {
    const server = createServer().once('error', () => resolve(null));
    server.listen(port, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : null));
    });
  });
}
