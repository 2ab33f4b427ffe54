import type { OnReadOpts, Socket } from 'node:net';
import { Pool, type Dispatcher } from 'undici';
import type { SignedRequest } from '../dialects/dialect.ts';
import { GatewayError } from '../model/errors.ts';
import type { HeaderLines, WireResponse } from '../wire/message.ts';

export interface TransportOptions {
  /** `https://host[:port]`. */
  readonly endpoint: string;
  /** PEM of a private authority; upstream TLS is always verified. */
  readonly ca?: string;
  readonly connections?: number;
  /** ms until a connection must stand, TLS included. */
  readonly connect?: number;
  /** ms without a byte of an answer's body before it is given up. */
  readonly idle: number;
}

export interface SendOptions {
  /** ms from the request's last byte to the answer's head. */
  readonly headTimeout: number;
  readonly signal?: AbortSignal;
}

/** One pool of connections to one store. */
export interface Transport {
  readonly dispatcher: Dispatcher;
  /**
   * Sends and resolves at the answer's head, whatever its status. Rejects with the body's own error if that is what
   * ended the request (the socket is destroyed, so the store commits nothing), else with `ServiceUnavailable`.
   */
  send(request: SignedRequest, options: SendOptions): Promise<WireResponse>;
  close(): Promise<void>;
}

const DEFAULT_CONNECT_MS = 5_000;
/** Connections per store: enough for the admission limit, few enough for a store's own. */
const DEFAULT_CONNECTIONS = 128;
const STALE_SOCKET = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE']);

/** Opens the pool lazily; nothing is connected before the first request. */
export function createTransport(options: TransportOptions): Transport {
  const pool = new Pool(options.endpoint, {
    connections: options.connections ?? DEFAULT_CONNECTIONS,
    pipelining: 1,
    // Timed by `send`, from the last byte of the request on: a slow upload is the client's business.
    headersTimeout: 0,
    bodyTimeout: options.idle,
    connect: {
      ...smallReads(),
      timeout: options.connect ?? DEFAULT_CONNECT_MS,
      rejectUnauthorized: true,
      ...(options.ca === undefined ? {} : { ca: options.ca }),
    },
  });
  return {
    dispatcher: pool,
    send: (request, sendOptions) => sendOnce(pool, request, { ...sendOptions, stallTimeout: options.idle }, true),
    close: () => pool.close(),
  };
}

/** Bytes that a socket takes from the kernel at once. One piece is with the client's socket, one waits: 32 KiB while a client stalls. */
const READ = 16 * 1024;

/**
 * Sockets read into one small buffer that all of them share, and hand on copies. By themselves they take 64 KiB at a time
 * and twice that before they stop, which a stalled client would hold for as long as it likes.
 */
function smallReads(): { readonly highWaterMark: number; readonly onread: OnReadOpts } {
  const buffer = Buffer.allocUnsafeSlow(READ);
  return {
    highWaterMark: READ,
    onread: {
      buffer,
      // node calls it as a method of the socket.
      callback: function (this: Socket, length: number) {
        // Not from the pool, whose slabs are longer than what is kept of them.
        const copy = Buffer.allocUnsafeSlow(length);
        buffer.copy(copy, 0, 0, length);
        return this.push(copy);
      },
    },
  };
}

async function sendOnce(
  pool: Pool,
  request: SignedRequest,
  options: SendOptions & { readonly stallTimeout: number },
  mayRetry: boolean,
): Promise<WireResponse> {
  const abort = new AbortController();
  if (options.signal?.aborted === true) abort.abort(options.signal.reason);
  const clock = headClock(abort, options.headTimeout);
  const outside = (): void => abort.abort(options.signal?.reason);
  options.signal?.addEventListener('abort', outside, { once: true });
  const stalled = (): void => abort.abort(new Error('the store stopped reading'));
  const source = observedBody(request.body, { onEnd: clock.start, onStall: stalled, stall: options.stallTimeout });
  try {
    const answer: Dispatcher.ResponseData = await pool.request({
      method: request.method,
      path: request.query === '' ? request.path : `${request.path}?${request.query}`,
      headers: [['host', request.host] as const, ...request.headers.filter(([name]) => name !== 'host')].flat(),
      body: source.body,
      signal: abort.signal,
      responseHeaders: 'raw',
      // Nothing is taken from the socket before somebody asks for it: what a stalled client waits for stays in the kernel.
      highWaterMark: 0,
    });
    const headers = pairs(answer.headers as unknown as readonly string[]);
    // The pool keeps a socket only if the body is read to its end; without one there is nothing left to read.
    const empty = request.method === 'HEAD' || answer.statusCode === 204 || answer.statusCode === 304;
    if (empty) await answer.body.dump();
    const body = empty ? undefined : answer.body;
    return { status: answer.statusCode, headers, body };
  } catch (error) {
    const failure = source.failure();
    if (failure !== undefined) throw failure;
    if (options.signal?.aborted === true) throw stopped(options.signal, error);
    if (
      mayRetry &&
      request.body === undefined &&
      STALE_SOCKET.has(codeOf(error)) &&
      (request.method === 'GET' || request.method === 'HEAD')
    )
      return await sendOnce(pool, request, options, false);
    throw new GatewayError('ServiceUnavailable', 'The object store behind the gateway did not answer.', {
      cause: error,
    });
  } finally {
    clock.stop();
    options.signal?.removeEventListener('abort', outside);
  }
}

/** Whoever stopped the call has said why; else the client has gone. */
function stopped({ reason }: AbortSignal, cause: unknown): GatewayError {
  return reason instanceof GatewayError
    ? reason
    : new GatewayError('RequestTimeout', 'The client closed the connection.', { cause });
}

function headClock(abort: AbortController, timeout: number): { start: () => void; stop: () => void } {
  let timer: NodeJS.Timeout | undefined;
  return {
    start: () => {
      timer ??= setTimeout(() => abort.abort(new Error(`no answer within ${timeout} ms`)), timeout);
    },
    stop: () => clearTimeout(timer),
  };
}

interface ObservedBody {
  readonly body: NonNullable<Dispatcher.DispatchOptions['body']> | null;
  readonly failure: () => Error | undefined;
}

interface BodyWatch {
  readonly onEnd: () => void;
  readonly onStall: () => void;
  /** ms. */
  readonly stall: number;
}

/** Times how long the store takes to accept each chunk; what the client takes to send one is not the store's doing. */
function observedBody(body: SignedRequest['body'], { onEnd, onStall, stall }: BodyWatch): ObservedBody {
  if (body === undefined || body instanceof Uint8Array) {
    onEnd();
    return { body: body ?? null, failure: () => undefined };
  }
  let failure: Error | undefined;
  async function* observed(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for await (const chunk of bytes) {
        const timer = setTimeout(onStall, stall);
        try {
          yield chunk;
        } finally {
          clearTimeout(timer);
        }
      }
      onEnd();
    } catch (error) {
      failure = error instanceof Error ? error : new Error(String(error));
      throw failure;
    }
  }
  return { body: observed(body) as unknown as NonNullable<Dispatcher.DispatchOptions['body']>, failure: () => failure };
}

function pairs(flat: readonly string[]): HeaderLines {
  const lines: [string, string][] = [];
  for (let index = 0; index + 1 < flat.length; index += 2)
    lines.push([(flat[index] ?? '').toLowerCase(), flat[index + 1] ?? '']);
  return lines;
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}
