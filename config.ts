/** Reads the environment into one frozen object. Nothing else in the project reads `process.env`. */
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { withoutTrailingSlashes } from './core/addresses.ts';
import { POLL_INTERVAL_SECONDS } from './core/waiting-times.ts';
import { addressBlocks, addressList, flag, httpUrl, number, port, unknownVariables, url } from './environment.ts';
import { ENTRIES } from './providers/entries.ts';

export type Config = Readonly<ReturnType<typeof shape> & Omit<ReturnType<typeof readProviders>, 'problems'>>;
type Role = 'api' | 'worker';

/** What the operator has to change; shown as one message, without a stack. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/**
 * Reads and checks every variable at once. An empty value counts as absent, as docker-compose passes unset variables on
 * that way.
 * @throws ConfigError naming each wrong variable and what it should be
 */
export function readConfig(environment: NodeJS.ProcessEnv = process.env): Config {
  const given: Record<string, string> = {};
  for (const [name, value] of Object.entries(environment)) if (value?.trim()) given[name] = value;
  const parsed = variables.safeParse(given);
  const { problems, ...providers } = readProviders(given);
  problems.push(...unknownVariables(given, KNOWN), ...problemsOf(parsed));
  if (!parsed.success || problems.length > 0)
    throw new ConfigError(`The configuration cannot be used:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
  return deepFreeze({ ...shape(parsed.data), ...providers });
}

/** The environment for a program that we start, such as the Go compiler. */
export function environmentWith(extra: Record<string, string>): NodeJS.ProcessEnv {
  return { ...process.env, ...extra };
}

/** The folder that holds `package.json`. */
export const PROJECT_DIR = dirname(fileURLToPath(import.meta.url));
/** By `npm start`: npm then stands between this process and the sender of signals. */
export const IS_STARTED_BY_NPM = process.env['npm_lifecycle_event'] === 'start';

const ENCRYPTION_KEY =
  'must be 32 bytes in base64 (make one with: openssl rand -base64 32); several are separated by commas';
const encryptionKeys = z
  .string()
  .transform((value) => value.split(',').map((key) => Buffer.from(key.trim(), 'base64')))
  .refine((keys) => keys.every((key) => key.length === 32), ENCRYPTION_KEY);

const roles = z
  .string()
  .transform((value) => value.split(',').map((role) => role.trim()))
  .pipe(z.array(z.enum(['api', 'worker'], 'must be api, worker or both, separated by a comma')));

const webhookSecret = z.string().refine((value) => {
  const bytes = value.startsWith('whsec_') ? Buffer.from(value.slice(6), 'base64').length : 0;
  return bytes >= 24 && bytes <= 64;
}, 'must be whsec_ followed by 24 to 64 bytes in base64 (Standard Webhooks)');

const API_KEY = 'must have at least 32 characters (make one with: openssl rand -hex 32)';

const variables = z
  .object({
    PORT: port.default(8080),
    HOST: z.string().default('127.0.0.1'),
    PUBLIC_URL: httpUrl.optional(),
    CALPAIR_WEBHOOKS: z.enum(['always'], 'must be "always" or not set').optional(),
    CALPAIR_API_KEY: z
      .string()
      .regex(/^[\x21-\x7e]+$/, 'must be printable ASCII characters without spaces')
      .min(32, API_KEY)
      .optional(),
    CALPAIR_ENCRYPTION_KEY: encryptionKeys.optional(),
    CALPAIR_DATA_DIR: z.string().default(join(PROJECT_DIR, '.calpair')),
    DATABASE_URL: url(['postgres', 'postgresql']).optional(),
    CALPAIR_POSTGRES_PORT: port.default(0),
    TEMPORAL_ADDRESS: z
      .string()
      .regex(/^[^\s/]+:\d{1,5}$/, 'must be host:port')
      .optional(),
    TEMPORAL_NAMESPACE: z.string().default('default'),
    TEMPORAL_DEPLOYMENT_NAME: z.string().optional(),
    TEMPORAL_API_KEY: z.string().optional(),
    TEMPORAL_TLS: flag.optional(),
    TEMPORAL_TLS_CLIENT_CERT_PATH: z.string().optional(),
    TEMPORAL_TLS_CLIENT_CERT_DATA: z.string().optional(),
    TEMPORAL_TLS_CLIENT_KEY_PATH: z.string().optional(),
    TEMPORAL_TLS_CLIENT_KEY_DATA: z.string().optional(),
    TEMPORAL_TLS_SERVER_CA_CERT_PATH: z.string().optional(),
    TEMPORAL_TLS_SERVER_CA_CERT_DATA: z.string().optional(),
    TEMPORAL_TLS_SERVER_NAME: z.string().optional(),
    CALPAIR_TEMPORAL_PORT: port.default(7233),
    CALPAIR_TEMPORAL_UI_PORT: port.default(8233),
    CALPAIR_ROLES: roles.default(['api', 'worker']),
    CALPAIR_ALLOW_PRIVATE_NETWORKS: flag.default(false),
    CALPAIR_PRIVATE_NETWORKS: addressBlocks.optional(),
    CALPAIR_PAIRS_PER_CONNECTION: number(1, 100_000).default(20),
    CALPAIR_MAX_CONNECTIONS: number(1, 100_000).default(100),
    CALPAIR_POLL_INTERVAL_SECONDS: number(POLL_INTERVAL_SECONDS.least, POLL_INTERVAL_SECONDS.most).default(
      POLL_INTERVAL_SECONDS.default,
    ),
    CALPAIR_HISTORY_DAYS: number(1, 3650).default(30),
    CALPAIR_WEBHOOK_URL: httpUrl.optional(),
    CALPAIR_WEBHOOK_SECRET: webhookSecret.optional(),
    CALPAIR_LATENCY: z.enum(['seconds', 'interval'], 'must be seconds or interval').default('seconds'),
    CALPAIR_TRUST_PROXY: addressList.optional(),
    CALPAIR_WORKER_PORT: port.optional(),
    LOG_LEVEL: z
      .enum(
        ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'],
        'must be fatal, error, warn, info, debug, trace or silent',
      )
      .default('info'),
    OTEL_EXPORTER_OTLP_ENDPOINT: httpUrl.optional(),
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: httpUrl.optional(),
    OTEL_SDK_DISABLED: z.string().optional(),
    XDG_CACHE_HOME: z.string().optional(),
  })
  .superRefine((env, context) => {
    if (env.CALPAIR_WEBHOOK_URL !== undefined && env.CALPAIR_WEBHOOK_SECRET === undefined)
      context.addIssue({
        code: 'custom',
        path: ['CALPAIR_WEBHOOK_SECRET'],
        message: alsoNeeded('CALPAIR_WEBHOOK_URL'),
      });
  });

const KNOWN: readonly string[] = [
  ...Object.keys(variables.shape),
  ...ENTRIES.flatMap(({ environment }) => Object.keys(environment?.variables ?? {})),
];

/** What the registry's entries read from the environment. */
function readProviders(given: Readonly<Record<string, string>>) {
  const problems: string[] = [];
  const settings: Record<string, unknown> = {};
  const operatorHosts: string[] = [];
  for (const { kind, environment } of ENTRIES) {
    if (environment === undefined) {
      settings[kind] = {};
      continue;
    }
    const parsed = z.object(environment.variables).safeParse(given);
    problems.push(...problemsOf(parsed));
    const present = environment.required.find((name) => name in given);
    const missing = environment.required.filter((name) => !(name in given));
    if (present !== undefined) problems.push(...missing.map((name) => `${name}: ${alsoNeeded(present)}`));
    if (!parsed.success || missing.length > 0) continue;
    const own = environment.settings(parsed.data);
    settings[kind] = own;
    operatorHosts.push(...environment.addresses(own).map((address) => new URL(address).host));
  }
  return {
    problems,
    /** For `createProviders`: by kind, of every provider that is set up. */
    providers: settings,
    /** The addresses of the providers are the operator's choice, and reached wherever they are. */
    operatorHosts,
  };
}

function alsoNeeded(name: string): string {
  return `must be set too, as ${name} is set`;
}

function problemsOf(parsed: z.ZodSafeParseResult<unknown>): string[] {
  return (parsed.error?.issues ?? []).map((issue) => `${String(issue.path[0] ?? 'environment')}: ${issue.message}`);
}

/** As OpenTelemetry's variables say; any other value of `OTEL_SDK_DISABLED` than `true` counts as `false` there. */
function tracesUrl(env: z.infer<typeof variables>): string | null {
  if (env.OTEL_SDK_DISABLED?.toLowerCase() === 'true') return null;
  const all = env.OTEL_EXPORTER_OTLP_ENDPOINT;
  const ofAll = all === undefined ? null : `${withoutTrailingSlashes(all)}/v1/traces`;
  return env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? ofAll;
}

/** From the flat list of variables to what the code needs. Units are in the names; an absent part is null. */
function shape(env: z.infer<typeof variables>) {
  const host = isWildcard(env.HOST) ? '127.0.0.1' : env.HOST;
  const publicUrl = withoutTrailingSlashes(
    env.PUBLIC_URL ?? `http://${host.includes(':') ? `[${host}]` : host}:${env.PORT}`,
  );
  return {
    host: env.HOST,
    port: env.PORT,
    /** Whether only this machine reaches the API. */
    isLoopback: isLoopback(env.HOST),
    /** Health and metrics of a process without the role `api`; null: not served. */
    workerPort: env.CALPAIR_WORKER_PORT ?? null,
    publicUrl,
    /** False where PUBLIC_URL was not set: then it follows the port that was really taken. */
    publicUrlIsSet: env.PUBLIC_URL !== undefined,
    /** Whether calendar services may be asked to call us. */
    push: publicUrl.startsWith('https://') || env.CALPAIR_WEBHOOKS === 'always',
    apiKey: env.CALPAIR_API_KEY ?? null,
    /** 32 bytes each: the first encrypts, all decrypt. */
    encryptionKeys: env.CALPAIR_ENCRYPTION_KEY ?? null,
    dataDir: resolve(env.CALPAIR_DATA_DIR),
    cacheDir: resolve(env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'calpair'),
    databaseUrl: env.DATABASE_URL ?? null,
    postgresPort: env.CALPAIR_POSTGRES_PORT,
    temporal: {
      address: env.TEMPORAL_ADDRESS ?? null,
      namespace: env.TEMPORAL_NAMESPACE,
      /** Null: no worker versioning. */
      deploymentName: env.TEMPORAL_DEPLOYMENT_NAME ?? null,
      apiKey: env.TEMPORAL_API_KEY ?? null,
      tls: temporalTls(env),
      port: env.CALPAIR_TEMPORAL_PORT,
      uiPort: env.CALPAIR_TEMPORAL_UI_PORT,
    },
    roles: [...new Set(env.CALPAIR_ROLES)] as readonly Role[],
    allowPrivateNetworks: env.CALPAIR_ALLOW_PRIVATE_NETWORKS,
    /** Address blocks. */
    privateNetworks: env.CALPAIR_PRIVATE_NETWORKS ?? [],
    /** Addresses and address blocks of reverse proxies. */
    trustProxy: env.CALPAIR_TRUST_PROXY ?? [],
    pairsPerConnection: env.CALPAIR_PAIRS_PER_CONNECTION,
    maxConnections: env.CALPAIR_MAX_CONNECTIONS,
    pollIntervalSeconds: env.CALPAIR_POLL_INTERVAL_SECONDS,
    latency: env.CALPAIR_LATENCY,
    historyDays: env.CALPAIR_HISTORY_DAYS,
    webhook:
      env.CALPAIR_WEBHOOK_URL === undefined
        ? null
        : { url: env.CALPAIR_WEBHOOK_URL, secret: env.CALPAIR_WEBHOOK_SECRET ?? '' },
    /** Where a collector of OpenTelemetry takes traces; null: none are recorded. */
    tracesUrl: tracesUrl(env),
    logLevel: env.LOG_LEVEL,
  };
}

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host);
const isWildcard = (host: string): boolean => host === '0.0.0.0' || host === '::';

/** Null: no TLS. The names are those of Temporal's own environment configuration; an API key alone turns TLS on. */
function temporalTls(env: z.infer<typeof variables>) {
  const part = (data: string | undefined, path: string | undefined) =>
    data !== undefined ? { data } : path !== undefined ? { path: resolve(path) } : null;
  const tls = {
    clientCertificate: part(env.TEMPORAL_TLS_CLIENT_CERT_DATA, env.TEMPORAL_TLS_CLIENT_CERT_PATH),
    clientKey: part(env.TEMPORAL_TLS_CLIENT_KEY_DATA, env.TEMPORAL_TLS_CLIENT_KEY_PATH),
    serverCa: part(env.TEMPORAL_TLS_SERVER_CA_CERT_DATA, env.TEMPORAL_TLS_SERVER_CA_CERT_PATH),
    serverName: env.TEMPORAL_TLS_SERVER_NAME ?? null,
  };
  const isWanted =
    env.TEMPORAL_TLS ?? (env.TEMPORAL_API_KEY !== undefined || Object.values(tls).some((value) => value !== null));
  return isWanted ? tls : null;
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !ArrayBuffer.isView(value)) {
    Object.values(value).forEach(deepFreeze);
    Object.freeze(value);
  }
  return value;
}
