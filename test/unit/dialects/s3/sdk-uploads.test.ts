import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { S3Client } from '@aws-sdk/client-s3';
import {
  CreateMultipartUploadCommand,
  DeleteObjectsCommand,
  PutBucketEncryptionCommand,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { describe, expect, test } from 'vitest';
import { verifyS3 } from '../../../../src/dialects/s3/verification.ts';
import type { VerifiedRequest } from '../../../../src/dialects/dialect.ts';
import { credentialOf, readAll, refusalOfReading, verifyContext, wireRequest } from './signed-requests.ts';

interface Captured {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string | string[] | null>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

const secretAccessKey = randomBytes(30).toString('base64');
const sessionToken = randomBytes(20).toString('base64');
const content = randomBytes(40_000);

/** What the SDK would have sent, with the body as bytes. */
async function sentBy(
  send: (s3: S3Client) => Promise<unknown>,
): Promise<{ readonly request: Captured; readonly bytes: Buffer }> {
  const seen: { request: Captured; bytes: Buffer }[] = [];
  const s3 = new S3Client({
    endpoint: 'http://storage.localhost:9000',
    region: 'eu-test-1',
    credentials: { accessKeyId: 'CLIENT', secretAccessKey, sessionToken },
    maxAttempts: 1,
    requestHandler: {
      handle: async (request: Captured) => {
        const body = request.body;
        const bytes =
          body === undefined
            ? Buffer.alloc(0)
            : typeof body === 'string' || body instanceof Uint8Array
              ? Buffer.from(body)
              : await readAll(body as AsyncIterable<Uint8Array>);
        seen.push({ request, bytes });
        throw new Error('captured');
      },
    } as never,
  });
  await send(s3).catch((error: unknown) => {
    if (!(error instanceof Error) || error.message !== 'captured') throw error;
  });
  const [first] = seen;
  if (first === undefined) throw new Error('nothing was sent');
  return first;
}

function verify({ request }: { readonly request: Captured }, bytes: Buffer): VerifiedRequest {
  const query = Object.entries(request.query).map(([name, value]) =>
    value === null ? name : `${encodeURIComponent(name)}=${encodeURIComponent(String(value))}`,
  );
  const wire = wireRequest({
    method: request.method,
    target: request.path + (query.length === 0 ? '' : `?${query.join('&')}`),
    headers: request.headers,
    body: [bytes],
  });
  return verifyS3(wire, verifyContext(Date.now(), [credentialOf('CLIENT', secretAccessKey, sessionToken)]));
}

const target = { Bucket: 'bucket', Key: 'a b/ü.txt' };
const streamed = () => Readable.from([content.subarray(0, 10_000), content.subarray(10_000)]);

describe('what the JavaScript SDK sends', () => {
  test.each([
    ['a buffer', () => new PutObjectCommand({ ...target, Body: content, Metadata: { a: 'b' } })],
    [
      'a stream with a CRC32 trailer',
      () => new PutObjectCommand({ ...target, Body: streamed(), ContentLength: 40_000 }),
    ],
    [
      'a stream with a SHA256 trailer and a content encoding',
      () =>
        new PutObjectCommand({
          ...target,
          Body: streamed(),
          ContentLength: 40_000,
          ChecksumAlgorithm: 'SHA256',
          ContentEncoding: 'gzip',
          ServerSideEncryption: 'aws:kms',
        }),
    ],
    [
      'a part',
      () => new UploadPartCommand({ ...target, Body: streamed(), ContentLength: 40_000, UploadId: 'u', PartNumber: 1 }),
    ],
  ] as const)('%s is verified, decoded and checked', async (_name, command) => {
    const sent = await sentBy((s3) => s3.send(command() as PutObjectCommand));
    const { body, ...verified } = verify(sent, sent.bytes);
    expect(verified).toMatchObject({ bucket: 'bucket', key: target.Key, form: 'sigv4', accessKeyId: 'CLIENT' });
    expect(body.length).toBe(40_000);
    expect(await readAll(body.bytes)).toEqual(content);
    expect(body.checksum?.value()).toMatch(/^[A-Za-z0-9+/]+=*$/);
    const damaged = Buffer.from(sent.bytes);
    damaged[20_000] = (damaged[20_000] ?? 0) ^ 1;
    expect(['BadDigest', 'XAmzContentSHA256Mismatch']).toContain(
      (await refusalOfReading(verify(sent, damaged).body.bytes)).code,
    );
  });

  test('small XML bodies are verified with their checksums', async () => {
    for (const send of [
      (s3: S3Client) => s3.send(new DeleteObjectsCommand({ Bucket: 'bucket', Delete: { Objects: [{ Key: 'a' }] } })),
      (s3: S3Client) =>
        s3.send(
          new PutBucketEncryptionCommand({
            Bucket: 'bucket',
            ServerSideEncryptionConfiguration: {
              Rules: [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }],
            },
          }),
        ),
      (s3: S3Client) => s3.send(new CreateMultipartUploadCommand({ ...target, ChecksumAlgorithm: 'CRC32' })),
    ]) {
      const sent = await sentBy(send);
      const { body, bucket } = verify(sent, sent.bytes);
      expect(bucket).toBe('bucket');
      expect(await readAll(body.bytes)).toEqual(sent.bytes);
    }
  });
});
