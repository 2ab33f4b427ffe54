import { createServer, STATUS_CODES } from 'node:http';
import type { IncomingMessage, RequestListener, Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { Socket } from 'node:net';
import { GatewayError } from '../model/errors.ts';
import type { WireResponse } from '../wire/message.ts';
import { requestTimeout } from './exchange.ts';
import type { TlsMaterial } from './tls-material.ts';
import { secureOptions } from './tls-material.ts';
import { checkedHead } from './write-response.ts';

export interface HttpServerOptions {
  readonly tls?: TlsMaterial;
  readonly minTls: '1.2' | '1.3';
  /** ms until a request's head must be complete. */
  readonly head: number;
  /** ms that an idle connection is kept. */
  readonly keepAlive: number;
  readonly connections: number;
  readonly onRequest: RequestListener;
}

export interface ClientErrorOptions {
  /** True if a request under way on the connection has taken the blame. */
  readonly blame: (socket: Socket, failure: GatewayError) => boolean;
  readonly encodeFailure: (error: GatewayError) => WireResponse;
}

export type HttpServer = Server;

const MAX_HEADER_BYTES = 16 * 1024;
const MAX_HEADERS = 200;
const MAX_REQUESTS_PER_CONNECTION = 1000;
/** Node's default of 30 s would let a slow head live twice as long as allowed. */
const CHECK_EVERY_MS = 5000;

/** node's server with every limit said aloud; `Expect` is ours to answer, so that no body is invited before it is wanted. */
export function httpServer(options: HttpServerOptions): HttpServer {
  const settings = {
    insecureHTTPParser: false,
    // Ours answers in the dialect's XML.
    requireHostHeader: false,
    joinDuplicateHeaders: false,
    maxHeaderSize: MAX_HEADER_BYTES,
    headersTimeout: options.head,
    // A whole-request limit would end large uploads; the idle limit of each exchange stands for it.
    requestTimeout: 0,
    connectionsCheckingInterval: Math.min(CHECK_EVERY_MS, Math.max(100, Math.ceil(options.head / 3))),
    keepAliveTimeout: options.keepAlive,
    noDelay: true,
    // RFC 9110 7.8: an offer of another protocol may be ignored, and is: the request is answered as it stands.
    shouldUpgradeCallback: () => false,
  } as const;
  const server =
    options.tls === undefined
      ? createServer(settings)
      : createSecureServer({
          ...settings,
          ...secureOptions(options.tls, options.minTls),
          handshakeTimeout: options.head,
        });
  server.maxHeadersCount = MAX_HEADERS;
  server.maxRequestsPerSocket = MAX_REQUESTS_PER_CONNECTION;
  server.maxConnections = options.connections;
  for (const event of ['request', 'checkContinue', 'checkExpectation'] as const) server.on(event, options.onRequest);
  // No tunnels: the gateway would not see what goes through.
  server.on('connect', (_request: IncomingMessage, socket: Socket) => socket.destroy());
  server.on('dropRequest', (_request: IncomingMessage, socket: Socket) => socket.destroy());
  server.on('tlsClientError', (_error: Error, socket: Socket) => socket.destroy());
  return server;
}

/** Answers bytes that are no HTTP, and heads that do not end, in the dialect's words; then the connection ends. */
export function clientErrorHandler(options: ClientErrorOptions) {
  return (error: NodeJS.ErrnoException, socket: Socket): void => {
    const failure = failureOf(error);
    if (options.blame(socket, failure)) return;
    if (!socket.writable || error.code === 'ECONNRESET') {
      socket.destroy();
      return;
    }
    try {
      socket.end(serialise(options.encodeFailure(failure)), () => socket.destroy());
    } catch {
      socket.destroy();
    }
  };
}

function failureOf(error: NodeJS.ErrnoException): GatewayError {
  switch (error.code) {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return requestTimeout();
    case 'HPE_HEADER_OVERFLOW':
      return new GatewayError('BadRequest', 'Your request header section exceeds the maximum allowed size.', {
        cause: error,
      });
    // The client closed in the middle of a message.
    case 'ECONNRESET':
    case 'HPE_INVALID_EOF_STATE':
      return new GatewayError('IncompleteBody', 'The request body terminated unexpectedly', { cause: error });
    default:
      return new GatewayError('BadRequest', 'An error occurred when parsing the HTTP request.', { cause: error });
  }
}

function serialise(response: WireResponse): Buffer {
  const body = response.body instanceof Uint8Array ? response.body : new Uint8Array(0);
  const flat = checkedHead(response, { close: true }, body.length);
  let head = `HTTP/1.1 ${response.status} ${STATUS_CODES[response.status] ?? ''}\r\n`;
  for (let at = 0; at + 1 < flat.length; at += 2) head += `${flat[at] ?? ''}: ${flat[at + 1] ?? ''}\r\n`;
  return Buffer.concat([Buffer.from(`${head}\r\n`, 'latin1'), body]);
}
