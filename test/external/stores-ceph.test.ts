import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import {
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutBucketVersioningCommand,
  PutObjectCommand,
  UploadPartCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGatewayProcess, type GatewayProcess } from './gateway-process.ts';
import { startCeph } from './servers.ts';
import { counted, direct, storeEntry, throughGateway } from './store-clients.ts';

const MIB = 1024 * 1024;
const BUCKETS = [
  'kms-bucket',
  'declared-bucket',
  'managed-bucket',
  'managed-other',
  'managed-multipart',
  'managed-unversioned',
  'copy-bucket',
  'plain-bucket',
  'ghost-bucket',
];

/** RGW 16 answers 200 to a PUT with AES256 and to copies with KMS, and stores both in clear: facts that these tests stand on. */
describe('in front of Ceph RGW 16', () => {
  let ceph: Awaited<ReturnType<typeof startCeph>>;
  let gateway: GatewayProcess;
  let s3: S3Client;
  let store: S3Client;
  beforeAll(async () => {
    ceph = await startCeph();
    gateway = await startGatewayProcess({
      policy: {
        version: 1,
        keys: {
          orders: { ceph: 'testkey-1', believed: 'testkey-1' },
          archive: { ceph: 'testkey-2', believed: 'testkey-2' },
          ghost: { believed: 'testkey-99' },
        },
        buckets: [
          {
            match: 'kms-*',
            store: 'ceph',
            encryption: { default: { kms: 'orders' }, accept: [{ kms: 'orders' }, { kms: 'archive' }] },
          },
          { match: 'declared-*', store: 'ceph', encryption: { default: 'none' } },
          { match: 'managed-*', store: 'believed', encryption: { default: 'managed' } },
          { match: 'copy-*', store: 'believed', encryption: { default: { kms: 'orders' } } },
          { match: 'ghost-*', store: 'believed', encryption: { default: { kms: 'ghost' } } },
          { match: 'plain-*', store: 'ceph', encryption: { default: 'none' } },
        ],
      },
      stores: {
        ceph: storeEntry(ceph, {
          capabilities: { managed: 'none', kms: ['testkey-1', 'testkey-2'], copyWithEncryption: false },
        }),
        believed: storeEntry(ceph),
      },
    });
    s3 = throughGateway(gateway);
    store = direct(ceph);
    for (const Bucket of BUCKETS) await s3.send(new CreateBucketCommand({ Bucket }));
    // A version says whose write it is: where there is one, what HEAD shows of it is the store's word about this write.
    for (const Bucket of ['managed-bucket', 'managed-other', 'managed-multipart'])
      await store.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Enabled' } }));
  });
  afterAll(async () => {
    await gateway?.close();
    await ceph?.close();
  });

  const atRest = (): Buffer => {
    const names = ceph
      .rados('ls')
      .toString('utf8')
      .split('\n')
      .filter((name) => name !== '');
    return Buffer.concat(names.map((name) => ceph.rados('get', name, '-')));
  };
  const absent = async (Bucket: string, Key: string): Promise<void> => {
    await expect(store.send(new HeadObjectCommand({ Bucket, Key }))).rejects.toMatchObject({
      $metadata: { httpStatusCode: 404 },
    });
  };
  const read = async (client: S3Client, Bucket: string, Key: string): Promise<Buffer> => {
    const got = await client.send(new GetObjectCommand({ Bucket, Key }));
    return Buffer.from(await got.Body!.transformToByteArray());
  };

  test('a believed store that drops AES256 fails closed, and is then refused before a byte is sent', async () => {
    const at = { Bucket: 'managed-bucket', Key: 'doubtful' };
    await store.send(new PutObjectCommand({ ...at, Key: 'elsewhere', Body: 'untouched' }));
    const lied = s3.send(new PutObjectCommand({ ...at, Body: 'first' }));
    await expect(lied).rejects.toMatchObject({ name: 'EncryptionNotHonoured', $metadata: { httpStatusCode: 502 } });
    expect(
      counted(await gateway.metrics(), 'bucketseal_encryption_not_honoured', {
        store: 'believed',
        operation: 'PutObject',
      }),
    ).toBe(1);
    expect(gateway.audit().filter(({ kind, bucket }) => kind === 'not-honoured' && bucket === at.Bucket)).toMatchObject(
      [{ effective: 'managed AES256', storeSays: 'none' }],
    );
    expect(gateway.output()).toContain('the store did not encrypt as decided');
    // The tuple is known now: RGW hears nothing of the next one, neither of a new key nor of an old one.
    for (const Key of ['another', 'elsewhere'])
      await expect(s3.send(new PutObjectCommand({ ...at, Key, Body: 'second' }))).rejects.toMatchObject({
        name: 'EncryptionNotHonoured',
        $metadata: { httpStatusCode: 502 },
      });
    await absent(at.Bucket, 'another');
    expect((await read(store, at.Bucket, 'elsewhere')).toString()).toBe('untouched');
  });

  test('a bucket of the same store that nobody has tried is tried once, whatever is reloaded, until it is trusted again', async () => {
    const at = { Bucket: 'managed-other', Key: 'k' };
    const put = (Key: string) => s3.send(new PutObjectCommand({ ...at, Key, Body: 'x' }));
    await expect(put('k')).rejects.toMatchObject({ name: 'EncryptionNotHonoured' });
    await gateway.reload();
    await expect(put('l')).rejects.toMatchObject({ name: 'EncryptionNotHonoured' });
    await absent(at.Bucket, 'l');
    await gateway.trust({ store: 'believed', bucket: at.Bucket });
    await expect(put('m')).rejects.toMatchObject({ name: 'EncryptionNotHonoured' });
    // It was tried again: RGW holds what it should not.
    expect((await read(store, at.Bucket, 'm')).toString()).toBe('x');
  });

  test('without versions the same bytes prove nothing: each such write fails closed, and none is held against the store', async () => {
    const once = throughGateway(gateway, { maxAttempts: 1 });
    for (const Key of ['first', 'second'])
      await expect(
        once.send(new PutObjectCommand({ Bucket: 'managed-unversioned', Key, Body: 'x' })),
      ).rejects.toMatchObject({ name: 'ServiceUnavailable', $metadata: { httpStatusCode: 503 } });
    expect(
      gateway.audit().filter(({ kind, bucket }) => kind === 'unproven' && bucket === 'managed-unversioned'),
    ).toMatchObject([{ storeSays: 'none' }, { storeSays: 'none' }]);
  });

  test('multipart under AES256 never completes as a success', async () => {
    const at = { Bucket: 'managed-multipart', Key: 'big' };
    const upload = new Upload({
      client: s3,
      params: { ...at, Body: randomBytes(6 * MIB) },
      partSize: 5 * MIB,
      leavePartsOnError: true,
    });
    await expect(upload.done()).rejects.toMatchObject({ name: 'EncryptionNotHonoured' });
  });

  test('a native copy that RGW leaves in clear is not called encrypted', async () => {
    await s3.send(new PutObjectCommand({ Bucket: 'plain-bucket', Key: 'source', Body: 'to be copied' }));
    // Both stores are the same server; from `believed` to `believed` the copy is native.
    await store.send(new PutObjectCommand({ Bucket: 'copy-bucket', Key: 'source', Body: 'to be copied' }));
    // RGW names no version of a copy: HEAD shows the same bytes in clear, which may be another client's.
    const copy = throughGateway(gateway, { maxAttempts: 1 }).send(
      new CopyObjectCommand({ Bucket: 'copy-bucket', Key: 'target', CopySource: 'copy-bucket/source' }),
    );
    await expect(copy).rejects.toMatchObject({ name: 'ServiceUnavailable', $metadata: { httpStatusCode: 503 } });
  });

  test('what is declared away is refused before a byte is sent', async () => {
    const put = s3.send(
      new PutObjectCommand({ Bucket: 'declared-bucket', Key: 'k', Body: 'x', ServerSideEncryption: 'AES256' }),
    );
    await expect(put).rejects.toMatchObject({ name: 'InvalidArgument', $metadata: { httpStatusCode: 400 } });
    await absent('declared-bucket', 'k');
  });

  test('KMS: put, stream with trailer, multipart, copy: ciphertext at rest, the store’s key id in the answers', async () => {
    const canary = `canary-${randomBytes(24).toString('hex')}`;
    const Bucket = 'kms-bucket';
    const kms = { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: 'testkey-1' };
    expect(
      await s3.send(new PutObjectCommand({ Bucket, Key: 'put', Body: canary, Metadata: { colour: 'green' } })),
    ).toMatchObject(kms);
    const text = Buffer.from(canary.repeat(4000));
    const stream = Readable.from(pieces(text, 9973));
    expect(
      await s3.send(new PutObjectCommand({ Bucket, Key: 'stream', Body: stream, ContentLength: text.length })),
    ).toMatchObject(kms);
    const big = Buffer.concat([Buffer.from(canary), randomBytes(11 * MIB), Buffer.from(canary)]);
    expect(
      await new Upload({
        client: s3,
        params: { Bucket, Key: 'big', Body: Readable.from(pieces(big, 100_003)) },
        partSize: 5 * MIB,
      }).done(),
    ).toMatchObject(kms);
    expect(await s3.send(new CopyObjectCommand({ Bucket, Key: 'copy', CopySource: `${Bucket}/put` }))).toMatchObject(
      kms,
    );
    expect(
      await s3.send(
        new CopyObjectCommand({
          Bucket,
          Key: 'copy-archive',
          CopySource: `${Bucket}/big`,
          ServerSideEncryption: 'aws:kms',
          SSEKMSKeyId: 'archive',
        }),
      ),
    ).toMatchObject({ SSEKMSKeyId: 'testkey-2' });
    for (const [Key, bytes] of [
      ['put', Buffer.from(canary)],
      ['stream', text],
      ['big', big],
      ['copy', Buffer.from(canary)],
      ['copy-archive', big],
    ] as const) {
      expect((await read(s3, Bucket, Key)).equals(bytes), Key).toBe(true);
      const head = await s3.send(new HeadObjectCommand({ Bucket, Key }));
      expect(head, Key).toMatchObject({
        ServerSideEncryption: 'aws:kms',
        SSEKMSKeyId: Key === 'copy-archive' ? 'testkey-2' : 'testkey-1',
        ContentLength: bytes.length,
      });
    }
    expect((await s3.send(new HeadObjectCommand({ Bucket, Key: 'copy' }))).Metadata).toEqual({ colour: 'green' });
    const disk = atRest();
    expect(disk.length).toBeGreaterThan(20 * MIB);
    expect(disk.includes(canary)).toBe(false);
    // The haystack is the right one: what goes there in clear is found.
    await s3.send(new PutObjectCommand({ Bucket: 'plain-bucket', Key: 'clear', Body: canary }));
    expect(atRest().includes(canary)).toBe(true);
    await s3.send(new DeleteObjectCommand({ Bucket: 'plain-bucket', Key: 'clear' }));
  });

  test('KMS: ranges, presigned URLs, listing, deletes', async () => {
    const Bucket = 'kms-bucket';
    const bytes = randomBytes(200_000);
    await s3.send(new PutObjectCommand({ Bucket, Key: 'ranges/a b+c', Body: bytes }));
    for (const [range, from, to] of [
      ['bytes=0-0', 0, 1],
      ['bytes=4095-4097', 4095, 4098],
      ['bytes=199990-', 199_990, 200_000],
      ['bytes=-7', 199_993, 200_000],
    ] as const) {
      const got = await s3.send(new GetObjectCommand({ Bucket, Key: 'ranges/a b+c', Range: range }));
      expect(Buffer.from(await got.Body!.transformToByteArray()).equals(bytes.subarray(from, to)), range).toBe(true);
      expect(got.ContentRange).toBe(`bytes ${from}-${to - 1}/200000`);
    }
    const put = await fetch(
      await getSignedUrl(s3, new PutObjectCommand({ Bucket, Key: 'ranges/url' }), { expiresIn: 60 }),
      { method: 'PUT', body: 'by url' },
    );
    expect(put.status).toBe(200);
    expect(put.headers.get('x-amz-server-side-encryption-aws-kms-key-id')).toBe('testkey-1');
    expect(
      await (
        await fetch(await getSignedUrl(s3, new GetObjectCommand({ Bucket, Key: 'ranges/url' }), { expiresIn: 60 }))
      ).text(),
    ).toBe('by url');
    const listed = await s3.send(new ListObjectsV2Command({ Bucket, Prefix: 'ranges/' }));
    expect(listed.Contents?.map(({ Key, Size }) => [Key, Size])).toEqual([
      ['ranges/a b+c', 200_000],
      ['ranges/url', 6],
    ]);
    await s3.send(new DeleteObjectCommand({ Bucket, Key: 'ranges/url' }));
    await absent(Bucket, 'ranges/url');
  });

  test('keys: the client’s alias is the store’s id at the store; unknown and unknown to the store are 400', async () => {
    const at = { Bucket: 'kms-bucket', ServerSideEncryption: 'aws:kms' as const, Body: 'x' };
    for (const SSEKMSKeyId of ['archive', 'testkey-2'])
      expect(await s3.send(new PutObjectCommand({ ...at, Key: 'alias', SSEKMSKeyId }))).toMatchObject({
        SSEKMSKeyId: 'testkey-2',
      });
    expect(await store.send(new HeadObjectCommand({ Bucket: at.Bucket, Key: 'alias' }))).toMatchObject({
      ServerSideEncryption: 'aws:kms',
      SSEKMSKeyId: 'testkey-2',
    });
    await expect(
      s3.send(new PutObjectCommand({ ...at, Key: 'unknown', SSEKMSKeyId: 'testkey-7' })),
    ).rejects.toMatchObject({ name: 'KMS.NotFoundException', $metadata: { httpStatusCode: 400 } });
    await absent(at.Bucket, 'unknown');
    // RGW 16 says 403 InvalidAccessKeyId where it does not know a key; the client's own access key is in order.
    await expect(s3.send(new PutObjectCommand({ Bucket: 'ghost-bucket', Key: 'k', Body: 'x' }))).rejects.toMatchObject({
      name: 'KMS.NotFoundException',
      $metadata: { httpStatusCode: 400 },
    });
    await expect(s3.send(new CreateMultipartUploadCommand({ Bucket: 'ghost-bucket', Key: 'k' }))).rejects.toMatchObject(
      { name: 'KMS.NotFoundException' },
    );
    await absent('ghost-bucket', 'k');
  });

  test('errors of the store are the client’s: missing key, missing bucket, upload that is gone, condition that fails', async () => {
    const Bucket = 'kms-bucket';
    await expect(s3.send(new GetObjectCommand({ Bucket, Key: 'missing' }))).rejects.toMatchObject({
      name: 'NoSuchKey',
    });
    await expect(s3.send(new GetObjectCommand({ Bucket: 'kms-missing', Key: 'k' }))).rejects.toMatchObject({
      name: 'NoSuchBucket',
    });
    await expect(
      s3.send(new UploadPartCommand({ Bucket, Key: 'k', UploadId: 'never', PartNumber: 1, Body: 'x' })),
    ).rejects.toMatchObject({ name: 'NoSuchUpload' });
    await s3.send(new PutObjectCommand({ Bucket, Key: 'cond', Body: 'x' }));
    await expect(s3.send(new GetObjectCommand({ Bucket, Key: 'cond', IfMatch: '"other"' }))).rejects.toMatchObject({
      name: 'PreconditionFailed',
    });
    await expect(s3.send(new GetObjectCommand({ Bucket, Key: 'cond', Range: 'bytes=5-' }))).rejects.toMatchObject({
      name: 'InvalidRange',
    });
  });
});

function* pieces(bytes: Buffer, size: number): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
