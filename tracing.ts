/**
 * Traces for OpenTelemetry, where the environment names a collector: requests to the API, the messages to a pair's
 * workflow that follow from them, the activities of its runs, and their requests to calendar services. Spans have
 * routes, ids, codes and counts that are set here one by one. No content, address, credential or error message is
 * among them, so nothing is instrumented automatically.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Attributes, Context, Span, SpanKind } from '@opentelemetry/api';
import type { Logger } from 'pino';
import type { Api } from './api/deps.ts';
import type { PairControl } from './api/temporal/pair-control.ts';
import type { PairActivities, RunRequest } from './workflows/messages.ts';

export interface Tracing {
  /** Each request to the API under `/v1`. To be called before there are routes. */
  requests(app: Api): void;
  /** The messages that request a run, which carry the trace. */
  control(control: PairControl): PairControl;
  /** Those of runs. A poll is idle for an hour: it is no part of a trace. */
  activities<T extends PairActivities>(activities: T): T;
  /** Requests to calendar services, as part of the above. @param kindOf the kind of the service at a host */
  fetch(fetch: typeof globalThis.fetch, kindOf: (host: string) => string): typeof globalThis.fetch;
}

const LATEST_MS = 3_000;
const LOG_EVERY_MS = 60_000;
/** Of W3C Trace Context. */
const TRACE_PARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;

const NO_TRACING: Tracing = {
  requests: () => {},
  control: (control) => control,
  activities: (activities) => activities,
  fetch: (fetch) => fetch,
};

/**
 * Loads the packages, which cost memory and time. The sampler, the resource, and the exporter's headers follow the
 * standard `OTEL_*` variables.
 * @param url where the collector takes traces (OTLP, http); null: no traces, and nothing is loaded
 * @param steps gets what ends the process in order: it sends what has not been sent, last
 */
export async function startTracing(
  url: string | null,
  { version, log, steps }: { version: string; log: Logger; steps: (() => Promise<unknown>)[] },
): Promise<Tracing> {
  if (url === null) return NO_TRACING;
  const [api, sdk, resources, exporters] = await Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/sdk-trace-base'),
    import('@opentelemetry/resources'),
    import('@opentelemetry/exporter-trace-otlp-http'),
  ]);
  const named = resources.resourceFromAttributes({ 'service.name': 'calpair', 'service.version': version });
  const environment = resources.detectResources({ detectors: [resources.envDetector] });
  const exporter = new exporters.OTLPTraceExporter({ url });
  logFailures(exporter, log);
  const provider = new sdk.BasicTracerProvider({
    resource: resources.defaultResource().merge(named).merge(environment),
    spanProcessors: [new sdk.BatchSpanProcessor(exporter)],
  });
  steps.unshift(() => {
    const late = new Promise<void>((resolve) => setTimeout(resolve, LATEST_MS).unref());
    return Promise.race([provider.shutdown().catch(() => undefined), late]);
  });
  return tracingWith(api, provider.getTracer('calpair', version));
}

interface Exporter {
  export(spans: never, done: (result: { readonly code: number; readonly error?: Error }) => void): void;
}

/** A collector that cannot be reached keeps nothing else from working. */
function logFailures(exporter: Exporter, log: Logger): void {
  let untilMs = -Infinity;
  const plain = exporter.export.bind(exporter);
  exporter.export = (spans, done) =>
    plain(spans, (result) => {
      if (result.code !== 0 && performance.now() > untilMs) {
        untilMs = performance.now() + LOG_EVERY_MS;
        log.warn({ kind: result.error?.name }, 'traces could not be sent to the collector');
      }
      done(result);
    });
}

function tracingWith(api: typeof import('@opentelemetry/api'), tracer: import('@opentelemetry/api').Tracer): Tracing {
  const contexts = new AsyncLocalStorage<Context>();

  async function within<T>(
    name: string,
    { kind, attributes, parent = contexts.getStore() ?? api.ROOT_CONTEXT }: SpanOptions,
    work: (span: Span) => Promise<T>,
  ): Promise<T> {
    const span = tracer.startSpan(name, { kind, attributes }, parent);
    try {
      return await contexts.run(api.trace.setSpan(parent, span), () => work(span));
    } catch (error) {
      span.setStatus({ code: api.SpanStatusCode.ERROR }).setAttribute('error.type', typeOf(error));
      throw error;
    } finally {
      span.end();
    }
  }

  function parentOf(trace: string | undefined): Context {
    const [, traceId, spanId, flags] = TRACE_PARENT.exec(trace ?? '') ?? [];
    if (traceId === undefined || spanId === undefined) return api.ROOT_CONTEXT;
    const traceFlags = Number.parseInt(flags ?? '00', 16);
    return api.trace.setSpanContext(api.ROOT_CONTEXT, { traceId, spanId, traceFlags, isRemote: true });
  }

  const { SERVER, CLIENT, PRODUCER, CONSUMER } = api.SpanKind;
  return {
    requests(app) {
      const begun = new WeakMap<object, Context>();
      app.addHook('onRequest', (request, reply, done) => {
        const route = request.routeOptions.url ?? 'unknown';
        if (!request.url.startsWith('/v1/')) return done();
        const attributes = { 'http.request.method': request.method, 'http.route': route };
        const span = tracer.startSpan(`${request.method} ${route}`, { kind: SERVER, attributes }, api.ROOT_CONTEXT);
        const context = api.trace.setSpan(api.ROOT_CONTEXT, span);
        begun.set(request, context);
        reply.raw.once('close', () => {
          span.setAttributes({ 'http.response.status_code': reply.statusCode, 'calpair.request': request.id });
          if (reply.statusCode >= 500) span.setStatus({ code: api.SpanStatusCode.ERROR });
          span.end();
        });
        contexts.run(context, done);
      });
      // The body has been read since, outside the context.
      app.addHook('preHandler', (request, _reply, done) => {
        const context = begun.get(request);
        if (context) contexts.run(context, done);
        else done();
      });
    },

    control(control) {
      const message = <T>(
        name: string,
        pairId: string,
        request: RunRequest,
        send: (request: RunRequest) => Promise<T>,
      ) =>
        within(
          `${name} syncPair`,
          { kind: PRODUCER, attributes: { 'calpair.pair': pairId, 'calpair.trigger': request.trigger } },
          (span) => send({ ...request, trace: traceOf(span) }),
        );
      return {
        ...control,
        syncNow: (id, request) => message('signal', id, request, (traced) => control.syncNow(id, traced)),
        syncAndWait: (id, request, waitSeconds) =>
          message('update', id, request, (traced) => control.syncAndWait(id, traced, waitSeconds)),
      };
    },

    activities: (activities) => ({
      ...activities,
      diffPair({ trace, ...input }) {
        const { pairId, number, trigger, full, polled } = input;
        const attributes = { 'calpair.pair': pairId, 'calpair.run': number, 'calpair.trigger': trigger, full, polled };
        return within('diffPair', { kind: CONSUMER, attributes, parent: parentOf(trace) }, async (span) => {
          const result = await activities.diffPair(input);
          span.setAttributes({ 'calpair.run.id': result.runId, ops: result.ops });
          return { ...result, trace: traceOf(span) };
        });
      },
      applyPlan({ trace, ...input }) {
        const attributes = { 'calpair.pair': input.pairId, 'calpair.run.id': input.runId };
        return within('applyPlan', { kind: CONSUMER, attributes, parent: parentOf(trace) }, async (span) => {
          const run = await activities.applyPlan(input);
          const { result, writes, conflicts, held, problems } = run;
          span.setAttributes({ result, writes, conflicts, held, problems });
          return run;
        });
      },
    }),

    fetch: (fetch, kindOf) => (input, init) => {
      if (contexts.getStore() === undefined) return fetch(input, init);
      const method = init?.method ?? (input instanceof Request ? input.method : 'GET');
      const provider = kindOf(new URL(input instanceof Request ? input.url : input).host);
      const attributes = { 'http.request.method': method, 'calpair.provider': provider };
      return within(`${method} ${provider}`, { kind: CLIENT, attributes }, async (span) => {
        const answer = await fetch(input, init);
        span.setAttribute('http.response.status_code', answer.status);
        return answer;
      });
    },
  };
}

interface SpanOptions {
  readonly kind: SpanKind;
  readonly attributes: Attributes;
  /** The span that this one is a part of; the present one where it is left out. */
  readonly parent?: Context;
}

function traceOf(span: Span): string {
  const { traceId, spanId, traceFlags } = span.spanContext();
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
}

/** A code, or the error's class: messages may quote content. */
function typeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  return 'kind' in error && typeof error.kind === 'string' ? error.kind : error.name;
}
