/** The servers that the environment does not name, brought up together and ended together. */
import type { Config } from '../config.ts';
import { claimDataFolder, makeDataFolder } from './data-folder.ts';
import { startPostgres } from './postgres.ts';
import type { Watch } from './supervise.ts';
import { startTemporal } from './temporal.ts';

export interface Servers {
  readonly databaseUrl: string;
  readonly temporalAddress: string;
  /** Null where the Temporal service is not ours. */
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
 * Makes the data folder, and claims it where a server of ours is to run on it.
 * @throws ConfigError when a port is taken, the folder is in use, or a server program is missing; then nothing is left
 * running
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

/** When one fails, the other is only aborted: the failure is what the operator must hear. */
function firstCause(parts: readonly PromiseSettledResult<unknown>[]): unknown {
  const reasons = parts.flatMap((part) => (part.status === 'rejected' ? [part.reason as unknown] : []));
  return reasons.find((reason) => !(reason instanceof Error && reason.name === 'AbortError')) ?? reasons[0];
}
