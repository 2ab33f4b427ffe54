import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import { GatewayError } from '../model/errors.ts';
import type { WireRequest, WireResponse } from '../wire/message.ts';
import type { Admission, Ticket } from './admission.ts';
import type { EncodeFailure, Handle, Observation, Passthrough } from './handle.ts';
import type { Linger } from './linger.ts';
import type { PaceRule } from './pace.ts';
import { requestBody } from './request-body.ts';
import type { SocketFacts, TrustedProxies } from './trusted-proxy.ts';
import { declaredLength, toWireRequest, wantsContinue } from './wire-request.ts';
import { breakConnection, writeResponse, type Delivery } from './write-response.ts';

/** One request and its answer on a listener. Neither method rejects. */
export interface Exchange {
  /** Aborted when the client has gone. */
  readonly signal: AbortSignal;
  /** The payload as it comes; null where the head declares none. */
  readonly payload: Readable | null;
  /** Verdict of the gateway, or the error answer. */
  readonly answer: () => Promise<WireResponse | Passthrough>;
  readonly send: (response: WireResponse) => Promise<void>;
  /** Answers an error of the framework or the passthrough, if there is still somebody to answer to. */
  readonly fail: (error: unknown) => Promise<void>;
  /** The rest of the message is not HTTP or will not come: whoever reads the body learns it. False: the message was complete. */
  readonly poison: (failure: GatewayError) => boolean;
}

export interface ExchangeOptions {
  readonly listener: string;
  readonly trusted: TrustedProxies;
  /** ms without a byte in a transfer's direction. */
  readonly idle: number;
  /** The least speed of a body. */
  readonly pace: PaceRule;
  readonly admission: Admission;
  readonly linger: Linger;
  readonly handle: Handle;
  readonly encodeFailure: EncodeFailure;
  readonly observe: (observation: Observation) => void;
  /** Errors that are not the client's doing. */
  readonly report: (error: unknown, requestId: string) => void;
  readonly requestId: () => string;
  /** ms since the epoch. */
  readonly now: () => number;
  /** The house closes: no connection is kept. */
  readonly draining: () => boolean;
}

export interface ExchangeFacts {
  /** The target as it stood in the request line. */
  readonly target: string;
  readonly socket: SocketFacts;
  /** The connection has more requests under way than one connection may. */
  readonly crowded: boolean;
  /** Nothing that comes after this request on its connection may be served. */
  readonly last: () => void;
}

/** What is left of a refused body may be read away so that the connection can be kept; more is not worth it. */
const KEEP_LIMIT = { bytes: 64 * 1024, ms: 1000 } as const;

/** Opens the exchange: from here on a silent client is timed out, and its leaving aborts the signal. */
export function openExchange(
  incoming: IncomingMessage,
  res: ServerResponse,
  facts: ExchangeFacts,
  options: ExchangeOptions,
): Exchange {
  const requestId = options.requestId();
  const receivedAt = options.now();
  const gone = new AbortController();
  const body = requestBody(incoming, {
    announce: wantsContinue(incoming) ? () => announce(res) : undefined,
    pace: options.pace,
    slow: onSlow,
  });
  const state = {
    wire: undefined as WireRequest | undefined,
    stalled: false,
    warned: false,
    settled: false,
    lingering: false,
    poisoned: false,
    closed: false,
    observed: false,
  };
  let ticket: Ticket | undefined;

  res.once('close', () => {
    state.closed = true;
    ticket?.release();
    if (!res.writableFinished) gone.abort(new GatewayError('RequestTimeout', 'The client has gone.'));
  });
  // An error of the socket under an answer is the client leaving; `close` follows.
  res.on('error', () => undefined);
  res.setTimeout(options.idle, () => onIdle());

  function onIdle(): void {
    if (state.lingering) return;
    if (state.stalled || state.warned) {
      breakConnection(res);
      return;
    }
    if (body.owed()) onSlow();
    // The gateway or its store is at work: the client is not to blame for the silence.
    res.setTimeout(options.idle);
  }

  /** The body will not come, or not in time: whoever waits for it learns it. */
  function onSlow(): void {
    state.warned = true;
    body.fail(requestTimeout());
    if (res.headersSent) breakConnection(res);
  }

  /** Only a request whose signature is known takes a place; what is refused before holds none. */
  function admit(client: string): void {
    if (ticket !== undefined) return;
    const length = declaredLength(incoming);
    ticket = options.admission.admit({ client, length, reads: isRead(incoming.method) && length === 0 });
    if (ticket === undefined) throw slowDown();
    if (state.closed) ticket.release();
  }

  function encode(error: unknown): WireResponse {
    const known = error instanceof GatewayError ? error : internalError(error);
    if (known.code === 'InternalError') options.report(error, requestId);
    try {
      return options.encodeFailure(known, { wire: state.wire, listener: options.listener, requestId });
    } catch (failure) {
      options.report(failure, requestId);
      return { status: 500, headers: [], body: undefined };
    }
  }

  async function answer(): Promise<WireResponse | Passthrough> {
    try {
      if (facts.crowded) throw slowDown();
      const wire = toWireRequest(incoming, {
        target: facts.target,
        socket: facts.socket,
        trusted: options.trusted,
        listener: options.listener,
        body: body.stream,
        requestId,
        receivedAt,
      });
      state.wire = wire;
      return await options.handle(wire, gone.signal, admit);
    } catch (error) {
      if (state.wire === undefined) facts.last();
      return encode(error);
    }
  }

  async function deliver(response: WireResponse): Promise<Delivery> {
    const small = response.body === undefined || response.body instanceof Uint8Array;
    // What was refused with its body unread has nothing under way any more, however long its client takes to notice.
    if (small && !incoming.complete) ticket?.release();
    const settled = incoming.complete || (await settleBody());
    if (!settled) facts.last();
    const waits = body.unanswered();
    return writeResponse(res, response, {
      method: incoming.method ?? '',
      // A head that was refused says nothing sure about where the next one begins.
      close: !settled || state.wire === undefined || options.draining(),
      stalled: (waiting) => {
        state.stalled = waiting;
      },
      ...(settled || state.poisoned
        ? {}
        : {
            beforeEnd: async (written: Delivery) => {
              state.lingering = true;
              // The end of a streamed answer is still to come, and its client waits for it.
              if (!small) await body.discard(KEEP_LIMIT).done;
              else {
                observe(response.status, written);
                await options.linger.over(body, waits);
              }
            },
          }),
    });
  }

  /** A refusal before the body was read: what came after it must never be taken for the next request. */
  async function settleBody(): Promise<boolean> {
    const length = declaredLength(incoming);
    if (
      state.warned ||
      state.poisoned ||
      body.unanswered() ||
      length === undefined ||
      length > KEEP_LIMIT.bytes ||
      incoming.destroyed
    )
      return false;
    return body.discard(KEEP_LIMIT).done;
  }

  async function send(response: WireResponse): Promise<void> {
    if (state.settled) return;
    state.settled = true;
    let status = response.status;
    let delivery: Delivery = { bytes: 0, complete: false };
    try {
      delivery = await deliver(response).catch(async (error: unknown) => {
        const failure = encode(error);
        status = failure.status;
        return deliver(failure);
      });
    } catch (error) {
      options.report(error, requestId);
      breakConnection(res);
    }
    observe(status, delivery);
  }

  /** Once: what a lingering client does after it has its answer is no part of the request. */
  function observe(status: number, { bytes, complete }: Delivery): void {
    if (state.observed) return;
    state.observed = true;
    options.observe({
      wire: state.wire,
      listener: options.listener,
      requestId,
      status,
      duration: options.now() - receivedAt,
      bytesSent: bytes,
      complete,
    });
  }

  return {
    signal: gone.signal,
    payload: declaredLength(incoming) === 0 ? null : body.stream,
    answer,
    send,
    fail: (error) => send(encode(error)),
    poison: (failure) => {
      if (incoming.complete) return false;
      state.poisoned = true;
      body.fail(failure);
      if (res.headersSent) breakConnection(res);
      return true;
    },
  };
}

function isRead(method: string | undefined): boolean {
  return method === 'GET' || method === 'HEAD';
}

/** `100 Continue`, unless the answer has begun: a late one would stand in the middle of it. */
function announce(res: ServerResponse): void {
  if (!res.headersSent && !res.destroyed) res.writeContinue();
}

export function requestTimeout(): GatewayError {
  return new GatewayError(
    'RequestTimeout',
    'Your socket connection to the server was not read from or written to within the timeout period. Idle connections will be closed.',
  );
}

function slowDown(): GatewayError {
  return new GatewayError('SlowDown', 'Please reduce your request rate.');
}

function internalError(cause: unknown): GatewayError {
  return new GatewayError('InternalError', 'We encountered an internal error. Please try again.', { cause });
}
