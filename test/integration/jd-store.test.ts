import { randomBytes } from 'node:crypto';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListMultipartUploadsCommand,
  ListObjectsCommand,
  ListObjectsV2Command,
  ListPartsCommand,
  PutObjectCommand,
  PutObjectTaggingCommand,
  UploadPartCommand,
  UploadPartCopyCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startJdWorld, type JdWorld } from './jd-world.ts';
import { ossClient } from './oss-clients.ts';
import { awsClient } from './s3-clients.ts';
import type { Wiretap } from './wiretap.ts';

const MIB = 1024 * 1024;
const KMS = { ServerSideEncryption: 'aws:kms' };

let world: JdWorld;
let s3: S3Client;
let direct: S3Client;
let wire: Wiretap;
beforeAll(async () => {
  world = await startJdWorld();
  ({ s3, direct, wire } = world);
});
afterAll(() => world.close());
beforeEach(() => {
  wire.rewrite(undefined);
  wire.clear();
});

describe('S3 clients before a JD store', () => {
  test('every object operation works, and every answer tells what the store confirmed', async () => {
    const Bucket = 'set-objects';
    await s3.send(new CreateBucketCommand({ Bucket }));
    await s3.send(new HeadBucketCommand({ Bucket }));
    expect((await s3.send(new ListBucketsCommand({}))).Buckets?.map(({ Name }) => Name)).toContain(Bucket);
    const bytes = randomBytes(100_000);
    const put = await s3.send(
      new PutObjectCommand({ Bucket, Key: 'a b/ü', Body: bytes, Metadata: { m: 'v' }, ContentType: 'text/x' }),
    );
    expect(put).toMatchObject(KMS);
    const at = { Bucket, Key: 'a b/ü' };
    expect(await s3.send(new HeadObjectCommand(at))).toMatchObject({
      ...KMS,
      ContentLength: bytes.length,
      Metadata: { m: 'v' },
      ContentType: 'text/x',
    });
    const got = await s3.send(new GetObjectCommand(at));
    expect(got).toMatchObject(KMS);
    expect(Buffer.from(await got.Body!.transformToByteArray()).equals(bytes)).toBe(true);
    const range = await s3.send(new GetObjectCommand({ ...at, Range: 'bytes=7-16' }));
    expect(Buffer.from(await range.Body!.transformToByteArray()).equals(bytes.subarray(7, 17))).toBe(true);
    await expect(s3.send(new PutObjectCommand({ ...at, Body: 'x', IfNoneMatch: '*' }))).rejects.toMatchObject({
      $metadata: { httpStatusCode: expect.toSatisfy((status: number) => status === 412 || status === 501) },
    });
    expect(
      await s3.send(
        new CopyObjectCommand({
          Bucket,
          Key: 'copy',
          CopySource: encodeURI(`${Bucket}/a b/ü`),
          MetadataDirective: 'COPY',
        }),
      ),
    ).toMatchObject(KMS);

    const parts = { Bucket, Key: 'parts' };
    const { UploadId, ...created } = await s3.send(new CreateMultipartUploadCommand(parts));
    expect(created).toMatchObject(KMS);
    const body = randomBytes(5 * MIB);
    const one = await s3.send(new UploadPartCommand({ ...parts, UploadId, PartNumber: 1, Body: body }));
    const two = await s3.send(
      new UploadPartCopyCommand({
        ...parts,
        UploadId,
        PartNumber: 2,
        CopySource: `${Bucket}/copy`,
        CopySourceRange: 'bytes=0-99',
      }),
    );
    expect([one, two]).toMatchObject([KMS, KMS]);
    expect((await s3.send(new ListPartsCommand({ ...parts, UploadId }))).Parts?.map(({ Size }) => Size)).toEqual([
      body.length,
      100,
    ]);
    expect((await s3.send(new ListMultipartUploadsCommand({ Bucket }))).Uploads).toHaveLength(1);
    const done = await s3.send(
      new CompleteMultipartUploadCommand({
        ...parts,
        UploadId,
        MultipartUpload: {
          Parts: [
            { PartNumber: 1, ETag: one.ETag },
            { PartNumber: 2, ETag: two.CopyPartResult?.ETag },
          ],
        },
      }),
    );
    expect(done).toMatchObject(KMS);
    const whole = await s3.send(new GetObjectCommand(parts));
    expect(
      Buffer.from(await whole.Body!.transformToByteArray()).equals(Buffer.concat([body, bytes.subarray(0, 100)])),
    ).toBe(true);
    const other = await s3.send(new CreateMultipartUploadCommand(parts));
    await s3.send(new AbortMultipartUploadCommand({ ...parts, UploadId: other.UploadId }));

    const keys = ['a b/ü', 'copy', 'parts'];
    expect((await s3.send(new ListObjectsV2Command({ Bucket }))).Contents?.map(({ Key }) => Key)).toEqual(keys);
    expect((await s3.send(new ListObjectsCommand({ Bucket, Prefix: 'c' }))).Contents?.map(({ Key }) => Key)).toEqual([
      'copy',
    ]);
    await s3.send(new DeleteObjectCommand({ Bucket, Key: 'copy' }));
    const { Deleted } = await s3.send(
      new DeleteObjectsCommand({ Bucket, Delete: { Objects: [{ Key: 'a b/ü' }, { Key: 'parts' }] } }),
    );
    expect(Deleted).toHaveLength(2);
    await s3.send(new DeleteBucketCommand({ Bucket }));
    await expect(direct.send(new HeadBucketCommand({ Bucket }))).rejects.toMatchObject({
      $metadata: { httpStatusCode: 404 },
    });
  });

  test('no streaming signature reaches the store: each payload is a hash or unsigned', async () => {
    const Bucket = 'set-payloads';
    await s3.send(new CreateBucketCommand({ Bucket }));
    // Over TLS the SDK streams in chunks with a trailing checksum.
    await s3.send(new PutObjectCommand({ Bucket, Key: 'k', Body: randomBytes(300_000), ChecksumAlgorithm: 'CRC32' }));
    const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key: 'm' }));
    await s3.send(
      new UploadPartCommand({ Bucket, Key: 'm', UploadId, PartNumber: 1, Body: 'x', ChecksumAlgorithm: 'CRC32' }),
    );
    expect(wire.requests.length).toBeGreaterThan(5);
    for (const { headers, target } of wire.requests) {
      expect(headers['x-amz-content-sha256'], target).toMatch(/^([0-9a-f]{64}|UNSIGNED-PAYLOAD)$/);
      expect(headers['authorization'], target).toMatch(/^AWS4-HMAC-SHA256 .*\/cn-north-1\/s3\/aws4_request/);
      expect(headers['content-encoding'], target).toBeUndefined();
      expect(Object.keys(headers).filter((name) => /trailer|decoded|server-side/.test(name))).toEqual([]);
    }
  });

  test('what the store has no word for is refused before a byte is sent', async () => {
    const Bucket = 'verify-words';
    await s3.send(new CreateBucketCommand({ Bucket }));
    await world.setRule(Bucket);
    const at = { Bucket, Key: 'k' };
    await s3.send(new PutObjectCommand({ ...at, Body: 'x' }));
    wire.clear();
    for (const wish of [
      { ServerSideEncryption: 'AES256' },
      { ServerSideEncryption: 'aws:kms:dsse' },
      { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: 'orders' },
    ] as const)
      await expect(s3.send(new PutObjectCommand({ ...at, Body: 'y', ...wish }))).rejects.toMatchObject({
        $metadata: { httpStatusCode: 400 },
      });
    await expect(
      s3.send(new PutObjectTaggingCommand({ ...at, Tagging: { TagSet: [{ Key: 'a', Value: 'b' }] } })),
    ).rejects.toMatchObject({ name: 'NotImplemented' });
    expect(world.writes()).toEqual([]);
    expect(await s3.send(new PutObjectCommand({ ...at, Body: 'y', ServerSideEncryption: 'aws:kms' }))).toMatchObject(
      KMS,
    );
  });

  test('its encryption demands TLS from the client too, up and down', async () => {
    const Bucket = 'set-plain-http';
    await s3.send(new CreateBucketCommand({ Bucket }));
    await s3.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'x' }));
    const plain = awsClient(world.front);
    await expect(plain.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'y' }))).rejects.toMatchObject({
      name: 'AccessDenied',
    });
    await expect(plain.send(new GetObjectCommand({ Bucket, Key: 'k' }))).rejects.toMatchObject({
      name: 'AccessDenied',
    });
  });

  test('a copy from the embedded store lands under the bucket’s rule', async () => {
    await s3.send(new CreateBucketCommand({ Bucket: 'local-from' }));
    await s3.send(new PutObjectCommand({ Bucket: 'local-from', Key: 'k', Body: 'across' }));
    await s3.send(new CreateBucketCommand({ Bucket: 'set-across' }));
    const copy = await s3.send(
      new CopyObjectCommand({
        Bucket: 'set-across',
        Key: 'k',
        CopySource: 'local-from/k',
        TaggingDirective: 'REPLACE',
      }),
    );
    expect(copy).toMatchObject(KMS);
    const got = await s3.send(new GetObjectCommand({ Bucket: 'set-across', Key: 'k' }));
    expect(await got.Body!.transformToString()).toBe('across');
  });
});

test('a write with tags is refused, as the store would drop them', async () => {
  const Bucket = 'set-tags';
  await s3.send(new CreateBucketCommand({ Bucket }));
  await expect(s3.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'x', Tagging: 'a=b' }))).rejects.toMatchObject({
    name: 'NotImplemented',
    $metadata: { httpStatusCode: 501 },
  });
  expect(world.writes().filter((line) => line.includes('/k'))).toEqual([]);
});

test('an OSS client writes there in its own words, and in parts too small for the store', async () => {
  const Bucket = 'set-from-oss';
  await s3.send(new CreateBucketCommand({ Bucket }));
  const oss = ossClient(world.front, { bucket: Bucket, v4: true, secure: true });
  const KMS_OF_OSS = { 'x-oss-server-side-encryption': 'KMS' };
  expect((await oss.put('k', Buffer.from('x'))).res.headers).toMatchObject(KMS_OF_OSS);
  const bytes = randomBytes(350 * 1024);
  expect((await oss.multipartUpload('m', bytes, { partSize: 100 * 1024 })).res.headers).toMatchObject(KMS_OF_OSS);
  const got = await oss.get('m');
  expect(got.content.equals(bytes)).toBe(true);
  expect(got.res.headers).toMatchObject(KMS_OF_OSS);
  for (const { headers, target } of wire.requests)
    expect(headers['x-amz-content-sha256'], target).toMatch(/^([0-9a-f]{64}|UNSIGNED-PAYLOAD)$/);
  const { Contents } = await direct.send(new ListObjectsV2Command({ Bucket }));
  expect(Contents?.map(({ Key }) => Key)).toEqual(['k', 'm']);
  const plain = ossClient(world.front, { bucket: Bucket, v4: true });
  await expect(plain.put('k', Buffer.from('y'))).rejects.toMatchObject({ status: 403 });
});
