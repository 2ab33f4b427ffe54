import { createHmac, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
  PutObjectCommand,
  UploadPartCommand,
  UploadPartCopyCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { openLocalKeyring } from '../../src/keyrings/local/keyring.ts';
import { startChain, type Chain } from './chained-gateways.ts';
import { ossClient } from './oss-clients.ts';
import { awsClient } from './s3-clients.ts';

const GONE = { name: 'NoSuchUpload', $metadata: { httpStatusCode: 404 } };
const REMOTE = ['s3', 'oss'] as const;
const MINUTES = 60_000;

interface Upload {
  readonly Bucket: string;
  readonly Key: string;
  readonly UploadId: string;
}

async function begin(client: S3Client, Bucket: string, Key: string): Promise<Upload> {
  const { UploadId = '' } = await client.send(new CreateMultipartUploadCommand({ Bucket, Key }));
  return { Bucket, Key, UploadId };
}

const part = (client: S3Client, upload: Upload, PartNumber = 1) =>
  client.send(new UploadPartCommand({ ...upload, PartNumber, Body: 'part' }));

const complete = (client: S3Client, upload: Upload, ETag: string | undefined) =>
  client.send(new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts: [{ ETag, PartNumber: 1 }] } }));

describe.each(REMOTE)('ids of uploads at the %s store', (store) => {
  const Bucket = `${store}-kms`;
  let chain: Chain;
  let front: S3Client;
  /** Another tool, which speaks to the store itself. */
  let beside: S3Client;
  beforeAll(async () => {
    chain = await startChain();
    front = awsClient(chain.front);
    beside = awsClient(chain.upstream);
    await front.send(new CreateBucketCommand({ Bucket }));
    await front.send(new PutObjectCommand({ Bucket, Key: 'source', Body: 'part' }));
  });
  afterAll(() => chain.close());

  test('are listed as their clients got them, page by page, and each can be used', async () => {
    const begun: Upload[] = [];
    for (const key of ['list/a', 'list/a', 'list/b']) begun.push(await begin(front, Bucket, key));
    const listed: Upload[] = [];
    let next: { KeyMarker?: string | undefined; UploadIdMarker?: string | undefined } = {};
    for (let pages = 1; ; pages++) {
      expect(pages).toBeLessThan(5);
      const page = await front.send(
        new ListMultipartUploadsCommand({ Bucket, Prefix: 'list/', MaxUploads: 1, ...next }),
      );
      for (const { Key = '', UploadId = '' } of page.Uploads ?? []) listed.push({ Bucket, Key, UploadId });
      if (page.IsTruncated !== true) break;
      next = { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker };
    }
    const inOrder = (uploads: readonly Upload[]) => uploads.map(({ UploadId }) => UploadId).sort();
    expect(inOrder(listed)).toEqual(inOrder(begun));
    for (const upload of listed) {
      await front.send(new ListPartsCommand(upload));
      await front.send(new AbortMultipartUploadCommand(upload));
    }
    expect((await front.send(new ListMultipartUploadsCommand({ Bucket, Prefix: 'list/' }))).Uploads).toBeUndefined();
  });

  test('are listed so to OSS clients too', async () => {
    const oss = ossClient(chain.front, { bucket: Bucket, v4: true });
    const { uploadId } = await oss.initMultipartUpload('listed-by-oss');
    expect((await oss.listUploads({ prefix: 'listed-by-oss' })).uploads).toMatchObject([
      { name: 'listed-by-oss', uploadId },
    ]);
    await oss.abortMultipartUpload('listed-by-oss', uploadId);
  });

  test('of the store’s own are listed and aborted, continued by nobody, and make no store a liar', async () => {
    const foreign = await begin(beside, Bucket, 'foreign');
    const { ETag } = await part(beside, foreign);
    const found = await front.send(new ListMultipartUploadsCommand({ Bucket, Prefix: 'foreign' }));
    expect(found.Uploads).toMatchObject([{ Key: 'foreign', UploadId: foreign.UploadId }]);
    for (const attempt of [
      () => part(front, foreign),
      () => front.send(new UploadPartCopyCommand({ ...foreign, PartNumber: 2, CopySource: `${Bucket}/source` })),
      () => front.send(new ListPartsCommand(foreign)),
      () => complete(front, foreign, ETag),
    ])
      await expect(attempt()).rejects.toMatchObject({ ...GONE, message: expect.stringContaining('not begun through') });
    await expect(front.send(new HeadObjectCommand({ Bucket, Key: 'foreign' }))).rejects.toMatchObject({
      name: 'NotFound',
    });
    const own = await begin(front, Bucket, 'own');
    expect(await complete(front, own, (await part(front, own)).ETag)).toMatchObject({
      ServerSideEncryption: 'aws:kms',
    });
    await front.send(new AbortMultipartUploadCommand(foreign));
    expect((await beside.send(new ListMultipartUploadsCommand({ Bucket, Prefix: 'foreign' }))).Uploads).toBeUndefined();
  });

  test('of a gateway’s own are not continued by the id that the store has for them', async () => {
    const own = await begin(front, Bucket, 'both');
    const { Uploads } = await beside.send(new ListMultipartUploadsCommand({ Bucket, Prefix: 'both' }));
    const bare = { ...own, UploadId: Uploads?.[0]?.UploadId ?? '' };
    expect(bare.UploadId).not.toBe('');
    await expect(part(front, bare)).rejects.toMatchObject(GONE);
    expect(await complete(front, own, (await part(front, own)).ETag)).toMatchObject({
      ServerSideEncryption: 'aws:kms',
    });
  });

  test.each<[string, (id: string) => string]>([
    ['one letter is changed', (id) => id.slice(0, -1) + (id.endsWith('A') ? 'B' : 'A')],
    ['it is of another object', (id) => id],
  ])('that are forged name nothing: %s', async (name, forge) => {
    const own = await begin(front, Bucket, 'true');
    const Key = name.includes('another') ? 'other' : 'true';
    const forged = { Bucket, Key, UploadId: forge(own.UploadId) };
    await expect(part(front, forged)).rejects.toMatchObject(GONE);
    await expect(front.send(new AbortMultipartUploadCommand(forged))).rejects.toMatchObject(GONE);
    await front.send(new AbortMultipartUploadCommand(own));
  });
});

describe('the age of an upload', () => {
  let chain: Chain;
  let client: S3Client;
  /** ms that the gateway's clock is away from the store's and the client's; signatures allow for 15 minutes. */
  let offset = 0;
  const start = async (startedAt: number): Promise<void> => {
    offset = startedAt;
    chain = await startChain({
      now: () => Date.now() + offset,
      config: { limits: { uploads: '5m' }, bucketsWithoutRule: 'none' },
    });
    client = awsClient(chain.front);
    for (const Bucket of ['local-managed', 's3-kms']) await client.send(new CreateBucketCommand({ Bucket }));
    offset = 0;
  };
  afterEach(() => chain.close());

  test.each(['local-managed', 's3-kms'])('ends what may be done with it in %s, but for Abort', async (Bucket) => {
    await start(-10 * MINUTES);
    const upload = await begin(client, Bucket, 'old');
    const { ETag } = await part(client, upload);
    offset = 4 * MINUTES;
    await part(client, upload, 2);
    offset = 6 * MINUTES;
    for (const attempt of [
      () => part(client, upload),
      () => client.send(new ListPartsCommand(upload)),
      () => complete(client, upload, ETag),
    ])
      await expect(attempt()).rejects.toMatchObject(GONE);
    await client.send(new AbortMultipartUploadCommand(upload));
  });

  /** An id as release 0.1.0 made it. */
  async function formerId({ Bucket, Key, UploadId }: Upload): Promise<Upload> {
    const keyring = await openLocalKeyring({
      file: join(chain.front.directory, 'keyring.json'),
      now: Date.now,
      randomBytes,
    });
    const id = Buffer.from(UploadId).toString('base64url');
    const said = { kind: 'kms', key: 'cmk-orders', algorithm: 'AES256', layers: 1 };
    const claim = Buffer.from(JSON.stringify(said)).toString('base64url');
    const mac = createHmac('sha256', await keyring.ownKey('upload-tokens'))
      .update(JSON.stringify(['bsl1', Bucket, Key, id, claim]))
      .digest()
      .subarray(0, 18)
      .toString('base64url');
    return { Bucket, Key, UploadId: `bsl1.${id}.${claim}.${mac}` };
  }

  test('with an id of release 0.1.0 is what the store’s list says', async () => {
    await start(-10 * MINUTES);
    const beside = awsClient(chain.upstream);
    const { UploadId = '' } = await beside.send(
      new CreateMultipartUploadCommand({
        Bucket: 's3-kms',
        Key: 'former',
        ServerSideEncryption: 'aws:kms',
        SSEKMSKeyId: 'cmk-orders',
      }),
    );
    // Others of keys that begin like it stand in the same list.
    await begin(beside, 's3-kms', 'former-2');
    const former = await formerId({ Bucket: 's3-kms', Key: 'former', UploadId });
    const { ETag } = await part(client, former);
    offset = 6 * MINUTES;
    await expect(complete(client, former, ETag)).rejects.toMatchObject(GONE);
    offset = 4 * MINUTES;
    expect(await complete(client, former, ETag)).toMatchObject({
      ServerSideEncryption: 'aws:kms',
      SSEKMSKeyId: 'cmk-orders',
    });
  });

  test('counts from the upgrade at the earliest', async () => {
    await start(12 * MINUTES);
    const beside = awsClient(chain.upstream);
    const { UploadId = '' } = await beside.send(
      new CreateMultipartUploadCommand({
        Bucket: 's3-kms',
        Key: 'before',
        ServerSideEncryption: 'aws:kms',
        SSEKMSKeyId: 'cmk-orders',
      }),
    );
    const former = await formerId({ Bucket: 's3-kms', Key: 'before', UploadId });
    // By the gateway's clock the upload is 14 minutes old, and the upgrade was two minutes ago.
    offset = 14 * MINUTES;
    const { ETag } = await part(client, former);
    await complete(client, former, ETag);
  });
});
