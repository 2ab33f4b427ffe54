import type { Readable } from 'node:stream';

/** Header lines in the order they came, names in lower case, values as latin1 text. */
export type HeaderLines = readonly (readonly [name: string, value: string])[];

/** One query parameter: raw spelling and decoded text. `value` is undefined for `?acl`, empty for `?acl=`. */
export interface QueryParameter {
  readonly rawName: string;
  readonly rawValue: string | undefined;
  readonly name: string;
  readonly value: string | undefined;
}

/** The peer and its transport, as the listener established them (trusted proxies included). */
export interface Connection {
  readonly peer: string;
  /** The request came over TLS, by the socket's word or a trusted peer's. */
  readonly secure: boolean;
  /** `TLSv1.2`, `TLSv1.3`; undefined over plain HTTP or when a trusted peer only says `https`. */
  readonly tlsVersion: string | undefined;
  readonly listener: string;
}

/** A request as it came: nothing normalised. */
export interface WireRequest {
  readonly method: string;
  /** The origin-form target, byte for byte. */
  readonly target: string;
  /** The target before `?`, byte for byte. */
  readonly path: string;
  readonly query: readonly QueryParameter[];
  readonly headers: HeaderLines;
  /** The one value of `Host` (of `X-Forwarded-Host` from a trusted peer), lower case, with port. */
  readonly host: string;
  readonly connection: Connection;
  /** The undecoded payload; read at most once. */
  readonly body: Readable;
  /** ms since the epoch, taken when the head was complete. */
  readonly receivedAt: number;
  readonly requestId: string;
}

/** A response on its way to the client, or from a store. */
export interface WireResponse {
  readonly status: number;
  readonly headers: HeaderLines;
  readonly body: Uint8Array | AsyncIterable<Uint8Array> | undefined;
}

/** A request to a store before and after signing. `path` and `query` are exactly what goes on the wire. */
export interface OutgoingRequest {
  readonly method: string;
  readonly path: string;
  /** Encoded query without `?`; empty when there is none. */
  readonly query: string;
  readonly headers: HeaderLines;
  readonly body: Uint8Array | AsyncIterable<Uint8Array> | undefined;
}

/** The first value of a header, or undefined. */
export function headerOf(headers: HeaderLines, name: string): string | undefined {
  return headers.find(([candidate]) => candidate === name)?.[1];
}

/** All values of a header, in order. */
export function headersOf(headers: HeaderLines, name: string): readonly string[] {
  return headers.filter(([candidate]) => candidate === name).map(([, value]) => value);
}

/** The first value of a query parameter: undefined when absent, '' for `?name` and `?name=`. */
export function queryOf(query: readonly QueryParameter[], name: string): string | undefined {
  const found = query.find((parameter) => parameter.name === name);
  return found === undefined ? undefined : (found.value ?? '');
}
