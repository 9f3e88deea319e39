import { createServer } from 'node:net';
import { ConfigError } from '../config.ts';

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
