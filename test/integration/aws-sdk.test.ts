import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  DeleteObjectTaggingCommand,
  GetBucketAclCommand,
  GetBucketEncryptionCommand,
  GetBucketLocationCommand,
  GetBucketVersioningCommand,
  GetObjectAclCommand,
  GetObjectAttributesCommand,
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
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGateway, type TestGateway } from './gateway.ts';
import { awsClient } from './s3-clients.ts';

const MIB = 1024 * 1024;

describe.each(['http', 'https'] as const)('aws-sdk-js over %s on the embedded store', (scheme) => {
  let gateway: TestGateway;
  let s3: S3Client;
  beforeAll(async () => {
    gateway = await startGateway({
      policy: {
        version: 1,
        keys: { orders: {}, archive: {} },
        buckets: [
          { match: 'kms-*', store: 'local', encryption: { default: { kms: 'orders' } } },
          { match: 'plain-*', store: 'local', encryption: { default: 'none', accept: ['customer'] } },
          { match: 'store-*', store: 'local', encryption: { default: 'store' } },
          {
            match: '*',
            store: 'local',
            encryption: { default: 'managed', accept: ['managed', { kms: 'orders' }, 'customer'] },
          },
        ],
      },
    });
    s3 = awsClient(gateway, { secure: scheme === 'https' });
    for (const bucket of ['kms-bucket', 'plain-bucket', 'store-bucket', 'managed-bucket'])
      await s3.send(new CreateBucketCommand({ Bucket: bucket }));
  });
  afterAll(() => gateway.close());

  test('buckets: list, head, location, acl, versioning', async () => {
    const { Buckets } = await s3.send(new ListBucketsCommand({}));
    expect(Buckets?.map(({ Name }) => Name)).toEqual(['kms-bucket', 'managed-bucket', 'plain-bucket', 'store-bucket']);
    await s3.send(new HeadBucketCommand({ Bucket: 'kms-bucket' }));
    await s3.send(new GetBucketLocationCommand({ Bucket: 'kms-bucket' }));
    const acl = await s3.send(new GetBucketAclCommand({ Bucket: 'kms-bucket' }));
    expect(acl.Grants).toHaveLength(1);
    expect((await s3.send(new GetBucketVersioningCommand({ Bucket: 'kms-bucket' }))).Status).toBeUndefined();
    await s3.send(new CreateBucketCommand({ Bucket: 'short-lived' }));
    await s3.send(new DeleteBucketCommand({ Bucket: 'short-lived' }));
    await expect(s3.send(new HeadBucketCommand({ Bucket: 'short-lived' }))).rejects.toMatchObject({
      $metadata: { httpStatusCode: 404 },
    });
  });

  test('tags inside CreateBucket are a 400 from which Terraform’s provider falls back, and no bucket is left', async () => {
    const Bucket = 'tagged-at-birth';
    await expect(
      s3.send(
        new CreateBucketCommand({ Bucket, CreateBucketConfiguration: { Tags: [{ Key: 'team', Value: 'orders' }] } }),
      ),
    ).rejects.toMatchObject({ name: 'UnsupportedArgument', $metadata: { httpStatusCode: 400 } });
    await expect(s3.send(new HeadBucketCommand({ Bucket }))).rejects.toMatchObject({ name: 'NotFound' });
  });

  test('put and get: buffer, stream of known length, stream of unknown length', async () => {
    const bytes = randomBytes(300_000);
    const bodies = {
      buffer: bytes,
      stream: Readable.from(slices(bytes, 16_001)),
    };
    for (const [key, body] of Object.entries(bodies)) {
      await s3.send(
        new PutObjectCommand({
          Bucket: 'kms-bucket',
          Key: key,
          Body: body,
          ContentLength: bytes.length,
          Metadata: { colour: 'blue' },
          ContentType: 'text/x',
        }),
      );
      const got = await s3.send(new GetObjectCommand({ Bucket: 'kms-bucket', Key: key }));
      expect(Buffer.from(await got.Body!.transformToByteArray()).equals(bytes)).toBe(true);
      expect(got).toMatchObject({
        ServerSideEncryption: 'aws:kms',
        SSEKMSKeyId: 'orders',
        Metadata: { colour: 'blue' },
        ContentType: 'text/x',
        ContentLength: bytes.length,
      });
    }
  });

  test('ETags: MD5 under managed, opaque under KMS', async () => {
    const md5 = createHash('md5').update('hello').digest('hex');
    const managed = await s3.send(new PutObjectCommand({ Bucket: 'managed-bucket', Key: 'e', Body: 'hello' }));
    expect(managed).toMatchObject({ ETag: `"${md5}"`, ServerSideEncryption: 'AES256' });
    const kms = await s3.send(new PutObjectCommand({ Bucket: 'kms-bucket', Key: 'e', Body: 'hello' }));
    expect(kms.ETag).toMatch(/^"[0-9a-f]{32}"$/);
    expect(kms.ETag).not.toBe(`"${md5}"`);
    expect(gateway.bytesAtRest().includes(md5)).toBe(false);
  });

  test('ranges and conditions', async () => {
    const bytes = randomBytes(100_000);
    const { ETag } = await s3.send(new PutObjectCommand({ Bucket: 'kms-bucket', Key: 'r', Body: bytes }));
    for (const [range, from, to] of [
      ['bytes=0-0', 0, 1],
      ['bytes=16383-16385', 16383, 16386],
      ['bytes=99990-', 99990, 100_000],
      ['bytes=-10', 99990, 100_000],
    ] as const) {
      const got = await s3.send(new GetObjectCommand({ Bucket: 'kms-bucket', Key: 'r', Range: range }));
      expect(got.$metadata.httpStatusCode).toBe(206);
      expect(got.ContentRange).toBe(`bytes ${from}-${to - 1}/100000`);
      expect(Buffer.from(await got.Body!.transformToByteArray()).equals(bytes.subarray(from, to))).toBe(true);
    }
    await expect(
      s3.send(new GetObjectCommand({ Bucket: 'kms-bucket', Key: 'r', Range: 'bytes=100000-' })),
    ).rejects.toMatchObject({ name: 'InvalidRange' });
    await expect(
      s3.send(new GetObjectCommand({ Bucket: 'kms-bucket', Key: 'r', IfMatch: '"other"' })),
    ).rejects.toMatchObject({ name: 'PreconditionFailed' });
    await expect(
      s3.send(new GetObjectCommand({ Bucket: 'kms-bucket', Key: 'r', IfNoneMatch: ETag })),
    ).rejects.toMatchObject({ $metadata: { httpStatusCode: 304 } });
    await expect(
      s3.send(new PutObjectCommand({ Bucket: 'kms-bucket', Key: 'r', Body: 'x', IfNoneMatch: '*' })),
    ).rejects.toMatchObject({ name: 'PreconditionFailed' });
    const got = await s3.send(
      new GetObjectCommand({
        Bucket: 'kms-bucket',
        Key: 'r',
        ResponseContentType: 'a/b',
        ResponseCacheControl: 'no-cache',
      }),
    );
    expect(got).toMatchObject({ ContentType: 'a/b', CacheControl: 'no-cache' });
    await got.Body!.transformToByteArray();
  });

  test.each(['CRC32', 'CRC32C', 'CRC64NVME', 'SHA1', 'SHA256'] as const)(
    'checksum %s is verified, stored and answered',
    async (algorithm) => {
      const put = await s3.send(
        new PutObjectCommand({
          Bucket: 'kms-bucket',
          Key: `sum-${algorithm}`,
          Body: 'checksummed',
          ChecksumAlgorithm: algorithm,
        }),
      );
      const name = `Checksum${algorithm}` as const;
      expect(put[name]).toBeTruthy();
      const head = await s3.send(
        new HeadObjectCommand({ Bucket: 'kms-bucket', Key: `sum-${algorithm}`, ChecksumMode: 'ENABLED' }),
      );
      expect(head[name]).toBe(put[name]);
      const attributes = await s3.send(
        new GetObjectAttributesCommand({
          Bucket: 'kms-bucket',
          Key: `sum-${algorithm}`,
          ObjectAttributes: ['Checksum', 'ETag', 'ObjectSize', 'StorageClass'],
        }),
      );
      expect(attributes).toMatchObject({ ObjectSize: 11, Checksum: { [name]: put[name] } });
    },
  );

  test('lists: v1, v2, versions, delimiter, pages, encoding', async () => {
    const keys = ['a/1', 'a/2', 'b', 'c d+e', 'ü/ñ'];
    for (const Key of keys) await s3.send(new PutObjectCommand({ Bucket: 'plain-bucket', Key, Body: Key }));
    const v2 = await s3.send(new ListObjectsV2Command({ Bucket: 'plain-bucket' }));
    expect(v2.Contents?.map(({ Key }) => Key)).toEqual(keys);
    const first = await s3.send(new ListObjectsV2Command({ Bucket: 'plain-bucket', MaxKeys: 2, Delimiter: '/' }));
    expect(first.CommonPrefixes).toEqual([{ Prefix: 'a/' }]);
    expect(first.Contents?.map(({ Key }) => Key)).toEqual(['b']);
    const second = await s3.send(
      new ListObjectsV2Command({
        Bucket: 'plain-bucket',
        MaxKeys: 2,
        Delimiter: '/',
        ContinuationToken: first.NextContinuationToken,
      }),
    );
    expect(second.Contents?.map(({ Key }) => Key)).toEqual(['c d+e']);
    expect(second.CommonPrefixes).toEqual([{ Prefix: 'ü/' }]);
    expect(second.IsTruncated).toBe(false);
    const v1 = await s3.send(new ListObjectsCommand({ Bucket: 'plain-bucket', Prefix: 'a/', EncodingType: 'url' }));
    expect(v1.Contents?.map(({ Key }) => Key)).toEqual(['a/1', 'a/2']);
    const versions = await s3.send(new ListObjectVersionsCommand({ Bucket: 'plain-bucket' }));
    expect(versions.Versions?.map(({ Key, VersionId }) => [Key, VersionId])).toEqual(keys.map((key) => [key, 'null']));
    expect(
      (await s3.send(new HeadObjectCommand({ Bucket: 'plain-bucket', Key: 'b' }))).ServerSideEncryption,
    ).toBeUndefined();
    const { Deleted, Errors } = await s3.send(
      new DeleteObjectsCommand({ Bucket: 'plain-bucket', Delete: { Objects: keys.map((Key) => ({ Key })) } }),
    );
    expect(Deleted).toHaveLength(keys.length);
    expect(Errors ?? []).toEqual([]);
    expect((await s3.send(new ListObjectsV2Command({ Bucket: 'plain-bucket' }))).KeyCount).toBe(0);
  });

  test('tags and ACL', async () => {
    await s3.send(new PutObjectCommand({ Bucket: 'kms-bucket', Key: 't', Body: 'x', Tagging: 'a=1&b=two' }));
    expect((await s3.send(new GetObjectTaggingCommand({ Bucket: 'kms-bucket', Key: 't' }))).TagSet).toEqual([
      { Key: 'a', Value: '1' },
      { Key: 'b', Value: 'two' },
    ]);
    await s3.send(
      new PutObjectTaggingCommand({ Bucket: 'kms-bucket', Key: 't', Tagging: { TagSet: [{ Key: 'c', Value: '3' }] } }),
    );
    expect((await s3.send(new GetObjectTaggingCommand({ Bucket: 'kms-bucket', Key: 't' }))).TagSet).toEqual([
      { Key: 'c', Value: '3' },
    ]);
    await s3.send(new DeleteObjectTaggingCommand({ Bucket: 'kms-bucket', Key: 't' }));
    expect((await s3.send(new GetObjectTaggingCommand({ Bucket: 'kms-bucket', Key: 't' }))).TagSet).toEqual([]);
    expect((await s3.send(new GetObjectAclCommand({ Bucket: 'kms-bucket', Key: 't' }))).Grants).toHaveLength(1);
  });

  test('lib-storage uploads in parts, and ranges cross parts', async () => {
    const bytes = randomBytes(12 * MIB + 17);
    const done = await new Upload({
      client: s3,
      params: { Bucket: 'kms-bucket', Key: 'big', Body: Readable.from(slices(bytes, 100_003)) },
      partSize: 5 * MIB,
      queueSize: 2,
    }).done();
    expect(done).toMatchObject({ ServerSideEncryption: 'aws:kms', SSEKMSKeyId: 'orders' });
    expect(done.ETag).toMatch(/^"[0-9a-f]{32}-3"$/);
    const range = await s3.send(
      new GetObjectCommand({ Bucket: 'kms-bucket', Key: 'big', Range: `bytes=${5 * MIB - 3}-${5 * MIB + 2}` }),
    );
    expect(Buffer.from(await range.Body!.transformToByteArray()).equals(bytes.subarray(5 * MIB - 3, 5 * MIB + 3))).toBe(
      true,
    );
    const whole = await s3.send(new GetObjectCommand({ Bucket: 'kms-bucket', Key: 'big' }));
    expect(Buffer.from(await whole.Body!.transformToByteArray()).equals(bytes)).toBe(true);
    const part = await s3.send(new GetObjectCommand({ Bucket: 'kms-bucket', Key: 'big', PartNumber: 3 }));
    expect(part).toMatchObject({ PartsCount: 3, ContentLength: 2 * MIB + 17 });
    await part.Body!.transformToByteArray();
  });

  test('multipart by hand: list, replace a part, copy a part, abort', async () => {
    const at = { Bucket: 'managed-bucket', Key: 'parts' };
    const { UploadId, ServerSideEncryption } = await s3.send(new CreateMultipartUploadCommand(at));
    expect(ServerSideEncryption).toBe('AES256');
    const one = randomBytes(5 * MIB);
    await s3.send(new UploadPartCommand({ ...at, UploadId, PartNumber: 1, Body: randomBytes(5 * MIB) }));
    const first = await s3.send(new UploadPartCommand({ ...at, UploadId, PartNumber: 1, Body: one }));
    expect(first.ServerSideEncryption).toBe('AES256');
    await s3.send(new PutObjectCommand({ Bucket: 'kms-bucket', Key: 'source', Body: 'the source of a part' }));
    const second = await s3.send(
      new UploadPartCopyCommand({
        ...at,
        UploadId,
        PartNumber: 2,
        CopySource: 'kms-bucket/source',
        CopySourceRange: 'bytes=4-9',
      }),
    );
    const listed = await s3.send(new ListPartsCommand({ ...at, UploadId }));
    expect(listed.Parts?.map(({ PartNumber, Size }) => [PartNumber, Size])).toEqual([
      [1, 5 * MIB],
      [2, 6],
    ]);
    expect(
      (await s3.send(new ListMultipartUploadsCommand({ Bucket: at.Bucket }))).Uploads?.map(({ Key }) => Key),
    ).toEqual(['parts']);
    const parts = [
      { PartNumber: 1, ETag: first.ETag },
      { PartNumber: 2, ETag: second.CopyPartResult?.ETag },
    ];
    await expect(
      s3.send(
        new CompleteMultipartUploadCommand({ ...at, UploadId, MultipartUpload: { Parts: [...parts].reverse() } }),
      ),
    ).rejects.toMatchObject({ name: 'InvalidPartOrder' });
    const complete = new CompleteMultipartUploadCommand({ ...at, UploadId, MultipartUpload: { Parts: parts } });
    const done = await s3.send(complete);
    expect(done.ServerSideEncryption).toBe('AES256');
    expect((await s3.send(complete)).ETag).toBe(done.ETag);
    const got = await s3.send(new GetObjectCommand(at));
    expect(
      Buffer.from(await got.Body!.transformToByteArray()).equals(Buffer.concat([one, Buffer.from('source')])),
    ).toBe(true);
    const second2 = await s3.send(new CreateMultipartUploadCommand(at));
    await s3.send(new AbortMultipartUploadCommand({ ...at, UploadId: second2.UploadId }));
    await expect(s3.send(new ListPartsCommand({ ...at, UploadId: second2.UploadId }))).rejects.toMatchObject({
      name: 'NoSuchUpload',
    });
  });

  test('a copy takes the encryption of its target, never of its source', async () => {
    await s3.send(
      new PutObjectCommand({ Bucket: 'kms-bucket', Key: 'c', Body: 'copied', Metadata: { m: '1' }, Tagging: 'k=v' }),
    );
    const managed = await s3.send(
      new CopyObjectCommand({ Bucket: 'managed-bucket', Key: 'c', CopySource: '/kms-bucket/c' }),
    );
    expect(managed).toMatchObject({ ServerSideEncryption: 'AES256' });
    const plain = await s3.send(
      new CopyObjectCommand({
        Bucket: 'plain-bucket',
        Key: 'c',
        CopySource: 'kms-bucket/c',
        MetadataDirective: 'REPLACE',
        Metadata: { n: '2' },
      }),
    );
    expect(plain.ServerSideEncryption).toBeUndefined();
    const got = await s3.send(new GetObjectCommand({ Bucket: 'plain-bucket', Key: 'c' }));
    expect(got.Metadata).toEqual({ n: '2' });
    expect(await got.Body!.transformToString()).toBe('copied');
    expect((await s3.send(new GetObjectTaggingCommand({ Bucket: 'managed-bucket', Key: 'c' }))).TagSet).toEqual([
      { Key: 'k', Value: 'v' },
    ]);
    await expect(
      s3.send(new CopyObjectCommand({ Bucket: 'managed-bucket', Key: 'c2', CopySource: 'kms-bucket/missing' })),
    ).rejects.toMatchObject({ name: 'NoSuchKey' });
  });

  test('presigned: put and get by plain fetch', async () => {
    if (scheme === 'https') return;
    const put = await getSignedUrl(s3, new PutObjectCommand({ Bucket: 'kms-bucket', Key: 'presigned' }), {
      expiresIn: 60,
    });
    const stored = await fetch(put, { method: 'PUT', body: 'by url' });
    expect(stored.status).toBe(200);
    expect(stored.headers.get('x-amz-server-side-encryption')).toBe('aws:kms');
    const get = await getSignedUrl(s3, new GetObjectCommand({ Bucket: 'kms-bucket', Key: 'presigned' }), {
      expiresIn: 60,
    });
    expect(await (await fetch(get)).text()).toBe('by url');
    const wrong = await fetch(get.replace(/X-Amz-Signature=../, 'X-Amz-Signature=00'));
    expect(wrong.status).toBe(403);
    expect(await wrong.text()).toContain('<Code>SignatureDoesNotMatch</Code>');
  });

  test('bucket encryption: owned by the policy, or the bucket’s own where the policy delegates', async () => {
    const owned = await s3.send(new GetBucketEncryptionCommand({ Bucket: 'kms-bucket' }));
    expect(owned.ServerSideEncryptionConfiguration?.Rules?.[0]?.ApplyServerSideEncryptionByDefault).toEqual({
      SSEAlgorithm: 'aws:kms',
      KMSMasterKeyID: 'orders',
    });
    const rule = (SSEAlgorithm: 'aws:kms' | 'AES256', KMSMasterKeyID?: string) => ({
      ServerSideEncryptionConfiguration: {
        Rules: [
          {
            ApplyServerSideEncryptionByDefault: {
              SSEAlgorithm,
              ...(KMSMasterKeyID === undefined ? {} : { KMSMasterKeyID }),
            },
          },
        ],
      },
    });
    await s3.send(new PutBucketEncryptionCommand({ Bucket: 'kms-bucket', ...rule('aws:kms', 'orders') }));
    await expect(
      s3.send(new PutBucketEncryptionCommand({ Bucket: 'kms-bucket', ...rule('AES256') })),
    ).rejects.toMatchObject({ name: 'AccessDenied' });
    await s3.send(new PutBucketEncryptionCommand({ Bucket: 'store-bucket', ...rule('aws:kms', 'archive') }));
    expect(await s3.send(new PutObjectCommand({ Bucket: 'store-bucket', Key: 'x', Body: 'x' }))).toMatchObject({
      ServerSideEncryption: 'aws:kms',
      SSEKMSKeyId: 'archive',
    });
  });

  test('wishes: a header that the policy accepts wins, one that it does not is refused and nothing is stored', async () => {
    expect(
      await s3.send(
        new PutObjectCommand({
          Bucket: 'managed-bucket',
          Key: 'w',
          Body: 'x',
          ServerSideEncryption: 'aws:kms',
          SSEKMSKeyId: 'orders',
        }),
      ),
    ).toMatchObject({ ServerSideEncryption: 'aws:kms', SSEKMSKeyId: 'orders' });
    await expect(
      s3.send(
        new PutObjectCommand({
          Bucket: 'managed-bucket',
          Key: 'w',
          Body: 'y',
          ServerSideEncryption: 'aws:kms',
          SSEKMSKeyId: 'archive',
        }),
      ),
    ).rejects.toMatchObject({ name: 'AccessDenied' });
    await expect(
      s3.send(
        new PutObjectCommand({ Bucket: 'managed-bucket', Key: 'w', Body: 'y', ServerSideEncryption: 'aws:kms:dsse' }),
      ),
    ).rejects.toMatchObject({ name: expect.stringMatching(/InvalidArgument|AccessDenied/) });
    expect(
      await (await s3.send(new GetObjectCommand({ Bucket: 'managed-bucket', Key: 'w' }))).Body!.transformToString(),
    ).toBe('x');
  });

  test('SSE-C works over TLS only', async () => {
    const key = randomBytes(32);
    const customer = {
      SSECustomerAlgorithm: 'AES256',
      SSECustomerKey: key.toString('base64'),
      SSECustomerKeyMD5: createHash('md5').update(key).digest('base64'),
    };
    const put = s3.send(new PutObjectCommand({ Bucket: 'managed-bucket', Key: 'ssec', Body: 'mine', ...customer }));
    if (scheme === 'http') {
      await expect(put).rejects.toMatchObject({ name: 'InvalidRequest' });
      return;
    }
    expect(await put).toMatchObject({ SSECustomerAlgorithm: 'AES256', SSECustomerKeyMD5: customer.SSECustomerKeyMD5 });
    const got = await s3.send(new GetObjectCommand({ Bucket: 'managed-bucket', Key: 'ssec', ...customer }));
    expect(await got.Body!.transformToString()).toBe('mine');
    await expect(s3.send(new GetObjectCommand({ Bucket: 'managed-bucket', Key: 'ssec' }))).rejects.toMatchObject({
      name: 'InvalidRequest',
    });
    const other = randomBytes(32);
    const wrong = {
      SSECustomerAlgorithm: 'AES256',
      SSECustomerKey: other.toString('base64'),
      SSECustomerKeyMD5: createHash('md5').update(other).digest('base64'),
    };
    await expect(
      s3.send(new GetObjectCommand({ Bucket: 'managed-bucket', Key: 'ssec', ...wrong })),
    ).rejects.toMatchObject({ name: 'AccessDenied' });
    await expect(s3.send(new HeadObjectCommand({ Bucket: 'managed-bucket', Key: 'ssec' }))).rejects.toMatchObject({
      $metadata: { httpStatusCode: 400 },
    });
  });

  test('delete is idempotent', async () => {
    await s3.send(new DeleteObjectCommand({ Bucket: 'kms-bucket', Key: 'nothing' }));
  });
});

function* slices(bytes: Buffer, size: number): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
