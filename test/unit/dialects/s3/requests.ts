import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { EncodeContext, SignatureForm, StoreTarget, VerifiedRequest } from '../../../../src/dialects/dialect.ts';
import { AWS_CAPABILITIES } from '../../../../src/dialects/s3/capabilities.ts';
import type { Body } from '../../../../src/model/body.ts';
import { secret } from '../../../../src/model/encryption.ts';
import { GatewayError } from '../../../../src/model/errors.ts';
import type { HeaderLines, QueryParameter, WireResponse } from '../../../../src/wire/message.ts';

export interface Sketch {
  readonly method: string;
  readonly bucket?: string;
  readonly key?: string;
  readonly query?: string;
  readonly headers?: HeaderLines;
  readonly body?: string;
  readonly secure?: boolean;
  readonly form?: SignatureForm;
}

/** A verified request as the signature room hands it on. */
export function verified(sketch: Sketch): VerifiedRequest {
  const path = `/${sketch.bucket ?? ''}${sketch.key === undefined ? '' : `/${sketch.key}`}`;
  const headers = sketch.headers ?? [];
  return {
    wire: {
      method: sketch.method,
      target: path,
      path,
      query: queryOf(sketch.query ?? ''),
      headers,
      host: 'storage.localhost',
      connection: { peer: '127.0.0.1', secure: sketch.secure ?? true, tlsVersion: undefined, listener: 'test' },
      body: Readable.from([]),
      receivedAt: 0,
      requestId: 'REQUEST',
    },
    accessKeyId: 'client',
    form: sketch.form ?? 'sigv4',
    bucket: sketch.bucket,
    key: sketch.key,
    body: bodyOf(sketch.body ?? '', headers),
  };
}

function queryOf(query: string): readonly QueryParameter[] {
  if (query === '') return [];
  return query.split('&').map((pair) => {
    const at = pair.indexOf('=');
    const rawName = at === -1 ? pair : pair.slice(0, at);
    const rawValue = at === -1 ? undefined : pair.slice(at + 1);
    return {
      rawName,
      rawValue,
      name: decodeURIComponent(rawName),
      value: rawValue === undefined ? undefined : decodeURIComponent(rawValue),
    };
  });
}

function bodyOf(text: string, headers: HeaderLines): Body {
  const bytes = Buffer.from(text, 'utf8');
  const md5 = headers.find(([name]) => name === 'content-md5')?.[1];
  return { bytes: stream(bytes), length: bytes.length, ...(md5 === undefined ? {} : { md5 }) };
}

export async function* stream(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  if (bytes.length > 0) yield bytes;
}

export const CONTEXT: EncodeContext = {
  requestId: 'REQUEST',
  now: 0,
  method: 'GET',
  bucket: 'bucket',
  resource: '/bucket/key',
  location: 'https://storage.localhost/bucket/key',
  owner: '123456789012',
  host: 'storage.localhost',
};

export const TARGET: StoreTarget = {
  endpoint: 'https://store.example',
  region: 'us-east-1',
  addressing: 'path',
  credential: { accessKeyId: 'store', secretAccessKey: secret('generated-in-test') },
  capabilities: AWS_CAPABILITIES,
};

/** The three headers of a customer's key. */
export function customerHeaders(prefix: string, key: Uint8Array): HeaderLines {
  return [
    [`${prefix}-algorithm`, 'AES256'],
    [`${prefix}-key`, Buffer.from(key).toString('base64')],
    [`${prefix}-key-md5`, createHash('md5').update(key).digest('base64')],
  ];
}

/** The error that a call throws, or a failure of the test. */
export async function refusal(call: () => unknown): Promise<GatewayError> {
  try {
    await call();
  } catch (error) {
    if (error instanceof GatewayError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

export async function textOf(response: WireResponse): Promise<string> {
  if (response.body === undefined) return '';
  if (response.body instanceof Uint8Array) return Buffer.from(response.body).toString('utf8');
  const chunks: Uint8Array[] = [];
  for await (const chunk of response.body) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}
