/** Everything of the outside world that the API uses. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { Latency } from '../core/poll-schedule.ts';
import type { Db } from '../db/connect.ts';
import type { PreviewProgress } from '../db/history-schema.ts';
import type { Providers } from '../providers/open-account.ts';
import type { PairPreview } from './pair-preview.ts';
import type { PushReceiver } from './push-receiver.ts';
import type { BookingControl } from './temporal/booking-control.ts';
import type { PairControl } from './temporal/pair-control.ts';

export interface ApiDeps {
  readonly db: Db;
  readonly providers: Providers;
  readonly control: PairControl;
  readonly bookings: BookingControl;
  /** What a sync of the pair would do now. @throws SyncError when a side cannot be read */
  readonly preview: (
    pairId: string,
    signal: AbortSignal,
    report: (progress: PreviewProgress) => Promise<void>,
  ) => Promise<PairPreview | 'gone' | 'too-large'>;
  /** How browsers reach this installation, without a slash at its end (`PUBLIC_URL`). */
  readonly publicUrl: () => string;
  /** Absent: calendar services do not call us, and every notification is forged. */
  readonly push?: PushReceiver;
  /** `Io.fetch` of the providers. */
  readonly fetch: typeof fetch;
  readonly config: ApiConfig;
  /** By part (`postgres`, `temporal`, `worker`): true, or false or the reason why it fails. */
  readonly ready: () => Promise<Record<string, boolean | string>>;
  readonly log: FastifyBaseLogger;
  /** Records each request; called before there are routes. */
  readonly traceRequests?: (app: Api) => void;
  readonly metrics?: {
    /** The text format of Prometheus. */
    text(): Promise<string>;
    /** Called after each answer. `route` is the pattern of the path. */
    request(request: { route: string; method: string; status: number; seconds: number }): void;
  };
}

export interface ApiConfig {
  /** `CALPAIR_API_KEY`: valid in addition to the stored keys. */
  readonly apiKey: string | null;
  readonly pairsPerConnection: number;
  readonly maxConnections: number;
  /** Daily budgets of requests, by the kind of the service. */
  readonly dailyRequests?: Readonly<Record<string, number>>;
  /** Default for new pairs. */
  readonly pollIntervalSeconds: number;
  /** How often a side is polled after a change. */
  readonly latency: Latency;
  /** False where `HOST` is reached from other machines: `/metrics` then needs a key. */
  readonly isLoopback?: boolean;
  /** Addresses and address blocks of reverse proxies whose `X-Forwarded-For` counts. */
  readonly trustProxy?: readonly string[];
  /** Of Calpair, for the OpenAPI document. No header names it. */
  readonly version: string;
}

/** Fastify with zod schemas. */
export type Api = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse<IncomingMessage>,
  FastifyBaseLogger,
  ZodTypeProvider
>;
