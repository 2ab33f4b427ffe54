import { headersOf } from './message.ts';
import type { HeaderLines } from './message.ts';

/** Headers of one hop only (RFC 9110 7.6.1), with those that node and proxies treat as such. */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'expect',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/**
 * Header lines without hop-by-hop ones, those named in `Connection` included. Call it on what a peer sent, before own
 * headers are added: a client that names our headers in its `Connection` must not be able to remove them.
 */
export function stripHopByHop(headers: HeaderLines): HeaderLines {
  const named = new Set(
    headersOf(headers, 'connection').flatMap((value) => value.split(',').map((token) => token.trim().toLowerCase())),
  );
  return headers.filter(([name]) => !HOP_BY_HOP.has(name) && !named.has(name));
}
