import fastify from 'fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Server as SecureServer } from 'node:https';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { GatewayError } from '../model/errors.ts';
import { createAdmission } from './admission.ts';
import type { Admission } from './admission.ts';
import { openExchange } from './exchange.ts';
import type { Exchange, ExchangeOptions } from './exchange.ts';
import type { EncodeFailure, Handle, Observation } from './handle.ts';
import { clientErrorHandler, httpServer } from './http-server.ts';
import type { HttpServer } from './http-server.ts';
import { createLinger, type Linger } from './linger.ts';
import { registerPassthrough } from './passthrough.ts';
import type { Crossing } from './passthrough.ts';
import { proxyFront } from './proxy-front.ts';
import type { ProxyFront } from './proxy-front.ts';
import { secureOptions } from './tls-material.ts';
import type { TlsMaterial } from './tls-material.ts';
import { plainAddress, trustedProxies } from './trusted-proxy.ts';
import type { SocketFacts, TrustedProxies } from './trusted-proxy.ts';

export interface ListenerSettings {
  readonly name: string;
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly tls?: TlsMaterial;
  readonly minTls?: '1.2' | '1.3';
  /** Every connection begins with a PROXY header, from `trustedProxies` only. */
  readonly proxyProtocol?: boolean;
}

export interface ServerOptions {
  readonly listeners: readonly ListenerSettings[];
  /** CIDRs. */
  readonly trustedProxies: readonly string[];
  readonly limits: ServerLimits;
  readonly handle: Handle;
  readonly encodeFailure: EncodeFailure;
  readonly observe: (observation: Observation) => void;
  /** Errors that are not the client's doing. */
  readonly report: (error: unknown, requestId: string) => void;
  readonly requestId: () => string;
  /** ms since the epoch. */
  readonly now: () => number;
}

/** Times in ms, sizes in bytes. */
export interface ServerLimits {
  readonly head: number;
  readonly idle: number;
  readonly keepAlive?: number;
  readonly inFlight: number;
  readonly requests?: number;
  /** One client's share of `requests` and `inFlight`. */
  readonly client?: { readonly requests?: number | undefined; readonly bytes?: number | undefined };
  /** Bytes a second under which a body is ended, judged over `minimumRateWindow` ms. */
  readonly minimumRate?: number;
  readonly minimumRateWindow?: number;
  readonly connections?: number;
  readonly requestsPerConnection?: number;
}

export interface Running {
  readonly addresses: readonly { readonly name: string; readonly host: string; readonly port: number }[];
  readonly inFlight: Admission['inFlight'];
  /** No new connection; answers from now on say `connection: close`. */
  readonly stopAccepting: () => void;
  /** Waits for requests under way, `ms` at most; true when none is left. */
  readonly drain: (ms: number) => Promise<boolean>;
  /** Ends what is left. */
  readonly close: () => Promise<void>;
  /** Throws `InvalidArgument` and keeps serving the old certificate when the new one cannot be used. */
  readonly reloadCertificate: (listener: string, material: TlsMaterial) => void;
  /** For requests and PROXY headers from now on; throws `InvalidArgument` and changes nothing for a bad range. */
  readonly reloadTrustedProxies: (cidrs: readonly string[]) => void;
}

interface Listening {
  readonly settings: ListenerSettings;
  readonly server: HttpServer;
  readonly app: FastifyInstance;
  readonly front: ProxyFront | undefined;
}

const DEFAULT_REQUESTS = 4096;
const DEFAULT_CONNECTIONS = 10_000;
/** ms; longer than the idle limit of usual load balancers (60 s), so that they, not we, end idle connections. */
const DEFAULT_KEEP_ALIVE = 72_000;
/** Pipelined requests of one connection that run at once: node starts them all. */
const DEFAULT_REQUESTS_PER_CONNECTION = 8;
const DRAIN_POLL_MS = 20;
const DEFAULT_MINIMUM_RATE = 1024;
const MINIMUM_RATE_WINDOW_MS = 30_000;

/** Starts every listener; if one cannot start, those before it are closed again. */
export async function startListeners(options: ServerOptions): Promise<Running> {
  const { limits } = options;
  const admission = createAdmission({
    bytes: limits.inFlight,
    requests: limits.requests ?? DEFAULT_REQUESTS,
    ...(limits.client === undefined ? {} : { client: limits.client }),
  });
  const linger = createLinger(limits.idle);
  let ranges = trustedProxies(options.trustedProxies);
  const trusted: TrustedProxies = { includes: (address) => ranges.includes(address) };
  const state = { draining: false, open: 0 };
  const listening: Listening[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(listening.map((each) => closeListener(each)));
  };
  try {
    for (const settings of options.listeners) {
      const each = buildListener(settings, options, { admission, linger, trusted, state });
      listening.push(each);
      await each.app.ready();
      await listen(each);
    }
  } catch (error) {
    await close();
    throw error;
  }
  return {
    addresses: listening.map(({ settings, server }) => {
      const address = server.address() as AddressInfo;
      return { name: settings.name, host: address.address, port: address.port };
    }),
    inFlight: admission.inFlight,
    stopAccepting: () => {
      state.draining = true;
      linger.end();
      for (const { server, front } of listening) {
        server.close();
        server.closeIdleConnections();
        front?.close();
      }
    },
    drain: async (ms) => {
      const until = performance.now() + ms;
      while (state.open > 0 && performance.now() < until)
        await new Promise((resolve) => setTimeout(resolve, DRAIN_POLL_MS));
      return state.open === 0;
    },
    close,
    reloadCertificate: (name, material) => {
      const found = listening.find(({ settings }) => settings.name === name);
      if (!(found?.server instanceof SecureServer))
        throw new GatewayError('InvalidArgument', `The listener "${name}" has no certificate.`);
      found.server.setSecureContext(secureOptions(material, found.settings.minTls ?? '1.2'));
    },
    reloadTrustedProxies: (cidrs) => {
      ranges = trustedProxies(cidrs);
    },
  };
}

interface Shared {
  readonly admission: Admission;
  readonly linger: Linger;
  readonly trusted: TrustedProxies;
  readonly state: { draining: boolean; open: number };
}

function buildListener(settings: ListenerSettings, options: ServerOptions, shared: Shared): Listening {
  const exchanges = new WeakMap<IncomingMessage, Exchange>();
  const connections = new WeakMap<Socket, Set<Exchange>>();
  const closing = new WeakSet<Socket>();
  const perConnection = options.limits.requestsPerConnection ?? DEFAULT_REQUESTS_PER_CONNECTION;
  const exchangeOptions: ExchangeOptions = {
    ...options,
    listener: settings.name,
    trusted: shared.trusted,
    idle: options.limits.idle,
    pace: {
      rate: options.limits.minimumRate ?? DEFAULT_MINIMUM_RATE,
      window: options.limits.minimumRateWindow ?? MINIMUM_RATE_WINDOW_MS,
    },
    admission: shared.admission,
    linger: shared.linger,
    draining: () => shared.state.draining,
  };
  const parts: { server?: HttpServer; front?: ProxyFront | undefined } = {};

  const onRequest =
    (route: RequestListener, methods: ReadonlySet<string>) =>
    (incoming: IncomingMessage, res: ServerResponse): void => {
      const { socket } = incoming;
      // The request before it was refused as ambiguous or left unread: what looks like a request may be its body.
      if (closing.has(socket)) return;
      const siblings = connections.get(socket) ?? new Set<Exchange>();
      connections.set(socket, siblings);
      const facts = {
        target: incoming.url ?? '',
        socket: socketFacts(socket, parts.front),
        crowded: siblings.size >= perConnection,
        last: () => closing.add(socket),
      };
      const exchange = openExchange(incoming, res, facts, exchangeOptions);
      exchanges.set(incoming, exchange);
      siblings.add(exchange);
      shared.state.open++;
      res.once('close', () => {
        siblings.delete(exchange);
        shared.state.open--;
        if (closing.has(socket) && siblings.size === 0) socket.destroySoon();
      });
      // The router must not see the target: it would decode it, and refuse what the dialect has its own words for.
      incoming.url = '/';
      if (methods.has(incoming.method ?? '')) route(incoming, res);
      else void answerDirectly(exchange);
    };

  const app = fastify({
    serverFactory: (route) => {
      parts.server = httpServer({
        ...(settings.tls === undefined ? {} : { tls: settings.tls }),
        minTls: settings.minTls ?? '1.2',
        head: options.limits.head,
        keepAlive: options.limits.keepAlive ?? DEFAULT_KEEP_ALIVE,
        connections: options.limits.connections ?? DEFAULT_CONNECTIONS,
        onRequest: (incoming, res) => onRequest(route, supported)(incoming, res),
      });
      return parts.server;
    },
    clientErrorHandler: clientErrorHandler({
      blame: (socket, failure) => {
        const running = connections.get(socket);
        if (running === undefined || running.size === 0) return closing.has(socket);
        closing.add(socket);
        for (const exchange of running) exchange.poison(failure);
        return true;
      },
      encodeFailure: (error) =>
        options.encodeFailure(error, { wire: undefined, listener: settings.name, requestId: options.requestId() }),
    }),
    logger: false,
    requestIdHeader: false,
    return503OnClosing: false,
    exposeHeadRoutes: false,
    forceCloseConnections: false,
    frameworkErrors: (error, request, reply) => failRaw(exchanges, request, reply, error),
  });
  const supported: ReadonlySet<string> = new Set(app.supportedMethods);
  configure(app, exchanges);
  const server = parts.server;
  if (server === undefined) throw new GatewayError('InternalError', 'The server was not made.');
  parts.front =
    settings.proxyProtocol === true
      ? proxyFront(server, { trusted: shared.trusted, headTimeout: options.limits.head })
      : undefined;
  return { settings, server, app, front: parts.front };
}

function configure(app: FastifyInstance, exchanges: WeakMap<IncomingMessage, Exchange>): void {
  const crossings = new WeakMap<IncomingMessage, Crossing>();
  app.removeAllContentTypeParsers();
  // Whatever the content type says, nobody but the gateway reads the body (CVE-2025-32442 and its kin).
  app.addContentTypeParser('*', (_request, _payload, done) => done(null, undefined));
  app.setErrorHandler((error, request, reply) => failRaw(exchanges, request, reply, error));
  app.addHook('onRequest', async (request, reply) => {
    const exchange = exchanges.get(request.raw);
    if (exchange === undefined) return;
    const outcome = await exchange.answer();
    if ('passthrough' in outcome) {
      crossings.set(request.raw, { target: outcome.passthrough, signal: exchange.signal, payload: exchange.payload });
      // The plug-in's route is reached by the same path whatever the client's content type is.
      delete request.raw.headers['content-type'];
      return;
    }
    reply.hijack();
    await exchange.send(outcome);
  });
  registerPassthrough(app, {
    crossing: (request) => crossings.get(request.raw),
    send: (request, reply, response) => {
      reply.hijack();
      void exchanges.get(request.raw)?.send(response);
    },
    fail: (request, reply, error) => failRaw(exchanges, request, reply, error),
  });
}

function failRaw(
  exchanges: WeakMap<IncomingMessage, Exchange>,
  request: FastifyRequest,
  reply: FastifyReply,
  error: unknown,
): void {
  reply.hijack();
  void exchanges.get(request.raw)?.fail(error);
}

/** Methods that the framework has no route for are the dialect's to refuse. */
async function answerDirectly(exchange: Exchange): Promise<void> {
  const outcome = await exchange.answer();
  if ('passthrough' in outcome)
    await exchange.fail(
      new GatewayError('MethodNotAllowed', 'The specified method is not allowed against this resource.'),
    );
  else await exchange.send(outcome);
}

function socketFacts(socket: Socket, front: ProxyFront | undefined): SocketFacts {
  const proxied = front?.of(socket);
  const own = 'encrypted' in socket;
  return {
    peer: plainAddress(proxied?.source ?? socket.remoteAddress ?? ''),
    secure: own || proxied?.tls !== undefined,
    tlsVersion: own ? ((socket as TLSSocket).getProtocol() ?? undefined) : proxied?.tls?.version,
  };
}

function listen({ server, settings }: Listening): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: settings.host, port: settings.port }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

async function closeListener({ server, app, front }: Listening): Promise<void> {
  front?.close();
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  server.closeAllConnections();
  await closed;
  await app.close();
}
