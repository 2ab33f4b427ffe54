import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { signS3 } from '../../../../src/dialects/s3/signature/sign.ts';
import { verifyS3 } from '../../../../src/dialects/s3/verification.ts';
import type { StoreTarget, UnsignedRequest } from '../../../../src/dialects/dialect.ts';
import { credentialOf, readAll, refusalOf, refusalOfReading, verifyContext, wireRequest } from './signed-requests.ts';

const NOW = Date.UTC(2026, 10, 21, 17, 0, 0);
const content = randomBytes(200_000);
const token = randomBytes(12).toString('hex');
const credential = credentialOf('STORE', randomBytes(30).toString('base64'), token);
const context = verifyContext(NOW, [credential]);

function targetOf(endpoint: string, payload: 'signed-chunks' | 'unsigned'): StoreTarget {
  return {
    endpoint,
    region: 'us-east-1',
    addressing: 'path',
    credential,
    capabilities: { payload } as StoreTarget['capabilities'],
  };
}

function requestOf(changes: Partial<UnsignedRequest> = {}): UnsignedRequest {
  return {
    method: 'PUT',
    path: '/bucket/a%20b/%C3%BC',
    query: 'partNumber=1&uploadId=u%2F',
    headers: [
      ['content-type', 'text/plain'],
      ['content-encoding', 'gzip'],
      ['x-amz-server-side-encryption', 'AES256'],
      ['x-amz-date', 'stale'],
      ['transfer-encoding', 'chunked'],
    ],
    body: streamOf([content.subarray(0, 3), content.subarray(3)]),
    host: 'store.example.com:9000',
    bucket: 'bucket',
    key: 'a b/ü',
    bodyLength: content.length,
    ...changes,
  };
}

/** Puts what was signed on the wire and lets the verifier, which others' signatures prove, read it. */
async function received(request: UnsignedRequest, target: StoreTarget) {
  const signed = signS3(request, target, NOW);
  const bytes =
    signed.body === undefined
      ? Buffer.alloc(0)
      : signed.body instanceof Uint8Array
        ? Buffer.from(signed.body)
        : await readAll(signed.body);
  const wire = wireRequest({
    method: signed.method,
    target: signed.query === '' ? signed.path : `${signed.path}?${signed.query}`,
    headers: [...signed.headers, ['host', signed.host]],
    body: [bytes],
  });
  const header = (name: string) => signed.headers.filter(([candidate]) => candidate === name).map(([, value]) => value);
  return { verified: verifyS3(wire, context), bytes, header };
}

describe('signing for a store', () => {
  test.each([
    ['https://store.example.com', 'signed-chunks'],
    ['https://store.example.com', 'unsigned'],
    ['http://store.example.com:9000', 'unsigned'],
  ] as const)('a stream to %s (%s) goes unsigned, with its length', async (endpoint, payload) => {
    const { verified, bytes, header } = await received(requestOf(), targetOf(endpoint, payload));
    expect(header('x-amz-content-sha256')).toEqual(['UNSIGNED-PAYLOAD']);
    expect(header('content-length')).toEqual(['200000']);
    expect(header('transfer-encoding')).toEqual([]);
    expect(header('x-amz-date')).toEqual(['20261121T170000Z']);
    expect(header('x-amz-security-token')).toEqual([token]);
    expect(bytes.equals(content)).toBe(true);
    expect(verified.key).toBe('a b/ü');
  });

  test('a stream over plain HTTP goes in signed chunks where the store takes them', async () => {
    const target = targetOf('http://store.example.com:9000', 'signed-chunks');
    const { verified, bytes, header } = await received(requestOf(), target);
    expect(header('x-amz-content-sha256')).toEqual(['STREAMING-AWS4-HMAC-SHA256-PAYLOAD']);
    expect(header('content-encoding')).toEqual(['aws-chunked,gzip']);
    expect(header('x-amz-decoded-content-length')).toEqual(['200000']);
    expect(header('content-length')).toEqual([String(bytes.length)]);
    expect((await readAll(verified.body.bytes)).equals(content)).toBe(true);
  });

  test('a stream that breaks never becomes a complete payload', async () => {
    const target = targetOf('http://store.example.com:9000', 'signed-chunks');
    const short = signS3(requestOf({ body: streamOf([content.subarray(1)]) }), target, NOW);
    expect((await refusalOfReading(short.body as AsyncIterable<Uint8Array>)).code).toBe('InternalError');
  });

  test('a digest known up front is signed, that of a buffer is computed', async () => {
    const sha256 = createHash('sha256').update(content).digest('hex');
    for (const changes of [{ bodySha256: sha256 }, { body: content, bodyLength: undefined }]) {
      const { verified, header } = await received(
        requestOf(changes),
        targetOf('http://store.example.com:9000', 'signed-chunks'),
      );
      expect(header('x-amz-content-sha256')).toEqual([sha256]);
      expect(header('content-length')).toEqual(['200000']);
      expect((await readAll(verified.body.bytes)).equals(content)).toBe(true);
    }
  });

  test('no body: a GET has no length, a PUT has 0', async () => {
    const target = targetOf('https://store.example.com', 'unsigned');
    const nothing = { body: undefined, bodyLength: undefined };
    expect((await received(requestOf({ ...nothing, method: 'GET' }), target)).header('content-length')).toEqual([]);
    expect((await received(requestOf(nothing), target)).header('content-length')).toEqual(['0']);
  });

  test('a path that would be signed in another spelling than sent is refused', () => {
    const target = targetOf('https://store.example.com', 'unsigned');
    for (const path of ['/bucket/a b', '/bucket/%c3%bc', '/bucket/a%2Fb', '/bucket/%zz', '/bucket/(x)'])
      expect(refusalOf(() => signS3(requestOf({ path }), target, NOW)).code).toBe('InternalError');
  });
});

async function* streamOf(chunks: Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  await Promise.resolve();
  yield* chunks;
}
