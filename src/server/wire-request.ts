import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { GatewayError } from '../model/errors.ts';
import { headerOf, headersOf } from '../wire/message.ts';
import type { HeaderLines, WireRequest } from '../wire/message.ts';
import { parseTarget } from '../wire/target.ts';
import { forwardedFacts } from './trusted-proxy.ts';
import type { SocketFacts, TrustedProxies } from './trusted-proxy.ts';

export interface WireFacts {
  /** The target as it stood in the request line. */
  readonly target: string;
  readonly socket: SocketFacts;
  readonly trusted: TrustedProxies;
  readonly listener: string;
  readonly body: Readable;
  readonly requestId: string;
  /** ms since the epoch. */
  readonly receivedAt: number;
}

/** Builds the request from node's message without normalising it; throws `GatewayError` for a head that two servers could read differently. */
export function toWireRequest(incoming: IncomingMessage, facts: WireFacts): WireRequest {
  const lines = headerLines(incoming.rawHeaders);
  checkFraming(lines, incoming.httpVersion);
  const ownHost = hostOf(lines, incoming.httpVersion);
  const forwarded = forwardedFacts(lines, facts.socket, facts.trusted);
  const host = forwarded.host === undefined ? ownHost : checkedHost(forwarded.host);
  const target = originForm(facts.target, host);
  const parsed = parseTarget(target);
  if (!parsed.ok) throw invalidUri();
  return {
    method: incoming.method ?? '',
    target,
    path: parsed.target.path,
    query: parsed.target.query,
    headers: forwarded.host === undefined ? lines : withHost(lines, forwarded.host),
    host: host.toLowerCase(),
    connection: {
      peer: forwarded.peer,
      secure: forwarded.secure,
      tlsVersion: forwarded.tlsVersion,
      listener: facts.listener,
    },
    body: facts.body,
    receivedAt: facts.receivedAt,
    requestId: facts.requestId,
  };
}

/** The body's declared length; undefined for a chunked one, 0 for none. */
export function declaredLength(incoming: IncomingMessage): number | undefined {
  if (incoming.headers['transfer-encoding'] !== undefined) return undefined;
  const length = incoming.headers['content-length'];
  return length !== undefined && /^\d{1,16}$/.test(length) ? Number(length) : 0;
}

function headerLines(raw: readonly string[]): HeaderLines {
  const lines: (readonly [string, string])[] = [];
  for (let at = 0; at + 1 < raw.length; at += 2) lines.push([(raw[at] ?? '').toLowerCase(), raw[at + 1] ?? '']);
  return lines;
}

/**
 * RFC 9112 6.1 and 6.3, on the raw lines: request smuggling lives on messages whose end two servers see differently.
 * Node's parser refuses them too; this stands for the day when it does not (CVE-2022-32213 and its kin).
 */
function checkFraming(lines: HeaderLines, httpVersion: string): void {
  const lengths = headersOf(lines, 'content-length');
  const codings = headersOf(lines, 'transfer-encoding');
  if (lengths.length > 1 || (lengths.length > 0 && codings.length > 0))
    throw new GatewayError('BadRequest', 'The length of the request body is ambiguous.');
  if (lengths.some((value) => !/^\d{1,16}$/.test(value)))
    throw new GatewayError('BadRequest', 'The Content-Length header is not a number.');
  if (codings.length === 0) return;
  if (httpVersion === '1.0') throw new GatewayError('BadRequest', 'HTTP/1.0 has no Transfer-Encoding.');
  if (codings.length > 1 || codings[0]?.trim().toLowerCase() !== 'chunked')
    throw new GatewayError(
      'NotImplemented',
      'A header you provided implies functionality that is not implemented: Transfer-Encoding.',
    );
}

/** RFC 9112 3.2: exactly one Host; an HTTP/1.0 client may have none. */
function hostOf(lines: HeaderLines, httpVersion: string): string {
  const hosts = headersOf(lines, 'host');
  const [host] = hosts;
  if (hosts.length > 1) throw new GatewayError('BadRequest', 'The request has more than one Host header.');
  if (host !== undefined) return checkedHost(host);
  if (httpVersion !== '1.0') throw new GatewayError('BadRequest', 'The request has no Host header.');
  return '';
}

function checkedHost(host: string): string {
  // Bucket names of old may hold underscores and capitals; brackets and colons are IPv6 literals and ports.
  if (!/^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])?(?::\d{1,5})?$/.test(host))
    throw new GatewayError('BadRequest', 'The Host header is not a host name.');
  return host;
}

function withHost(lines: HeaderLines, host: string): HeaderLines {
  return [...lines.filter(([name]) => name !== 'host'), ['host', host]];
}

/** RFC 9112 3.2.2: absolute form is taken for a request to this very host; a different one is never guessed at. */
function originForm(target: string, host: string): string {
  const absolute = /^https?:\/\/([^/?#]*)(.*)$/is.exec(target);
  if (absolute === null) return target;
  const [, authority = '', rest = ''] = absolute;
  if (host === '' || authority.toLowerCase() !== host.toLowerCase()) throw invalidUri();
  return rest.startsWith('/') ? rest : `/${rest}`;
}

function invalidUri(): GatewayError {
  return new GatewayError('InvalidURI', "Couldn't parse the specified URI.");
}

/** Whether the client asked to be told before it sends its body, in the only form that exists. */
export function wantsContinue(incoming: IncomingMessage): boolean {
  const expected = headerOf(headerLines(incoming.rawHeaders), 'expect');
  return incoming.httpVersion !== '1.0' && expected?.trim().toLowerCase() === '100-continue';
}
