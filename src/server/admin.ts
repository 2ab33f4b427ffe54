import fastify from 'fastify';
import type { AddressInfo } from 'node:net';

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
  /** Errors of these pages. */
  readonly report: (error: unknown) => void;
}

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

/** The operator's port: probes, metrics, status, reload. It tells nothing about objects, keys or the environment (CVE-2023-28432). */
export async function startAdmin(options: AdminOptions): Promise<AdminRunning> {
  const app = fastify({
    logger: false,
    requestIdHeader: false,
    exposeHeadRoutes: false,
    bodyLimit: 1024,
    requestTimeout: CONTROL_TIMEOUT,
    forceCloseConnections: true,
  });
  app.removeAllContentTypeParsers();
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
  app.post('/reload', async (request, reply) => {
    // A web page in the operator's browser can reach loopback too; it always names its origin.
    if (request.headers.origin !== undefined) return reply.code(403).type(TEXT).send('forbidden\n');
    const outcome = await options.reload();
    return reply.code(outcome.ok ? 200 : 422).send(outcome);
  });
  await app.listen({ host: options.host ?? LOOPBACK, port: options.port });
  const address = app.server.address() as AddressInfo;
  return { host: address.address, port: address.port, close: () => app.close() };
}
