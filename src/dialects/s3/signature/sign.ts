import { createHash, createHmac } from 'node:crypto';
import { GatewayError } from '../../../model/errors.ts';
import { formatBasicDate } from '../../../wire/http-date.ts';
import type { HeaderLines, OutgoingRequest } from '../../../wire/message.ts';
import { parseQuery } from '../../../wire/target.ts';
import type { SignedRequest, StoreTarget, UnsignedRequest } from '../../dialect.ts';
import { canonicalPath, canonicalQuery, canonicalRequest, stringToSign } from './canonical-request.ts';
import { EMPTY_SHA256 } from './chunk-signature.ts';
import { scopeText } from './credential-scope.ts';
import { SIGNED_CHUNKS, UNSIGNED_PAYLOAD } from './payload-hash.ts';
import { signChunks, signedChunksLength } from './signed-chunks.ts';
import { rememberSigningKey, signingKey } from './signing-key.ts';

/** Set by the signature itself; what the encoder or a client brought is dropped. */
const REPLACED: ReadonlySet<string> = new Set([
  'authorization',
  'content-length',
  'host',
  'transfer-encoding',
  'x-amz-content-sha256',
  'x-amz-date',
  'x-amz-decoded-content-length',
  'x-amz-security-token',
]);
/** Proxies on the way may rewrite these. */
const NOT_SIGNED: ReadonlySet<string> = new Set(['content-length', 'expect', 'user-agent']);

/** Signs a request for a store with SigV4 in headers; a streamed body over plain HTTP goes in signed chunks where the store takes them. */
export function signS3(request: UnsignedRequest, target: StoreTarget, now: number): SignedRequest {
  const timestamp = formatBasicDate(now);
  const date = timestamp.slice(0, 8);
  const scope = scopeText(date, target.region);
  const key = signingKey(target.credential, date, target.region);
  rememberSigningKey(target.credential, date, target.region, key);
  const payload = payloadOf(request, target);
  const token = target.credential.sessionToken?.reveal();
  const headers: HeaderLines = [
    ...withContentEncoding(request.headers, payload).filter(([name]) => !REPLACED.has(name)),
    ...(payload.length === undefined ? [] : [['content-length', String(payload.length)] as const]),
    ...(payload.decodedLength === undefined
      ? []
      : [['x-amz-decoded-content-length', String(payload.decodedLength)] as const]),
    ['x-amz-content-sha256', payload.hash],
    ['x-amz-date', timestamp],
    ...(token === undefined ? [] : [['x-amz-security-token', token] as const]),
  ];
  const signedHeaders = [...new Set(['host', ...headers.map(([name]) => name)])]
    .filter((name) => !NOT_SIGNED.has(name))
    .sort();
  const canonical = canonicalRequest({
    method: request.method,
    path: pathAsSent(request.path),
    query: queryToSign(request.query),
    headers,
    host: request.host,
    signedHeaders,
    payloadHash: payload.hash,
  });
  const signature = createHmac('sha256', key)
    .update(stringToSign(timestamp, scope, canonical), 'latin1')
    .digest('hex');
  const authorization = `AWS4-HMAC-SHA256 Credential=${target.credential.accessKeyId}/${scope}, SignedHeaders=${signedHeaders.join(';')}, Signature=${signature}`;
  const seed = { signingKey: key, timestamp, scope, signature };
  const outgoing: OutgoingRequest & { readonly host: string } = {
    method: request.method,
    path: request.path,
    query: request.query,
    host: request.host,
    headers: [...headers, ['authorization', authorization]],
    body: payload.stream === undefined ? request.body : signChunks(payload.stream.bytes, payload.stream.length, seed),
  };
  return outgoing as SignedRequest;
}

interface OutgoingPayload {
  /** `x-amz-content-sha256` */
  readonly hash: string;
  /** `Content-Length`, where it is known. */
  readonly length: number | undefined;
  readonly decodedLength?: number;
  /** What is to be put into signed chunks. */
  readonly stream?: { readonly bytes: AsyncIterable<Uint8Array>; readonly length: number };
}

function payloadOf(request: UnsignedRequest, target: StoreTarget): OutgoingPayload {
  const { body, bodyLength, bodySha256 } = request;
  if (body === undefined)
    return { hash: EMPTY_SHA256, length: request.method === 'PUT' || request.method === 'POST' ? 0 : undefined };
  if (body instanceof Uint8Array)
    return { hash: bodySha256 ?? createHash('sha256').update(body).digest('hex'), length: body.length };
  if (bodySha256 !== undefined) return { hash: bodySha256, length: bodyLength };
  const encrypted = target.endpoint.toLowerCase().startsWith('https:');
  if (encrypted || target.capabilities.payload !== 'signed-chunks' || bodyLength === undefined)
    return { hash: UNSIGNED_PAYLOAD, length: bodyLength };
  return {
    hash: SIGNED_CHUNKS,
    length: signedChunksLength(bodyLength),
    decodedLength: bodyLength,
    stream: { bytes: body, length: bodyLength },
  };
}

function withContentEncoding(headers: HeaderLines, payload: OutgoingPayload): HeaderLines {
  if (payload.stream === undefined) return headers;
  const own = headers.filter(([name]) => name === 'content-encoding').map(([, value]) => value);
  return [
    ...headers.filter(([name]) => name !== 'content-encoding'),
    ['content-encoding', ['aws-chunked', ...own].join(',')],
  ];
}

/** The path on the wire must be the one that is signed, byte for byte. */
function pathAsSent(path: string): string {
  if (canonicalPath(path) !== path)
    throw new GatewayError('InternalError', 'A path for a store is not in canonical form.');
  return path;
}

function queryToSign(query: string): string {
  const parameters = parseQuery(query);
  if (parameters === undefined)
    throw new GatewayError('InternalError', 'A query for a store is not in canonical form.');
  return canonicalQuery(parameters);
}
