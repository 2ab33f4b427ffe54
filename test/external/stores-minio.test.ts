import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteBucketEncryptionCommand,
  DeleteObjectsCommand,
  DeleteObjectTaggingCommand,
  GetBucketEncryptionCommand,
  GetBucketLifecycleConfigurationCommand,
  GetBucketTaggingCommand,
  GetBucketVersioningCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  ListPartsCommand,
  PutBucketCorsCommand,
  PutBucketEncryptionCommand,
  PutBucketLifecycleConfigurationCommand,
  PutBucketTaggingCommand,
  PutObjectCommand,
  PutObjectTaggingCommand,
  UploadPartCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { haystack } from '../integration/gateway.ts';
import { ossClient } from '../integration/oss-clients.ts';
import { startGatewayProcess, type GatewayProcess } from './gateway-process.ts';
import { startMinio, type Server } from './servers.ts';
import { counted, direct, storeEntry, throughGateway } from './store-clients.ts';

const MIB = 1024 * 1024;
const POLICY = {
  version: 1,
  keys: { orders: { minio: 'my-key' } },
  buckets: [
    { match: 'kms-*', store: 'minio', encryption: { default: { kms: 'orders' } } },
    { match: 'managed-*', store: 'minio', encryption: { default: 'managed' } },
    { match: 'store-*', store: 'minio', encryption: { default: 'store' } },
    { match: 'plain-*', store: 'minio', encryption: { default: 'none' } },
  ],
};
const BUCKETS = ['kms-bucket', 'managed-bucket', 'store-bucket', 'plain-bucket'];
const EXPECTED = {
  'kms-bucket': { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: 'my-key' },
  'managed-bucket': { ServerSideEncryption: 'AES256' },
} as const;

describe('in front of MinIO with a KMS', () => {
  let minio: Server;
  let gateway: GatewayProcess;
  let s3: S3Client;
  let store: S3Client;
  beforeAll(async () => {
    minio = await startMinio({ kms: true });
    gateway = await startGatewayProcess({ policy: POLICY, stores: { minio: storeEntry(minio) } });
    s3 = throughGateway(gateway);
    store = direct(minio);
    for (const Bucket of BUCKETS) await s3.send(new CreateBucketCommand({ Bucket }));
  });
  afterAll(async () => {
    await gateway?.close();
    await minio?.close();
  });

  const read = async (client: S3Client, Bucket: string, Key: string): Promise<Buffer> => {
    const got = await client.send(new GetObjectCommand({ Bucket, Key }));
    return Buffer.from(await got.Body!.transformToByteArray());
  };

  test('a key that the policy writes with its prefix is the key that MinIO answers without it', async () => {
    const prefixed = await startGatewayProcess({
      policy: { ...POLICY, keys: { orders: { minio: 'arn:aws:kms:my-key' } } },
      stores: { minio: storeEntry(minio, { capabilities: { kms: ['my-key'] } }) },
    });
    try {
      const client = throughGateway(prefixed);
      const Bucket = 'kms-bucket';
      const put = (SSEKMSKeyId: string): Promise<unknown> =>
        client.send(
          new PutObjectCommand({ Bucket, Key: 'named', Body: 'x', ServerSideEncryption: 'aws:kms', SSEKMSKeyId }),
        );
      for (const name of ['my-key', 'arn:aws:kms:my-key', 'orders'])
        expect(await put(name)).toMatchObject(EXPECTED['kms-bucket']);
      expect(
        await client.send(new CopyObjectCommand({ Bucket, Key: 'named-copy', CopySource: `${Bucket}/named` })),
      ).toMatchObject(EXPECTED['kms-bucket']);
      expect(
        await new Upload({
          client,
          params: { Bucket, Key: 'named-parts', Body: randomBytes(11 * MIB) },
          partSize: 5 * MIB,
        }).done(),
      ).toMatchObject(EXPECTED['kms-bucket']);
      expect(counted(await prefixed.metrics(), 'bucketseal_encryption_not_honoured_total', {})).toBe(0);
    } finally {
      await prefixed.close();
    }
  });

  test('what clients do to each other is no lie of the store: Completes beside puts of the same key, parts under a bare id', async () => {
    const Bucket = 'managed-bucket';
    const upload = async (
      Key: string,
      more: object = {},
    ): Promise<{ readonly UploadId: string; readonly ETag: string }> => {
      const { UploadId = '' } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key, ...more }));
      const { ETag = '' } = await s3.send(
        new UploadPartCommand({ Bucket, Key, UploadId, PartNumber: 1, Body: randomBytes(100_000) }),
      );
      return { UploadId, ETag };
    };
    const complete = (Key: string, { UploadId, ETag }: { UploadId: string; ETag: string }): Promise<unknown> =>
      s3.send(
        new CompleteMultipartUploadCommand({
          Bucket,
          Key,
          UploadId,
          MultipartUpload: { Parts: [{ PartNumber: 1, ETag }] },
        }),
      );
    const outcomes: string[] = [];
    for (let round = 0; round < 20; round++) {
      const begun = await upload('raced');
      const puts = Array.from({ length: 6 }, () =>
        s3.send(new PutObjectCommand({ Bucket, Key: 'raced', Body: randomBytes(1000) })).then(() => 'put'),
      );
      const done = complete('raced', begun).then(
        () => 'completed',
        (error: unknown) => (error as { readonly name: string }).name,
      );
      outcomes.push(await done);
      expect(await Promise.all(puts)).toEqual(Array(6).fill('put'));
    }
    expect(outcomes.filter((outcome) => outcome !== 'completed' && outcome !== 'ServiceUnavailable')).toEqual([]);

    await upload('bare', { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: 'orders' });
    const { Uploads = [] } = await store.send(new ListMultipartUploadsCommand({ Bucket, Prefix: 'bare' }));
    const [bare] = Uploads;
    await expect(
      s3.send(new UploadPartCommand({ Bucket, Key: 'bare', UploadId: bare?.UploadId ?? '', PartNumber: 2, Body: 'x' })),
    ).rejects.toThrow();
    expect(await complete('after', await upload('after'))).toMatchObject({ ServerSideEncryption: 'AES256' });
    expect(counted(await gateway.metrics(), 'bucketseal_encryption_not_honoured_total', {})).toBe(0);
  });

  test.each(Object.entries(EXPECTED))(
    '%s: every way of writing is encrypted, said so by the answer, and by the store itself',
    async (Bucket, expected) => {
      const canary = `canary-${randomBytes(24).toString('hex')}`;
      const big = Buffer.concat([Buffer.from(canary), randomBytes(11 * MIB), Buffer.from(canary)]);
      const text = Buffer.from(canary.repeat(3000));
      expect(
        await s3.send(
          new PutObjectCommand({ Bucket, Key: 'put', Body: canary, Metadata: { colour: 'green' }, Tagging: 'a=1' }),
        ),
      ).toMatchObject(expected);
      expect(
        await s3.send(
          new PutObjectCommand({
            Bucket,
            Key: 'stream',
            Body: Readable.from(pieces(text, 9973)),
            ContentLength: text.length,
          }),
        ),
      ).toMatchObject(expected);
      // MinIO says nothing of encryption on Copy, Create and Complete: what the client hears was asked for by HEAD.
      expect(
        await new Upload({
          client: s3,
          params: { Bucket, Key: 'big', Body: Readable.from(pieces(big, 100_003)) },
          partSize: 5 * MIB,
        }).done(),
      ).toMatchObject(expected);
      expect(await s3.send(new CopyObjectCommand({ Bucket, Key: 'copy', CopySource: `${Bucket}/put` }))).toMatchObject(
        expected,
      );
      for (const [Key, bytes] of [
        ['put', Buffer.from(canary)],
        ['stream', text],
        ['big', big],
        ['copy', Buffer.from(canary)],
      ] as const) {
        expect((await read(s3, Bucket, Key)).equals(bytes), Key).toBe(true);
        expect(await s3.send(new HeadObjectCommand({ Bucket, Key })), Key).toMatchObject(expected);
        const own = await store.send(new HeadObjectCommand({ Bucket, Key }));
        expect(own.ServerSideEncryption, Key).toBe(expected.ServerSideEncryption);
      }
      const copied = await s3.send(new HeadObjectCommand({ Bucket, Key: 'copy' }));
      expect(copied.Metadata).toEqual({ colour: 'green' });
      expect((await s3.send(new GetObjectTaggingCommand({ Bucket, Key: 'copy' }))).TagSet).toEqual([
        { Key: 'a', Value: '1' },
      ]);
      expect(haystack(minio.directory).includes(canary)).toBe(false);
      await s3.send(new PutObjectCommand({ Bucket: 'plain-bucket', Key: 'clear', Body: canary }));
      expect(haystack(minio.directory).includes(canary)).toBe(true);
      await s3.send(new DeleteObjectsCommand({ Bucket: 'plain-bucket', Delete: { Objects: [{ Key: 'clear' }] } }));
      expect(counted(await gateway.metrics(), 'bucketseal_encryption_not_honoured', {})).toBe(0);
    },
  );

  test('a silent Create answers no encryption, its parts do', async () => {
    const at = { Bucket: 'kms-bucket', Key: 'parts' };
    const created = await s3.send(new CreateMultipartUploadCommand(at));
    expect(created.ServerSideEncryption).toBeUndefined();
    const part = await s3.send(new UploadPartCommand({ ...at, UploadId: created.UploadId, PartNumber: 1, Body: 'x' }));
    expect(part.ServerSideEncryption).toBe('aws:kms');
    const { Parts } = await s3.send(new ListPartsCommand({ ...at, UploadId: created.UploadId }));
    expect(Parts?.map(({ PartNumber, Size }) => [PartNumber, Size])).toEqual([[1, 1]]);
  });

  test('uploads are listed by their clients’ ids; another tool’s can be aborted and nothing else', async () => {
    const [own, foreign] = [
      { Bucket: 'kms-bucket', Key: 'own' },
      { Bucket: 'kms-bucket', Key: 'foreign' },
    ];
    const { UploadId } = await s3.send(new CreateMultipartUploadCommand(own));
    const theirs = { ...foreign, UploadId: (await store.send(new CreateMultipartUploadCommand(foreign))).UploadId };
    const theirPart = await store.send(new UploadPartCommand({ ...theirs, PartNumber: 1, Body: 'in clear' }));
    // MinIO lists the uploads of one key only.
    const listed = async ({ Bucket, Key }: typeof own) =>
      (await s3.send(new ListMultipartUploadsCommand({ Bucket, Prefix: Key }))).Uploads?.map(
        (upload) => upload.UploadId,
      );
    expect(await listed(own)).toEqual([UploadId]);
    expect(await listed(foreign)).toEqual([theirs.UploadId]);
    const parts = { MultipartUpload: { Parts: [{ PartNumber: 1, ETag: theirPart.ETag }] } };
    for (const command of [
      new UploadPartCommand({ ...theirs, PartNumber: 2, Body: 'more' }),
      new CompleteMultipartUploadCommand({ ...theirs, ...parts }),
    ])
      await expect(s3.send(command as UploadPartCommand)).rejects.toMatchObject({ name: 'NoSuchUpload' });
    await s3.send(new AbortMultipartUploadCommand(theirs));
    const part = await s3.send(new UploadPartCommand({ ...own, UploadId, PartNumber: 1, Body: 'part' }));
    const done = { MultipartUpload: { Parts: [{ PartNumber: 1, ETag: part.ETag }] } };
    expect(await s3.send(new CompleteMultipartUploadCommand({ ...own, UploadId, ...done }))).toMatchObject({
      ServerSideEncryption: 'aws:kms',
    });
  });

  test('a small part after Abort is NoSuchUpload, and leaves nothing at the store', async () => {
    const oss = ossClient(gateway, { bucket: 'kms-bucket' });
    const { uploadId } = await oss.initMultipartUpload('small');
    await oss.uploadPart('small', uploadId, 1, randomBytes(MIB), 0, MIB);
    const hidden = async (): Promise<number> =>
      (await store.send(new ListObjectsV2Command({ Bucket: 'kms-bucket', Prefix: '.bucketseal/' }))).KeyCount ?? 0;
    expect(await hidden()).toBe(1);
    await oss.abortMultipartUpload('small', uploadId);
    await expect(oss.uploadPart('small', uploadId, 2, randomBytes(MIB), 0, MIB)).rejects.toMatchObject({
      code: 'NoSuchUpload',
      status: 404,
    });
    expect(await hidden()).toBe(0);
  });

  test('a wish is honoured where the policy lets the client choose, and a copy never inherits', async () => {
    const wish = { ServerSideEncryption: 'aws:kms' as const, SSEKMSKeyId: 'orders' };
    expect(
      await s3.send(new PutObjectCommand({ Bucket: 'managed-bucket', Key: 'wish', Body: 'x', ...wish })),
    ).toMatchObject({ SSEKMSKeyId: 'my-key' });
    expect(
      await s3.send(
        new CopyObjectCommand({ Bucket: 'managed-bucket', Key: 'heir', CopySource: 'managed-bucket/wish' }),
      ),
    ).toMatchObject({ ServerSideEncryption: 'AES256' });
    const plain = await s3.send(
      new CopyObjectCommand({ Bucket: 'plain-bucket', Key: 'heir', CopySource: 'kms-bucket/put' }),
    );
    expect(plain.ServerSideEncryption).toBeUndefined();
  });

  test('under `default: store` the bucket’s own rule is set, shown and taken away at the store', async () => {
    const Bucket = 'store-bucket';
    await expect(s3.send(new GetBucketEncryptionCommand({ Bucket }))).rejects.toMatchObject({
      name: 'ServerSideEncryptionConfigurationNotFoundError',
    });
    expect(
      (await s3.send(new PutObjectCommand({ Bucket, Key: 'before', Body: 'x' }))).ServerSideEncryption,
    ).toBeUndefined();
    const rule = (by: { SSEAlgorithm: 'aws:kms' | 'AES256'; KMSMasterKeyID?: string }) => ({
      ServerSideEncryptionConfiguration: { Rules: [{ ApplyServerSideEncryptionByDefault: by }] },
    });
    await s3.send(
      new PutBucketEncryptionCommand({ Bucket, ...rule({ SSEAlgorithm: 'aws:kms', KMSMasterKeyID: 'orders' }) }),
    );
    for (const client of [s3, store]) {
      const { ServerSideEncryptionConfiguration } = await client.send(new GetBucketEncryptionCommand({ Bucket }));
      expect(ServerSideEncryptionConfiguration?.Rules?.[0]?.ApplyServerSideEncryptionByDefault).toEqual({
        SSEAlgorithm: 'aws:kms',
        KMSMasterKeyID: 'my-key',
      });
    }
    expect(await s3.send(new PutObjectCommand({ Bucket, Key: 'after', Body: 'x' }))).toMatchObject({
      ServerSideEncryption: 'aws:kms',
      SSEKMSKeyId: 'my-key',
    });
    await s3.send(new DeleteBucketEncryptionCommand({ Bucket }));
    await expect(store.send(new GetBucketEncryptionCommand({ Bucket }))).rejects.toMatchObject({
      name: 'ServerSideEncryptionConfigurationNotFoundError',
    });
    await expect(
      s3.send(new PutBucketEncryptionCommand({ Bucket: 'kms-bucket', ...rule({ SSEAlgorithm: 'AES256' }) })),
    ).rejects.toMatchObject({ name: 'AccessDenied' });
  });

  test('lists: delimiter, pages, odd names, versions of an unversioned bucket', async () => {
    const Bucket = 'plain-bucket';
    const keys = ['list/a/1', 'list/a/2', 'list/b c+d', 'list/e&f<g>', 'list/ü/ñ'];
    for (const Key of keys) await s3.send(new PutObjectCommand({ Bucket, Key, Body: Key }));
    expect(
      (await s3.send(new ListObjectsV2Command({ Bucket, Prefix: 'list/' }))).Contents?.map(({ Key }) => Key),
    ).toEqual(keys);
    const first = await s3.send(new ListObjectsV2Command({ Bucket, Prefix: 'list/', Delimiter: '/', MaxKeys: 2 }));
    expect([
      first.CommonPrefixes?.map(({ Prefix }) => Prefix),
      first.Contents?.map(({ Key }) => Key),
      first.IsTruncated,
    ]).toEqual([['list/a/'], ['list/b c+d'], true]);
    const second = await s3.send(
      new ListObjectsV2Command({
        Bucket,
        Prefix: 'list/',
        Delimiter: '/',
        ContinuationToken: first.NextContinuationToken,
      }),
    );
    expect([second.CommonPrefixes?.map(({ Prefix }) => Prefix), second.Contents?.map(({ Key }) => Key)]).toEqual([
      ['list/ü/'],
      ['list/e&f<g>'],
    ]);
    const { Versions } = await s3.send(new ListObjectVersionsCommand({ Bucket, Prefix: 'list/' }));
    expect(Versions?.map(({ Key, VersionId }) => [Key, VersionId])).toEqual(keys.map((key) => [key, 'null']));
    expect((await s3.send(new GetBucketVersioningCommand({ Bucket }))).Status).toBeUndefined();
    const { Deleted, Errors } = await s3.send(
      new DeleteObjectsCommand({ Bucket, Delete: { Objects: keys.map((Key) => ({ Key })) } }),
    );
    expect([Deleted?.length, Errors ?? []]).toEqual([keys.length, []]);
  });

  test('tags of objects', async () => {
    const at = { Bucket: 'kms-bucket', Key: 'tagged' };
    await s3.send(new PutObjectCommand({ ...at, Body: 'x', Tagging: 'a=1&b=two' }));
    await s3.send(new PutObjectTaggingCommand({ ...at, Tagging: { TagSet: [{ Key: 'c', Value: '3 4' }] } }));
    expect((await s3.send(new GetObjectTaggingCommand(at))).TagSet).toEqual([{ Key: 'c', Value: '3 4' }]);
    await s3.send(new DeleteObjectTaggingCommand(at));
    expect((await s3.send(new GetObjectTaggingCommand(at))).TagSet).toEqual([]);
  });

  test('the passthrough lane: lifecycle and bucket tags reach the store, its refusals reach the client', async () => {
    const Bucket = 'managed-bucket';
    const rule = { ID: 'r', Status: 'Enabled' as const, Filter: { Prefix: 'tmp/' }, Expiration: { Days: 7 } };
    await s3.send(new PutBucketLifecycleConfigurationCommand({ Bucket, LifecycleConfiguration: { Rules: [rule] } }));
    for (const client of [s3, store])
      expect((await client.send(new GetBucketLifecycleConfigurationCommand({ Bucket }))).Rules).toMatchObject([rule]);
    await s3.send(new PutBucketTaggingCommand({ Bucket, Tagging: { TagSet: [{ Key: 'team', Value: 'a b' }] } }));
    expect((await store.send(new GetBucketTaggingCommand({ Bucket }))).TagSet).toEqual([{ Key: 'team', Value: 'a b' }]);
    const cors = (client: S3Client): Promise<unknown> =>
      client
        .send(
          new PutBucketCorsCommand({
            Bucket,
            CORSConfiguration: { CORSRules: [{ AllowedMethods: ['GET'], AllowedOrigins: ['*'] }] },
          }),
        )
        .catch((error: Error) => error.name);
    expect(await cors(s3)).toEqual(await cors(store));
    await expect(s3.send(new GetBucketLifecycleConfigurationCommand({ Bucket: 'kms-bucket' }))).rejects.toMatchObject({
      name: 'NoSuchLifecycleConfiguration',
    });
  });
});

describe('in front of MinIO without a KMS', () => {
  let minio: Server;
  let gateway: GatewayProcess;
  let s3: S3Client;
  beforeAll(async () => {
    minio = await startMinio({ kms: false });
    gateway = await startGatewayProcess({ policy: POLICY, stores: { minio: storeEntry(minio) } });
    s3 = throughGateway(gateway);
    for (const Bucket of BUCKETS) await s3.send(new CreateBucketCommand({ Bucket }));
  });
  afterAll(async () => {
    await gateway?.close();
    await minio?.close();
  });

  test.each(['kms-bucket', 'managed-bucket'])(
    '%s: its refusal is a clear one, and nothing is stored',
    async (Bucket) => {
      for (const write of [
        new PutObjectCommand({ Bucket, Key: 'k', Body: 'x' }),
        new CreateMultipartUploadCommand({ Bucket, Key: 'k' }),
      ] as const) {
        const refused = s3.send(write);
        await expect(refused).rejects.toMatchObject({
          name: 'NotImplemented',
          message: expect.stringContaining('server-side encryption') as string,
          $metadata: { httpStatusCode: 501 },
        });
      }
      await expect(direct(minio).send(new HeadObjectCommand({ Bucket, Key: 'k' }))).rejects.toMatchObject({
        $metadata: { httpStatusCode: 404 },
      });
    },
  );

  test('what the policy leaves plain is written and read', async () => {
    const at = { Bucket: 'plain-bucket', Key: 'k' };
    expect((await s3.send(new PutObjectCommand({ ...at, Body: 'plain' }))).ServerSideEncryption).toBeUndefined();
    const got = await s3.send(new GetObjectCommand(at));
    expect([await got.Body!.transformToString(), got.ServerSideEncryption]).toEqual(['plain', undefined]);
  });
});

function* pieces(bytes: Buffer, size: number): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
