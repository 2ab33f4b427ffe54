import { randomBytes } from 'node:crypto';
import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectAttributesCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectVersionsCommand,
  PutBucketEncryptionCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  UploadPartCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { ossClient } from '../integration/oss-clients.ts';
import { startGatewayProcess, type GatewayProcess } from './gateway-process.ts';
import { startMinio, startVersity, type Server } from './servers.ts';
import { direct, storeEntry, throughGateway } from './store-clients.ts';

const Bucket = 'plain-bucket';
const POLICY = {
  version: 1,
  keys: { orders: { store: 'my-key' }, lost: { store: 'no-such-key' } },
  buckets: [
    { match: 'lost-*', store: 'store', encryption: { default: { kms: 'lost' } } },
    { match: 'kms-*', store: 'store', encryption: { default: { kms: 'orders' } } },
    { match: 'own-*', store: 'store', encryption: { default: 'store' } },
    {
      match: '*',
      store: 'store',
      encryption: { default: 'none' },
      prefixes: [{ prefix: 'sealed/', transport: { httpsOnly: true } }],
    },
  ],
};

/** What a client hears of a failure. */
const failure = (call: Promise<unknown>): Promise<readonly [name: string, status: number]> =>
  call.then(
    () => ['none', 200] as const,
    (error: { readonly name: string; readonly $metadata: { readonly httpStatusCode: number } }) =>
      [error.name, error.$metadata.httpStatusCode] as const,
  );

/** Writes what XML has no character for as S3's documents do, by number: the SDK sends such characters raw, which is no XML. */
const byNumber = (client: S3Client): S3Client => {
  client.middlewareStack.add(
    (next) => (args) => {
      const { request } = args as unknown as { request: { body: unknown } };
      if (typeof request.body === 'string')
        request.body = Array.from(request.body, (one) => (one < '\t' ? `&#x${one.charCodeAt(0)};` : one)).join('');
      return next(args);
    },
    { step: 'serialize', priority: 'low' },
  );
  return client;
};

describe.each([
  ['MinIO', () => startMinio({ kms: true })],
  ['versitygw', startVersity],
])('in front of %s', (_name, start) => {
  let server: Server;
  let gateway: GatewayProcess;
  let s3: S3Client;
  let store: S3Client;
  beforeAll(async () => {
    server = await start();
    gateway = await startGatewayProcess({ policy: POLICY, stores: { store: storeEntry(server) } });
    s3 = byNumber(throughGateway(gateway));
    store = direct(server);
    await s3.send(new CreateBucketCommand({ Bucket }));
  });
  afterAll(async () => {
    await gateway?.close();
    await server?.close();
  });

  const text = async (client: S3Client, Key: string): Promise<string> =>
    await (await client.send(new GetObjectCommand({ Bucket, Key }))).Body!.transformToString();
  const put = async (Key: string, Body: string): Promise<void> => {
    await store.send(new PutObjectCommand({ Bucket, Key, Body }));
  };

  test('an object is not reached under another spelling of its key', async () => {
    for (const Key of ['sealed/x', 'open/x', 'other']) await put(Key, 'secret');
    for (const Key of ['/sealed/x', '//sealed/x', './sealed/x', 'q/../sealed/x', 'open//x', 'open/./x', 'open/x/.']) {
      const at = { Bucket, Key };
      for (const call of [
        () => s3.send(new GetObjectCommand(at)),
        () => s3.send(new PutObjectCommand({ ...at, Body: 'over' })),
        () => s3.send(new CopyObjectCommand({ ...at, CopySource: `${Bucket}/other` })),
        () => s3.send(new CopyObjectCommand({ Bucket, Key: 'copy', CopySource: `${Bucket}/${Key}` })),
        () => s3.send(new DeleteObjectCommand(at)),
        () => s3.send(new CreateMultipartUploadCommand(at)),
      ])
        expect(await failure(call()), Key).toEqual(['InvalidArgument', 400]);
      expect((await failure(s3.send(new HeadObjectCommand(at))))[1], Key).toBe(400);
    }
    const { Errors } = await s3.send(
      new DeleteObjectsCommand({ Bucket, Delete: { Objects: [{ Key: '/sealed/x' }, { Key: 'other' }] } }),
    );
    expect(Errors?.map(({ Key, Code }) => [Key, Code])).toEqual([['/sealed/x', 'InvalidArgument']]);
    for (const Key of ['sealed/x', 'open/x']) expect(await text(store, Key)).toBe('secret');
    // The question itself leaves nothing behind.
    const { Versions } = await store.send(new ListObjectVersionsCommand({ Bucket, Prefix: '.bucketseal/' }));
    expect(Versions ?? []).toEqual([]);
  });

  test('the name of a folder is still a name', async () => {
    await s3.send(new PutObjectCommand({ Bucket, Key: 'folder/', Body: '' }));
    await s3.send(new HeadObjectCommand({ Bucket, Key: 'folder/' }));
    await s3.send(new DeleteObjectCommand({ Bucket, Key: 'folder/' }));
  });

  test('a condition on the target of a copy is refused, not ignored', async () => {
    await put('source', 'new');
    await put('target', 'old');
    const { ETag } = await store.send(new HeadObjectCommand({ Bucket, Key: 'target' }));
    const copy = { Bucket, Key: 'target', CopySource: `${Bucket}/source` };
    for (const condition of [
      { IfNoneMatch: '*' },
      { IfMatch: '"11111111111111111111111111111111"' },
      { IfMatch: ETag },
    ])
      expect(await failure(s3.send(new CopyObjectCommand({ ...copy, ...condition })))).toEqual(['NotImplemented', 501]);
    await expect(
      ossClient(gateway as never, { bucket: Bucket }).copy('target', 'source', {
        headers: { 'x-oss-forbid-overwrite': 'true' },
      }),
    ).rejects.toMatchObject({ code: 'NotImplemented' });
    expect(await text(store, 'target')).toBe('old');
    await s3.send(new CopyObjectCommand(copy));
    expect(await text(store, 'target')).toBe('new');
  });

  test('ranges and parts of an empty object', async () => {
    await put('empty', '');
    const at = { Bucket, Key: 'empty' };
    for (const Range of ['bytes=-8', 'bytes=0-', 'bytes=0-0']) {
      const [, status] = await failure(s3.send(new GetObjectCommand({ ...at, Range })));
      expect([200, 416], Range).toContain(status);
      expect([200, 416], Range).toContain((await failure(s3.send(new HeadObjectCommand({ ...at, Range }))))[1]);
    }
    expect((await s3.send(new GetObjectCommand({ ...at, PartNumber: 1 }))).ContentLength).toBe(0);
    // An OSS client gets the whole object where a range cannot be had.
    const { content } = await ossClient(gateway, { bucket: Bucket }).get('empty', {
      headers: { range: 'bytes=-8' },
    });
    expect(content.length).toBe(0);
  });

  test('attributes and locations, in the store`s own spelling of them', async () => {
    const at = { Bucket, Key: 'Ä b/c+d' };
    const { UploadId } = await s3.send(new CreateMultipartUploadCommand(at));
    const { ETag } = await s3.send(new UploadPartCommand({ ...at, UploadId, PartNumber: 1, Body: 'part' }));
    const { Location } = await s3.send(
      new CompleteMultipartUploadCommand({ ...at, UploadId, MultipartUpload: { Parts: [{ ETag, PartNumber: 1 }] } }),
    );
    expect(Location).toBe(`${gateway.http}/${Bucket}/%C3%84%20b/c%2Bd`);
    const attributes = await s3.send(
      new GetObjectAttributesCommand({ ...at, ObjectAttributes: ['ETag', 'ObjectSize', 'StorageClass'] }),
    );
    expect(attributes).toMatchObject({ ObjectSize: 4, StorageClass: 'STANDARD' });
    expect(Math.abs((attributes.LastModified?.getTime() ?? 0) - Date.now())).toBeLessThan(60_000);
  });

  test('keys that XML cannot hold are deleted too, each with its own answer', async () => {
    const keys = ['plain', 'tab\there', 'bell\u0007', 'one\u0001', ' leading'];
    for (const Key of keys) await s3.send(new PutObjectCommand({ Bucket, Key, Body: 'x' }));
    const { Deleted, Errors } = await s3.send(
      new DeleteObjectsCommand({ Bucket, Delete: { Objects: keys.map((Key) => ({ Key })) } }),
    );
    expect([Deleted?.length, Errors ?? []]).toEqual([keys.length, []]);
    for (const Key of keys) expect((await failure(store.send(new HeadObjectCommand({ Bucket, Key }))))[1]).toBe(404);
  });

  test('the coding of an object is the one that its client named', async () => {
    for (const ContentEncoding of ['gzip', 'deflate, gzip', 'GZIP']) {
      await s3.send(new PutObjectCommand({ Bucket, Key: 'coded', Body: randomBytes(100), ContentEncoding }));
      expect((await s3.send(new HeadObjectCommand({ Bucket, Key: 'coded' }))).ContentEncoding).toBe(ContentEncoding);
    }
    await s3.send(new PutObjectCommand({ Bucket, Key: 'coded', Body: randomBytes(100) }));
    expect((await s3.send(new GetObjectCommand({ Bucket, Key: 'coded' }))).ContentEncoding).toBeUndefined();
  });
});

describe('in front of MinIO', () => {
  let minio: Server;
  let gateway: GatewayProcess;
  let s3: S3Client;
  let store: S3Client;
  beforeAll(async () => {
    minio = await startMinio({ kms: true });
    gateway = await startGatewayProcess({ policy: POLICY, stores: { store: storeEntry(minio) } });
    s3 = byNumber(throughGateway(gateway));
    store = direct(minio);
    for (const bucket of [Bucket, 'lost-bucket', 'own-bucket', 'versions'])
      await s3.send(new CreateBucketCommand({ Bucket: bucket }));
  });
  afterAll(async () => {
    await gateway?.close();
    await minio?.close();
  });

  test('a key that the store`s KMS does not have is said to be missing, and nothing else is', async () => {
    await s3.send(new PutObjectCommand({ Bucket, Key: 'source', Body: 'x' }));
    const missing = ['KMS.NotFoundException', 400];
    const at = { Bucket: 'lost-bucket', Key: 'k' };
    expect(await failure(s3.send(new PutObjectCommand({ ...at, Body: 'x' })))).toEqual(missing);
    expect(await failure(s3.send(new CreateMultipartUploadCommand(at)))).toEqual(missing);
    expect(await failure(s3.send(new CopyObjectCommand({ ...at, CopySource: `${Bucket}/source` })))).toEqual(missing);
    const rule = { SSEAlgorithm: 'aws:kms' as const, KMSMasterKeyID: 'lost' };
    expect(
      await failure(
        s3.send(
          new PutBucketEncryptionCommand({
            Bucket: 'own-bucket',
            ServerSideEncryptionConfiguration: { Rules: [{ ApplyServerSideEncryptionByDefault: rule }] },
          }),
        ),
      ),
    ).toEqual(missing);
    await expect(ossClient(gateway as never, { bucket: at.Bucket }).put('k', Buffer.from('x'))).rejects.toMatchObject({
      code: 'InvalidParameter',
      status: 400,
    });
  });

  test('an object whose key was lost is not said to be gone', async () => {
    const at = { Bucket: 'kms-bucket', Key: 'k' };
    await s3.send(new CreateBucketCommand({ Bucket: at.Bucket }));
    await s3.send(new PutObjectCommand({ ...at, Body: 'x' }));
    const without = await startMinio({ kms: true, key: 'another-key', copyOf: minio });
    onTestFinished(() => without.close());
    const behind = await startGatewayProcess({ policy: POLICY, stores: { store: storeEntry(without) } });
    onTestFinished(() => behind.close());
    const client = throughGateway(behind);
    const missing = ['KMS.NotFoundException', 400];
    expect(await failure(client.send(new GetObjectCommand(at)))).toEqual(missing);
    expect(
      await failure(client.send(new CopyObjectCommand({ Bucket, Key: 'copy', CopySource: `${at.Bucket}/k` }))),
    ).toEqual(missing);
    // A HEAD is answered from what lies beside the object, or refused; never 404.
    expect([200, 400]).toContain((await failure(client.send(new HeadObjectCommand(at))))[1]);
    expect(await failure(client.send(new GetObjectCommand({ ...at, Key: 'none' })))).toEqual(['NoSuchKey', 404]);
    await expect(ossClient(behind as never, { bucket: at.Bucket }).get('k')).rejects.toMatchObject({
      code: 'InvalidParameter',
      status: 400,
    });
  });

  test('delete markers and their versions are passed on', async () => {
    const at = { Bucket: 'versions', Key: 'k' };
    await store.send(
      new PutBucketVersioningCommand({ Bucket: at.Bucket, VersioningConfiguration: { Status: 'Enabled' } }),
    );
    const { VersionId: first } = await s3.send(new PutObjectCommand({ ...at, Body: 'x' }));
    const marked = await s3.send(new DeleteObjectCommand(at));
    expect(marked).toMatchObject({ DeleteMarker: true, VersionId: expect.stringMatching(/^[0-9a-f-]{36}$/) as string });
    const unmarked = await s3.send(new DeleteObjectCommand({ ...at, VersionId: marked.VersionId }));
    expect(unmarked).toMatchObject({ DeleteMarker: true, VersionId: marked.VersionId });
    const removed = await s3.send(new DeleteObjectCommand({ ...at, VersionId: first }));
    expect([removed.DeleteMarker, removed.VersionId]).toEqual([undefined, first]);
    const odd = 'bell\u0007';
    for (const Key of ['k', odd]) await s3.send(new PutObjectCommand({ Bucket: at.Bucket, Key, Body: 'x' }));
    const { Deleted } = await s3.send(
      new DeleteObjectsCommand({ Bucket: at.Bucket, Delete: { Objects: [{ Key: 'k' }, { Key: odd }] } }),
    );
    expect(
      Deleted?.map(({ Key, DeleteMarker, DeleteMarkerVersionId }) => [Key, DeleteMarker, typeof DeleteMarkerVersionId]),
    ).toEqual([
      ['k', true, 'string'],
      [odd, true, 'string'],
    ]);
  });
});
