/** The embedded servers, for those that the environment does not name: started and stopped together. */
import type { Config } from '../config.ts';
import { claimDataFolder, makeDataFolder } from './data-folder.ts';
import { startPostgres } from './postgres.ts';
import type { Watch } from './supervise.ts';
import { startTemporal } from './temporal.ts';

export interface Servers {
  readonly databaseUrl: string;
  readonly temporalAddress: string;
  /** Null without an embedded Temporal server. */
  readonly temporalUiUrl: string | null;
  stop(): Promise<void>;
}

export interface ServersOptions {
  /** By name, with their Temporal type. */
  readonly searchAttributes: Readonly<Record<string, string>>;
  /** For tests only: faster, but a power cut loses data. */
  readonly isThrowaway?: boolean;
}

/**
 * Creates the data folder, and locks it where an embedded server uses it.
 * @throws ConfigError when a port is taken, the folder is in use, or a server program is missing; nothing then runs
 */
export async function startServers(config: Config, watch: Watch, options: ServersOptions): Promise<Servers> {
  makeDataFolder(config.dataDir);
  const { databaseUrl, temporal, dataDir } = config;
  const claim =
    databaseUrl === null || temporal.address === null ? claimDataFolder(dataDir) : { release: () => undefined };
  const failed = new AbortController();
  const both: Watch = { ...watch, signal: AbortSignal.any([failed.signal, ...(watch.signal ? [watch.signal] : [])]) };
  const abort = (error: unknown): never => {
    failed.abort();
    throw error;
  };
  const isThrowaway = options.isThrowaway === true;
  const [postgres, workflows] = await Promise.allSettled([
    databaseUrl !== null
      ? { url: databaseUrl, stop: async () => undefined }
      : startPostgres({ dataDir, port: config.postgresPort, isThrowaway }, both).catch(abort),
    temporal.address !== null
      ? { address: temporal.address, uiUrl: null, stop: async () => undefined }
      : startTemporal(
          {
            dataDir,
            cacheDir: config.cacheDir,
            port: temporal.port,
            uiPort: temporal.uiPort,
            namespace: temporal.namespace,
            searchAttributes: options.searchAttributes,
            isThrowaway,
          },
          both,
        ).catch(abort),
  ]);
  const stop = async (): Promise<void> => {
    await Promise.allSettled(
      [postgres, workflows].map(async (part) => (part.status === 'fulfilled' ? await part.value.stop() : undefined)),
    );
    claim.release();
  };
  if (postgres.status === 'rejected' || workflows.status === 'rejected') {
    await stop();
    throw firstCause([postgres, workflows]);
  }
  return {
    databaseUrl: postgres.value.url,
    temporalAddress: workflows.value.address,
    temporalUiUrl: workflows.value.uiUrl,
    stop,
  };
}

/** When one server fails, the other is aborted: returns the failure, not the abort. */
function firstCause(parts: readonly PromiseSettledResult<unknown>[]): unknown {
  const reasons = parts.flatMap((part) => (part.status === 'rejected' ? [part.reason as unknown] : []));
  return reasons.find((reason) => !(reason instanceof Error && reason.name === 'AbortError')) ?? reasons[0];
}
