import { Readable } from 'node:stream';
import { secret } from '../../../../src/model/encryption.ts';
import { GatewayError } from '../../../../src/model/errors.ts';
import type { Credential, VerifyContext } from '../../../../src/dialects/dialect.ts';
import type { HeaderLines, WireRequest } from '../../../../src/wire/message.ts';
import { parseTarget } from '../../../../src/wire/target.ts';

/** A request as a listener would hand it over. */
export function wireRequest(parts: {
  readonly method?: string;
  readonly target: string;
  readonly headers: Readonly<Record<string, string>> | HeaderLines;
  readonly body?: Iterable<Uint8Array>;
  readonly now?: number;
}): WireRequest {
  const outcome = parseTarget(parts.target);
  if (!outcome.ok) throw new Error(`bad target: ${outcome.reason}`);
  const lines = Array.isArray(parts.headers) ? (parts.headers as HeaderLines) : Object.entries(parts.headers as object);
  const headers = lines.map(([name, value]) => [name.toLowerCase(), String(value)] as const);
  return {
    method: parts.method ?? 'GET',
    target: parts.target,
    ...outcome.target,
    headers,
    host: (headers.find(([name]) => name === 'host')?.[1] ?? '').toLowerCase(),
    connection: { peer: '127.0.0.1', secure: false, tlsVersion: undefined, listener: 'http' },
    body: Readable.from(parts.body ?? []),
    receivedAt: parts.now ?? 0,
    requestId: 'request',
  };
}

export function verifyContext(
  now: number,
  credentials: readonly Credential[],
  more: Partial<VerifyContext> = {},
): VerifyContext {
  return {
    credential: (id) => credentials.find((credential) => credential.accessKeyId === id),
    candidateBuckets: () => [],
    addressing: { domains: ['s3.amazonaws.com', 'storage.localhost'], cnames: {} },
    signatures: { ossV1: 'allow', sigV2: 'allow' },
    now,
    ...more,
  };
}

export function credentialOf(accessKeyId: string, secretAccessKey: string, sessionToken?: string): Credential {
  return {
    accessKeyId,
    secretAccessKey: secret(secretAccessKey),
    ...(sessionToken === undefined ? {} : { sessionToken: secret(sessionToken) }),
  };
}

/** What an action throws; anything but a GatewayError fails the test. */
export function refusalOf(action: () => unknown): GatewayError {
  try {
    action();
  } catch (error) {
    if (error instanceof GatewayError) return error;
    throw error;
  }
  throw new Error('it was accepted');
}

/** The same for what is thrown while a payload is read. */
export async function refusalOfReading(bytes: AsyncIterable<Uint8Array>): Promise<GatewayError> {
  try {
    await readAll(bytes);
  } catch (error) {
    if (error instanceof GatewayError) return error;
    throw error;
  }
  throw new Error('it was accepted');
}

export async function readAll(bytes: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of bytes) chunks.push(Uint8Array.from(chunk));
  return Buffer.concat(chunks);
}
