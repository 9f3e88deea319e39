import { createServer } from 'node:net';
import { ConfigError } from '../config.ts';

/** Choosing a port and using it are two steps, between which another program may take it. */
const TRIES = 3;

/**
 * Starts a program on the given port, or on any free one for 0. A program that ends because a port was taken meanwhile
 * is started again, for 0 on another port: it may also use ports that it chooses by itself.
 * @param variable the environment variable that chooses this port
 * @throws ConfigError when another program uses the port; what `start` throws
 */
export async function startOnPort<T>(
  { port, variable }: { readonly port: number; readonly variable: string },
  start: (port: number) => Promise<T>,
): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await start(await freePort(port, '127.0.0.1', variable));
    } catch (error) {
      if (tries === TRIES || error instanceof ConfigError || !isPortTaken(error)) throw error;
    }
  }
}

/** By what programs write when they end. */
function isPortTaken(error: unknown): boolean {
  return /address already in use/i.test((error as Error).message);
}

/** A port that is free at this moment. */
export async function anyFreePort(): Promise<number> {
  return await listenOnce(0, '127.0.0.1');
}

/**
 * The given port, or any free one for 0.
 * @param variable the environment variable that chooses this port
 * @throws ConfigError when another program uses it
 */
export async function freePort(port: number, host: string, variable: string): Promise<number> {
  try {
    return await listenOnce(port, host);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'EADDRINUSE') {
      throw new ConfigError(
        `Another program uses port ${port} on ${host}. Stop it, or set ${variable} to a free port.`,
      );
    }
    if (code === 'EACCES')
      throw new ConfigError(`This user may not use port ${port}. Set ${variable} to a port above 1023.`);
    throw new ConfigError(
      `Cannot listen on ${host} port ${port} (${code ?? 'unknown error'}). Check HOST and ${variable}.`,
    );
  }
}

function listenOnce(port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ port, host, exclusive: true }, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : port));
    });
  });
}
