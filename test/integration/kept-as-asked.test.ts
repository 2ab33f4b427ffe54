import {
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteBucketCommand,
  GetObjectCommand,
  HeadBucketCommand,
  ListPartsCommand,
  PutObjectCommand,
  UploadPartCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startChain, STORES, type Chain, type StoreName } from './chained-gateways.ts';
import { ossClient, type AliOssClient } from './oss-clients.ts';
import { awsClient } from './s3-clients.ts';

let chain: Chain;
let s3: S3Client;
beforeAll(async () => {
  chain = await startChain();
  s3 = awsClient(chain.front);
});
afterAll(() => chain.close());

const PART = Buffer.alloc(102_400, 'p');
/** Fresh each time: ali-oss writes into what it is given. */
const forbid = () => ({ headers: { 'x-oss-forbid-overwrite': 'true' } });
const EXISTS = { status: 409, code: 'FileAlreadyExists' };

async function bucketAt(name: string): Promise<AliOssClient> {
  await s3.send(new CreateBucketCommand({ Bucket: name }));
  return ossClient(chain.front, { bucket: name });
}

describe.each(STORES)('x-oss-forbid-overwrite on a store of type %s', (store) => {
  let oss: AliOssClient;
  beforeAll(async () => {
    oss = await bucketAt(`${store}-managed-keep`);
    await oss.put('there', Buffer.from('the first'));
  });

  const text = async (): Promise<string> => (await oss.get('there')).content.toString();
  const writes: readonly [string, readonly StoreName[], () => Promise<unknown>][] = [
    ['PutObject', STORES, () => oss.put('there', Buffer.from('x'), forbid())],
    [
      'CopyObject',
      ['local', 'oss'],
      async () => {
        await oss.put('source', Buffer.from('x'));
        await oss.copy('there', 'source', forbid());
      },
    ],
    ['AppendObject', ['local', 'oss'], () => oss.append('there', Buffer.from('x'), forbid())],
    ['InitiateMultipartUpload', STORES, () => oss.initMultipartUpload('there', forbid())],
    [
      'CompleteMultipartUpload',
      STORES,
      async () => {
        const { uploadId } = await oss.initMultipartUpload('there');
        const { etag } = await oss.uploadPart('there', uploadId, 1, PART, 0, PART.length);
        try {
          await oss.completeMultipartUpload('there', uploadId, [{ number: 1, etag }], forbid());
        } finally {
          await oss.abortMultipartUpload('there', uploadId);
        }
      },
    ],
  ];

  test.each(writes.filter(([, stores]) => stores.includes(store)))(
    '%s leaves what is there',
    async (_name, _, write) => {
      await expect(write()).rejects.toMatchObject(EXISTS);
      expect(await text()).toBe('the first');
      const { uploads } = await oss.listUploads({ 'max-uploads': 10 });
      expect(uploads ?? []).toHaveLength(0);
    },
  );

  test('lets all of them write where nothing is', async () => {
    await oss.put('new-put', Buffer.from('x'), forbid());
    const { uploadId } = await oss.initMultipartUpload('new-upload', forbid());
    const { etag } = await oss.uploadPart('new-upload', uploadId, 1, PART, 0, PART.length);
    await oss.completeMultipartUpload('new-upload', uploadId, [{ number: 1, etag }], forbid());
    expect((await oss.get('new-upload')).content.equals(PART)).toBe(true);
    if (store !== 's3') {
      await oss.append('new-log', Buffer.from('x'), forbid());
      // Also where the append would fit: the client wants no object there.
      await expect(oss.append('new-log', Buffer.from('y'), { position: '1', ...forbid() })).rejects.toMatchObject(
        EXISTS,
      );
      expect((await oss.get('new-log')).content.toString()).toBe('x');
    }
  });

  test('an S3 client that begins an upload under If-None-Match: * is refused as well', async () => {
    const create = new CreateMultipartUploadCommand({ Bucket: `${store}-managed-keep`, Key: 'there' });
    create.middlewareStack.add(
      (next) => (args) => {
        (args.request as { headers: Record<string, string> }).headers['if-none-match'] = '*';
        return next(args);
      },
      { step: 'build' },
    );
    await expect(s3.send(create)).rejects.toMatchObject({
      name: 'PreconditionFailed',
      $metadata: { httpStatusCode: 412 },
    });
    expect(await text()).toBe('the first');
  });
});

describe.each(STORES)('a bucket with an upload under way on a store of type %s', (store) => {
  const begun = async (
    name: string,
  ): Promise<{ readonly Bucket: string; readonly Key: string; readonly UploadId: string }> => {
    await s3.send(new CreateBucketCommand({ Bucket: name }));
    const at = { Bucket: name, Key: 'film' };
    const { UploadId = '' } = await s3.send(new CreateMultipartUploadCommand(at));
    await s3.send(new UploadPartCommand({ ...at, UploadId, PartNumber: 1, Body: Buffer.alloc(5 * 1024 * 1024) }));
    return { ...at, UploadId };
  };

  test('is not empty to an OSS client, and nothing of it is lost', async () => {
    const upload = await begun(`${store}-managed-oss-begun`);
    const oss = ossClient(chain.front, { bucket: upload.Bucket });
    await expect(oss.deleteBucket(upload.Bucket)).rejects.toMatchObject({ status: 409, code: 'BucketNotEmpty' });
    expect((await s3.send(new ListPartsCommand(upload))).Parts).toHaveLength(1);
    await oss.abortMultipartUpload(upload.Key, upload.UploadId);
    await oss.deleteBucket(upload.Bucket);
    await expect(s3.send(new HeadBucketCommand({ Bucket: upload.Bucket }))).rejects.toMatchObject({
      $metadata: { httpStatusCode: 404 },
    });
  });

  // Amazon deletes a general purpose bucket with its unfinished uploads; an OSS store behind says no in its own words.
  test('goes with it for an S3 client where the store lets it, but never with an object in it', async () => {
    const upload = await begun(`${store}-managed-s3-begun`);
    const remove = () => s3.send(new DeleteBucketCommand({ Bucket: upload.Bucket }));
    if (store === 'oss') {
      await expect(remove()).rejects.toMatchObject({ name: 'BucketNotEmpty' });
      expect((await s3.send(new ListPartsCommand(upload))).Parts).toHaveLength(1);
      return;
    }
    await s3.send(new PutObjectCommand({ Bucket: upload.Bucket, Key: 'kept', Body: 'x' }));
    await expect(remove()).rejects.toMatchObject({ name: 'BucketNotEmpty' });
    expect((await s3.send(new ListPartsCommand(upload))).Parts).toHaveLength(1);
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: upload.Bucket, Key: 'kept' }));
    expect(await Body?.transformToString()).toBe('x');
    await ossClient(chain.front, { bucket: upload.Bucket }).delete('kept');
    await remove();
    await expect(s3.send(new HeadBucketCommand({ Bucket: upload.Bucket }))).rejects.toMatchObject({
      $metadata: { httpStatusCode: 404 },
    });
  });
});
