import fastify, { type FastifyInstance, type FastifyRequest } from 'fastify';
import type { AddressInfo } from 'node:net';
import { adminRefusal, type AdminGuard } from './admin-guard.ts';

export interface AdminOptions {
  /** Loopback unless the operator says otherwise. */
  readonly host?: string;
  readonly port: number;
  /** False once the house drains or a store is degraded; the reason goes into the body. */
  readonly ready: () => { readonly ready: boolean; readonly reason?: string };
  /** Prometheus text. */
  readonly metrics: () => Promise<string>;
  /** Names and states only: nothing here is secret. */
  readonly status: () => unknown;
  /** Loads configuration and policy again; the last good ones stay on an error. */
  readonly reload: () => Promise<{
    readonly ok: boolean;
    readonly message: string;
    readonly problems?: readonly string[] | undefined;
  }>;
  /** Believes stores again that were caught lying: one bucket of one, one, or all. */
  readonly trust: (which: TrustRequest) => TrustOutcome;
  /** Who may ask; read at each request, so that a reload counts. Absent: no token, no other names. */
  readonly guard?: () => Omit<AdminGuard, 'host'>;
  /** Errors of these pages. */
  readonly report: (error: unknown) => void;
}

/** `bucket` as clients or as the store call it; neither: everything. */
export interface TrustRequest {
  readonly store?: string;
  readonly bucket?: string;
}

export type TrustOutcome =
  { readonly ok: true; readonly cleared: number } | { readonly ok: false; readonly message: string };

export interface AdminRunning {
  readonly host: string;
  readonly port: number;
  readonly close: () => Promise<void>;
}

const LOOPBACK = '127.0.0.1';
const TEXT = 'text/plain; charset=utf-8';
/** Prometheus' text exposition format. */
const METRICS = 'text/plain; version=0.0.4; charset=utf-8';
/** ms; probes and scrapes are short. */
const CONTROL_TIMEOUT = 30_000;

/** The operator's port: probes, metrics, status, reload, trust. It tells nothing about objects, keys or the environment (CVE-2023-28432). */
export async function startAdmin(options: AdminOptions): Promise<AdminRunning> {
  const host = options.host ?? LOOPBACK;
  const app = fastify({
    logger: false,
    requestIdHeader: false,
    exposeHeadRoutes: false,
    bodyLimit: 1024,
    requestTimeout: CONTROL_TIMEOUT,
    forceCloseConnections: true,
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body));
  app.addHook('onRequest', async (request, reply) => {
    const guard = options.guard?.() ?? { hosts: [], token: undefined };
    const refusal = adminRefusal(request.raw, request.routeOptions.url, { ...guard, host });
    if (refusal !== undefined) await reply.code(403).type(TEXT).send(`${refusal}\n`);
  });
  app.addHook('onSend', async (_request, reply) => {
    reply.header('cache-control', 'no-store').header('x-content-type-options', 'nosniff');
  });
  app.setNotFoundHandler((_request, reply) => reply.code(404).type(TEXT).send('not found\n'));
  app.setErrorHandler((error: { readonly statusCode?: number }, _request, reply) => {
    const status = error.statusCode ?? 500;
    if (status >= 500) options.report(error);
    return reply
      .code(status)
      .type(TEXT)
      .send(status >= 500 ? 'internal error\n' : 'bad request\n');
  });
  app.get('/healthz', (_request, reply) => reply.type(TEXT).send('ok'));
  app.get('/readyz', (_request, reply) => {
    const { ready, reason } = options.ready();
    return reply
      .code(ready ? 200 : 503)
      .type(TEXT)
      .send(ready ? 'ok' : (reason ?? 'not ready'));
  });
  app.get('/metrics', async (_request, reply) => reply.type(METRICS).send(await options.metrics()));
  app.get('/status', (_request, reply) => reply.send(options.status()));
  actions(app, options);
  await app.listen({ host, port: options.port });
  const address = app.server.address() as AddressInfo;
  return { host: address.address, port: address.port, close: () => app.close() };
}

function actions(app: FastifyInstance, options: AdminOptions): void {
  app.post('/reload', async (_request, reply) => {
    const outcome = await options.reload();
    return reply.code(outcome.ok ? 200 : 422).send(outcome);
  });
  app.post('/trust', (request: FastifyRequest, reply) => {
    const which = trustRequest(request.body);
    const outcome: TrustOutcome =
      which === undefined
        ? { ok: false, message: 'the body is empty, or a JSON object with "store" and perhaps "bucket"' }
        : options.trust(which);
    return reply.code(outcome.ok ? 200 : 400).send(outcome);
  });
}

/** Undefined for anything that is not exactly what is meant: a misspelled name must not clear everything. */
function trustRequest(body: unknown): TrustRequest | undefined {
  if (body === undefined || body === null || body === '') return {};
  const value = typeof body === 'string' ? parsed(body) : undefined;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const { store, bucket, ...unknown } = value as Readonly<Record<string, unknown>>;
  if (Object.keys(unknown).length > 0) return undefined;
  if (store === undefined) return bucket === undefined ? {} : undefined;
  if (typeof store !== 'string' || (bucket !== undefined && typeof bucket !== 'string')) return undefined;
  return { store, ...(bucket === undefined ? {} : { bucket }) };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
