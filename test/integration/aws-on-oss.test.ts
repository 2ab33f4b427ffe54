import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteBucketCommand,
  DeleteBucketEncryptionCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  DeleteObjectTaggingCommand,
  GetBucketEncryptionCommand,
  GetBucketLocationCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListMultipartUploadsCommand,
  ListObjectsCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  ListPartsCommand,
  PutBucketEncryptionCommand,
  PutObjectCommand,
  PutObjectTaggingCommand,
  UploadPartCommand,
  UploadPartCopyCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startChain, type Chain } from './chained-gateways.ts';
import { ossClient } from './oss-clients.ts';
import { awsClient } from './s3-clients.ts';
import { slices } from './slices.ts';

const MIB = 1024 * 1024;
const KMS = { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: 'orders' };

let chain: Chain;
let s3: S3Client;
beforeAll(async () => {
  chain = await startChain();
  s3 = awsClient(chain.front);
  for (const kind of ['kms', 'managed', 'plain', 'open'])
    await s3.send(new CreateBucketCommand({ Bucket: `oss-${kind}` }));
});
afterAll(() => chain.close());

test('buckets', async () => {
  const { Buckets } = await s3.send(new ListBucketsCommand({}));
  expect(Buckets?.map(({ Name }) => Name)).toEqual(['oss-kms', 'oss-managed', 'oss-open', 'oss-plain']);
  await s3.send(new HeadBucketCommand({ Bucket: 'oss-kms' }));
  await s3.send(new GetBucketLocationCommand({ Bucket: 'oss-kms' }));
  await s3.send(new CreateBucketCommand({ Bucket: 'oss-short' }));
  await s3.send(new DeleteBucketCommand({ Bucket: 'oss-short' }));
  await expect(s3.send(new HeadBucketCommand({ Bucket: 'oss-short' }))).rejects.toMatchObject({
    $metadata: { httpStatusCode: 404 },
  });
});

test('put and get: buffer, stream, ranges, conditions, metadata', async () => {
  const bytes = randomBytes(300_000);
  for (const [key, body] of [
    ['Ordner/ä +ö', bytes],
    ['stream', Readable.from(slices(bytes, 16_001))],
  ] as const) {
    const put = await s3.send(
      new PutObjectCommand({
        Bucket: 'oss-kms',
        Key: key,
        Body: body,
        ContentLength: bytes.length,
        ContentType: 'text/x',
        CacheControl: 'no-cache',
        Metadata: { colour: 'blue' },
      }),
    );
    expect(put).toMatchObject(KMS);
    const got = await s3.send(new GetObjectCommand({ Bucket: 'oss-kms', Key: key }));
    expect(Buffer.from(await got.Body!.transformToByteArray()).equals(bytes)).toBe(true);
    expect(got).toMatchObject({
      ...KMS,
      ETag: put.ETag,
      ContentType: 'text/x',
      CacheControl: 'no-cache',
      Metadata: { colour: 'blue' },
    });
  }
  const at = { Bucket: 'oss-kms', Key: 'stream' };
  for (const [Range, from, to] of [
    ['bytes=16383-16385', 16383, 16386],
    ['bytes=299990-400000', 299_990, 300_000],
    ['bytes=-10', 299_990, 300_000],
  ] as const) {
    const part = await s3.send(new GetObjectCommand({ ...at, Range }));
    expect(part.ContentRange).toBe(`bytes ${from}-${to - 1}/300000`);
    expect(Buffer.from(await part.Body!.transformToByteArray()).equals(bytes.subarray(from, to))).toBe(true);
  }
  await expect(s3.send(new GetObjectCommand({ ...at, Range: 'bytes=300000-' }))).rejects.toMatchObject({
    name: 'InvalidRange',
  });
  const head = await s3.send(new HeadObjectCommand(at));
  expect(head).toMatchObject({ ...KMS, ContentLength: 300_000 });
  await expect(s3.send(new GetObjectCommand({ ...at, IfMatch: '"other"' }))).rejects.toMatchObject({
    name: 'PreconditionFailed',
  });
  await expect(s3.send(new GetObjectCommand({ ...at, IfNoneMatch: head.ETag }))).rejects.toMatchObject({
    $metadata: { httpStatusCode: 304 },
  });
  await expect(s3.send(new PutObjectCommand({ ...at, Body: 'x', IfNoneMatch: '*' }))).rejects.toMatchObject({
    name: 'PreconditionFailed',
  });
  const md5 = createHash('md5').update('hello').digest('hex');
  const managed = await s3.send(new PutObjectCommand({ Bucket: 'oss-managed', Key: 'e', Body: 'hello' }));
  expect(managed).toMatchObject({ ServerSideEncryption: 'AES256', ETag: `"${md5}"` });
  await expect(s3.send(new GetObjectCommand({ ...at, Key: 'missing' }))).rejects.toMatchObject({ name: 'NoSuchKey' });
});

test('a checksum that does not hold is refused, and nothing is stored', async () => {
  await expect(
    s3.send(new PutObjectCommand({ Bucket: 'oss-kms', Key: 'bad', Body: 'x', ContentMD5: 'AAAAAAAAAAAAAAAAAAAAAA==' })),
  ).rejects.toMatchObject({ name: 'BadDigest' });
  await expect(
    s3.send(new PutObjectCommand({ Bucket: 'oss-kms', Key: 'bad', Body: 'x', ChecksumCRC32: 'AAAAAA==' })),
  ).rejects.toMatchObject({ name: expect.stringMatching(/BadDigest|InvalidRequest/) });
  await expect(s3.send(new HeadObjectCommand({ Bucket: 'oss-kms', Key: 'bad' }))).rejects.toMatchObject({
    name: 'NotFound',
  });
});

test('lib-storage uploads in parts, of a stream too', async () => {
  const bytes = randomBytes(11 * MIB + 17);
  const done = await new Upload({
    client: s3,
    params: { Bucket: 'oss-kms', Key: 'big', Body: Readable.from(slices(bytes, 100_003)) },
    partSize: 5 * MIB,
    queueSize: 2,
  }).done();
  expect(done).toMatchObject(KMS);
  expect(done.ETag).toMatch(/-3"$/);
  const whole = await s3.send(new GetObjectCommand({ Bucket: 'oss-kms', Key: 'big' }));
  expect(whole).toMatchObject({ ...KMS, ETag: done.ETag });
  expect(Buffer.from(await whole.Body!.transformToByteArray()).equals(bytes)).toBe(true);
});

test('multipart by hand: list, replace a part, copy a part, complete, abort', async () => {
  const at = { Bucket: 'oss-managed', Key: 'parts' };
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand(at));
  const one = randomBytes(5 * MIB);
  await s3.send(new UploadPartCommand({ ...at, UploadId, PartNumber: 1, Body: randomBytes(5 * MIB) }));
  const first = await s3.send(new UploadPartCommand({ ...at, UploadId, PartNumber: 1, Body: one }));
  expect(first.ServerSideEncryption).toBe('AES256');
  await s3.send(new PutObjectCommand({ Bucket: 'oss-kms', Key: 'source', Body: 'the source of a part' }));
  const second = await s3.send(
    new UploadPartCopyCommand({
      ...at,
      UploadId,
      PartNumber: 2,
      CopySource: 'oss-kms/source',
      CopySourceRange: 'bytes=4-9',
    }),
  );
  const listed = await s3.send(new ListPartsCommand({ ...at, UploadId }));
  expect(listed.Parts?.map(({ PartNumber, Size }) => [PartNumber, Size])).toEqual([
    [1, 5 * MIB],
    [2, 6],
  ]);
  const { Uploads } = await s3.send(new ListMultipartUploadsCommand({ Bucket: at.Bucket }));
  expect(Uploads?.map(({ Key }) => Key)).toEqual(['parts']);
  const Parts = [
    { PartNumber: 1, ETag: first.ETag },
    { PartNumber: 2, ETag: second.CopyPartResult?.ETag },
  ];
  const done = await s3.send(new CompleteMultipartUploadCommand({ ...at, UploadId, MultipartUpload: { Parts } }));
  expect(done.ServerSideEncryption).toBe('AES256');
  const got = await s3.send(new GetObjectCommand(at));
  expect(Buffer.from(await got.Body!.transformToByteArray()).equals(Buffer.concat([one, Buffer.from('source')]))).toBe(
    true,
  );
  const again = await s3.send(new CreateMultipartUploadCommand(at));
  await s3.send(new AbortMultipartUploadCommand({ ...at, UploadId: again.UploadId }));
  await expect(s3.send(new ListPartsCommand({ ...at, UploadId: again.UploadId }))).rejects.toMatchObject({
    name: 'NoSuchUpload',
  });
});

test('parts of the client`s size stand as they are: OSS takes them from 100 KiB on', async () => {
  const at = { Bucket: 'oss-managed', Key: 'small-parts' };
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand(at));
  const Parts: { PartNumber: number; ETag: string | undefined }[] = [];
  for (const PartNumber of [1, 2]) {
    const { ETag } = await s3.send(
      new UploadPartCommand({ ...at, UploadId, PartNumber, Body: randomBytes(200 * 1024) }),
    );
    Parts.push({ PartNumber, ETag });
  }
  const done = await s3.send(new CompleteMultipartUploadCommand({ ...at, UploadId, MultipartUpload: { Parts } }));
  expect(done).toMatchObject({ ServerSideEncryption: 'AES256', ETag: expect.stringMatching(/-2"$/) });
});

test('copies take the encryption of their target', async () => {
  await s3.send(
    new PutObjectCommand({ Bucket: 'oss-kms', Key: 'c', Body: 'copied', Metadata: { m: '1' }, Tagging: 'k=v' }),
  );
  const managed = await s3.send(new CopyObjectCommand({ Bucket: 'oss-managed', Key: 'c', CopySource: 'oss-kms/c' }));
  expect(managed.ServerSideEncryption).toBe('AES256');
  expect((await s3.send(new GetObjectTaggingCommand({ Bucket: 'oss-managed', Key: 'c' }))).TagSet).toEqual([
    { Key: 'k', Value: 'v' },
  ]);
  const plain = await s3.send(
    new CopyObjectCommand({
      Bucket: 'oss-plain',
      Key: 'c',
      CopySource: 'oss-kms/c',
      MetadataDirective: 'REPLACE',
      Metadata: { n: '2' },
    }),
  );
  expect(plain.ServerSideEncryption).toBeUndefined();
  const got = await s3.send(new GetObjectCommand({ Bucket: 'oss-plain', Key: 'c' }));
  expect([got.Metadata, await got.Body!.transformToString()]).toEqual([{ n: '2' }, 'copied']);
  await expect(
    s3.send(new CopyObjectCommand({ Bucket: 'oss-managed', Key: 'c2', CopySource: 'oss-kms/missing' })),
  ).rejects.toMatchObject({ name: 'NoSuchKey' });
});

test('lists: both versions, versions, delimiter, pages; deletes', async () => {
  const keys = ['a/1', 'a/2', 'b', 'c d+e', 'ü/ñ'];
  for (const key of keys) await s3.send(new PutObjectCommand({ Bucket: 'oss-plain', Key: `l/${key}`, Body: key }));
  const names = keys.map((key) => `l/${key}`);
  const v2 = await s3.send(new ListObjectsV2Command({ Bucket: 'oss-plain', Prefix: 'l/' }));
  expect(v2.Contents?.map(({ Key }) => Key)).toEqual(names);
  expect(v2.Contents?.every(({ StorageClass }) => StorageClass === 'STANDARD')).toBe(true);
  const seen: (string | undefined)[] = [];
  let ContinuationToken: string | undefined;
  do {
    const page = await s3.send(
      new ListObjectsV2Command({ Bucket: 'oss-plain', Prefix: 'l/', MaxKeys: 2, ContinuationToken }),
    );
    seen.push(...(page.Contents ?? []).map(({ Key }) => Key));
    ContinuationToken = page.NextContinuationToken;
  } while (ContinuationToken !== undefined);
  expect(seen).toEqual(names);
  const folders = await s3.send(new ListObjectsV2Command({ Bucket: 'oss-plain', Prefix: 'l/', Delimiter: '/' }));
  expect(folders.CommonPrefixes).toEqual([{ Prefix: 'l/a/' }, { Prefix: 'l/ü/' }]);
  const v1 = await s3.send(new ListObjectsCommand({ Bucket: 'oss-plain', Prefix: 'l/a/', EncodingType: 'url' }));
  expect(v1.Contents?.map(({ Key }) => Key)).toEqual(['l/a/1', 'l/a/2']);
  const versions = await s3.send(new ListObjectVersionsCommand({ Bucket: 'oss-plain', Prefix: 'l/' }));
  expect(versions.Versions?.map(({ Key, VersionId }) => [Key, VersionId])).toEqual(names.map((key) => [key, 'null']));
  const { Deleted, Errors } = await s3.send(
    new DeleteObjectsCommand({ Bucket: 'oss-plain', Delete: { Objects: names.map((Key) => ({ Key })) } }),
  );
  expect([Deleted?.length, Errors ?? []]).toEqual([names.length, []]);
  await s3.send(new DeleteObjectCommand({ Bucket: 'oss-plain', Key: 'nothing' }));
  expect((await s3.send(new ListObjectsV2Command({ Bucket: 'oss-plain', Prefix: 'l/' }))).KeyCount).toBe(0);
});

test('tags', async () => {
  const at = { Bucket: 'oss-kms', Key: 't' };
  await s3.send(new PutObjectCommand({ ...at, Body: 'x', Tagging: 'a=1&b=two' }));
  expect((await s3.send(new GetObjectTaggingCommand(at))).TagSet).toEqual([
    { Key: 'a', Value: '1' },
    { Key: 'b', Value: 'two' },
  ]);
  await s3.send(new PutObjectTaggingCommand({ ...at, Tagging: { TagSet: [{ Key: 'c', Value: '3' }] } }));
  expect((await s3.send(new GetObjectTaggingCommand(at))).TagSet).toEqual([{ Key: 'c', Value: '3' }]);
  await s3.send(new DeleteObjectTaggingCommand(at));
  expect((await s3.send(new GetObjectTaggingCommand(at))).TagSet).toEqual([]);
});

test('presigned URLs', async () => {
  const at = { Bucket: 'oss-kms', Key: 'presigned' };
  const put = await getSignedUrl(s3, new PutObjectCommand(at), { expiresIn: 60 });
  const stored = await fetch(put, { method: 'PUT', body: 'by url' });
  expect([stored.status, stored.headers.get('x-amz-server-side-encryption')]).toEqual([200, 'aws:kms']);
  const get = await getSignedUrl(s3, new GetObjectCommand(at), { expiresIn: 60 });
  expect(await (await fetch(get)).text()).toBe('by url');
  expect((await fetch(get.replace('presigned', 'big'))).status).toBe(403);
});

test('encryption: wishes, what OSS cannot say, the rule of a bucket', async () => {
  const put = (Bucket: string, wish: object) => s3.send(new PutObjectCommand({ Bucket, Key: 'w', Body: 'x', ...wish }));
  expect(await put('oss-managed', KMS)).toMatchObject(KMS);
  expect(await put('oss-open', { ServerSideEncryption: 'AES256' })).toMatchObject({ ServerSideEncryption: 'AES256' });
  expect(await put('oss-open', { ServerSideEncryption: 'aws:kms' })).toMatchObject({ ServerSideEncryption: 'aws:kms' });
  await expect(put('oss-open', { ServerSideEncryption: 'aws:kms:dsse', SSEKMSKeyId: 'orders' })).rejects.toMatchObject({
    name: 'InvalidArgument',
    message: expect.stringMatching(/s3 client .*two layers.* speaks oss/),
  });
  const key = randomBytes(32);
  const customer = {
    SSECustomerAlgorithm: 'AES256',
    SSECustomerKey: key.toString('base64'),
    SSECustomerKeyMD5: createHash('md5').update(key).digest('base64'),
  };
  const secure = awsClient(chain.front, { secure: true });
  await expect(
    secure.send(new PutObjectCommand({ Bucket: 'oss-managed', Key: 'c', Body: 'x', ...customer })),
  ).rejects.toMatchObject({ message: expect.stringMatching(/customer's key.* speaks oss/) });
  const rule = (SSEAlgorithm: 'aws:kms' | 'AES256', KMSMasterKeyID?: string) => ({
    Bucket: 'oss-open',
    ServerSideEncryptionConfiguration: {
      Rules: [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm, KMSMasterKeyID } }],
    },
  });
  await s3.send(new PutBucketEncryptionCommand(rule('aws:kms', 'archive')));
  const { ServerSideEncryptionConfiguration } = await s3.send(new GetBucketEncryptionCommand({ Bucket: 'oss-open' }));
  expect(ServerSideEncryptionConfiguration?.Rules?.[0]?.ApplyServerSideEncryptionByDefault).toEqual({
    SSEAlgorithm: 'aws:kms',
    KMSMasterKeyID: 'archive',
  });
  expect(await put('oss-open', {})).toMatchObject({ ServerSideEncryption: 'aws:kms', SSEKMSKeyId: 'archive' });
  const through = await ossClient(chain.upstream, { bucket: 'oss-open' }).getBucketEncryption('oss-open');
  expect(through.encryption).toMatchObject({ SSEAlgorithm: 'KMS', KMSMasterKeyID: 'cmk-archive' });
  await s3.send(new DeleteBucketEncryptionCommand({ Bucket: 'oss-open' }));
  expect((await put('oss-open', {})).ServerSideEncryption).toBeUndefined();
});
