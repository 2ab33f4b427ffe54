import type { GatewayError } from '../model/errors.ts';
import type { HeaderLines, WireRequest, WireResponse } from '../wire/message.ts';
import type { Readable } from 'node:stream';

/**
 * What the gateway does with a request. It calls `admit` once it knows whose the request is, and reads `wire.body` only
 * after the request is verified and decided on.
 */
export type Handle = (wire: WireRequest, signal: AbortSignal, admit: Admit) => Promise<WireResponse | Passthrough>;

/** Takes a place for a request of this client; throws `SlowDown` where there is none. */
export type Admit = (client: string) => void;

/** A request that crosses the gateway unchanged in meaning: decided and signed by the gateway, streamed by the proxy plug-in. */
export interface Passthrough {
  readonly passthrough: PassthroughTarget;
}

export interface PassthroughTarget {
  /** `https://host[:port]` of the store. */
  readonly origin: string;
  /** Path with query exactly as signed; it goes on the wire byte for byte. */
  readonly path: string;
  readonly method: string;
  /** Signed, complete, with `host`; hop-by-hop names are dropped. */
  readonly headers: HeaderLines;
  /** Absent: the request's own payload, unread until here. `null`: none. */
  readonly body?: AsyncIterable<Uint8Array> | null;
  /** The store's own pool: it verifies the store's certificate. */
  readonly dispatcher: PassthroughDispatcher;
  /** Last look at the store's answer before it goes to the client (audit, request id). */
  readonly finish?: (response: WireResponse) => WireResponse;
}

/** What the passthrough needs of an HTTP client; undici's dispatchers are of this shape. */
export interface PassthroughDispatcher {
  request(options: PassthroughRequest): Promise<PassthroughResponse>;
}

export interface PassthroughRequest {
  readonly origin: string;
  readonly path: string;
  readonly method: string;
  /** Names and values in turn. */
  readonly headers: string[];
  readonly body: Readable | null;
  readonly signal: AbortSignal;
}

export interface PassthroughResponse {
  readonly statusCode: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly body: Readable;
}

export interface FailureContext {
  /** Undefined where the head itself was refused. */
  readonly wire: WireRequest | undefined;
  readonly listener: string;
  readonly requestId: string;
}

/** Writes any refusal of the server in the client's dialect. */
export type EncodeFailure = (error: GatewayError, context: FailureContext) => WireResponse;

/** One finished (or broken) request, for metrics and the access log. Times in ms. */
export interface Observation {
  readonly wire: WireRequest | undefined;
  readonly listener: string;
  readonly requestId: string;
  readonly status: number;
  readonly duration: number;
  readonly bytesSent: number;
  /** The whole answer went out; false: the connection was broken or the client left. */
  readonly complete: boolean;
}
