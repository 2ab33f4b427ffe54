import { Readable } from 'node:stream';
import { secret } from '../../../../src/model/encryption.ts';
import type { Credential, SignedRequest, VerifyContext } from '../../../../src/dialects/dialect.ts';
import type { HeaderLines, WireRequest } from '../../../../src/wire/message.ts';
import { parseTarget } from '../../../../src/wire/target.ts';

export interface WireParts {
  readonly method: string;
  readonly target: string;
  readonly headers?: HeaderLines;
  readonly host?: string;
  readonly body?: Uint8Array | Readable;
}

/** A request as the listener would hand it over. */
export function wireRequest(parts: WireParts): WireRequest {
  const outcome = parseTarget(parts.target);
  if (!outcome.ok) throw new Error(`bad target ${parts.target}: ${outcome.reason}`);
  const body =
    parts.body instanceof Readable ? parts.body : Readable.from(parts.body === undefined ? [] : [parts.body]);
  return {
    method: parts.method,
    target: parts.target,
    path: outcome.target.path,
    query: outcome.target.query,
    headers: parts.headers ?? [],
    host: parts.host ?? 'gateway.example',
    connection: { peer: '127.0.0.1', secure: false, tlsVersion: undefined, listener: 'test' },
    body,
    receivedAt: 0,
    requestId: 'test',
  };
}

export function credential(accessKeyId: string, secretAccessKey: string, sessionToken?: string): Credential {
  return {
    accessKeyId,
    secretAccessKey: secret(secretAccessKey),
    ...(sessionToken === undefined ? {} : { sessionToken: secret(sessionToken) }),
  };
}

export function verifyContext(known: Credential, now: number, changes: Partial<VerifyContext> = {}): VerifyContext {
  return {
    credential: (id) => (id === known.accessKeyId ? known : undefined),
    candidateBuckets: () => [],
    addressing: { domains: [], cnames: {} },
    signatures: { ossV1: 'allow', sigV2: 'allow' },
    now,
    ...changes,
  };
}

/** A signed request to a store as it arrives there. */
export function arrived(request: SignedRequest, body?: Uint8Array): WireRequest {
  return wireRequest({
    method: request.method,
    target: request.query === '' ? request.path : `${request.path}?${request.query}`,
    headers: [...request.headers, ['host', request.host]],
    host: request.host,
    ...(body === undefined ? {} : { body }),
  });
}
