import { createHash, randomBytes } from 'node:crypto';
import {
  CompleteMultipartUploadCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  GetObjectAttributesCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListPartsCommand,
  PutObjectCommand,
  UploadPartCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createDigests } from '../../src/wire/digests.ts';
import { startGateway, type TestGateway } from './gateway.ts';
import { ossClient, type AliOssClient } from './oss-clients.ts';
import { awsClient } from './s3-clients.ts';

const BODY = Buffer.from('salary: 4711');
const SHA256 = createHash('sha256').update(BODY).digest('base64');
const COMPOSITE = `${createHash('sha256').update(Buffer.from(SHA256, 'base64')).digest('base64')}-1`;
const DENIED = { name: 'AccessDenied', $metadata: { httpStatusCode: 403 } };
const CRC64 = 'x-oss-hash-crc64ecma';

/** What a client learns, whether it is answered or refused. */
async function learnt(outcome: Promise<unknown>): Promise<string> {
  return JSON.stringify(await outcome.catch((error: unknown) => error));
}

describe('digests of what lies under a KMS key', () => {
  let gateway: TestGateway;
  let owner: S3Client;
  let keyless: S3Client;
  let writer: S3Client;
  let ossOwner: AliOssClient;
  let ossKeyless: AliOssClient;
  let ossWriter: AliOssClient;
  let crc64: string;
  const Bucket = 'orders-a';
  const put = { Bucket, Key: 'put' };
  const upload = { Bucket, Key: 'upload' };
  let UploadId: string;
  let Parts: { PartNumber: number; ETag: string; ChecksumSHA256: string }[];

  beforeAll(async () => {
    const digests = await createDigests(['CRC64']);
    digests.update(BODY);
    crc64 = (digests.value('CRC64')?.readBigUInt64BE() ?? 0n).toString();
    const everywhere = (actions: readonly string[]) => [{ buckets: ['*'], actions }];
    gateway = await startGateway({
      policy: {
        version: 1,
        keys: { orders: {} },
        buckets: [{ match: '*', store: 'local', encryption: { default: { kms: 'orders' } } }],
      },
      clients: {
        keyless: { grants: everywhere(['read', 'write', 'list']) },
        writer: { grants: everywhere(['write']), keys: ['orders'] },
      },
    });
    owner = awsClient(gateway);
    keyless = awsClient(gateway, { client: gateway.clients['keyless']! });
    writer = awsClient(gateway, { client: gateway.clients['writer']! });
    ossOwner = ossClient(gateway, { bucket: Bucket });
    ossKeyless = ossClient(gateway, { bucket: Bucket, client: gateway.clients['keyless']! });
    ossWriter = ossClient(gateway, { bucket: Bucket, client: gateway.clients['writer']! });
    await owner.send(new CreateBucketCommand({ Bucket }));
    await owner.send(new PutObjectCommand({ ...put, Body: BODY, ChecksumSHA256: SHA256 }));
    await ossOwner.put('oss', BODY);
    const begun = await owner.send(new CreateMultipartUploadCommand({ ...upload, ChecksumAlgorithm: 'SHA256' }));
    UploadId = begun.UploadId ?? '';
    const part = await owner.send(
      new UploadPartCommand({ ...upload, UploadId, PartNumber: 1, Body: BODY, ChecksumSHA256: SHA256 }),
    );
    Parts = [{ PartNumber: 1, ETag: part.ETag ?? '', ChecksumSHA256: SHA256 }];
  });
  afterAll(() => gateway.close());

  test('a plain HEAD is for every reader, its digests are for who may read the bytes', async () => {
    await expect(keyless.send(new GetObjectCommand(put))).rejects.toMatchObject(DENIED);
    const plain = await keyless.send(new HeadObjectCommand(put));
    expect(plain).toMatchObject({ ContentLength: BODY.length, ServerSideEncryption: 'aws:kms' });
    expect(JSON.stringify(plain)).not.toContain(SHA256);
    await expect(keyless.send(new HeadObjectCommand({ ...put, ChecksumMode: 'ENABLED' }))).rejects.toMatchObject({
      $metadata: { httpStatusCode: 403 },
    });
    expect(await owner.send(new HeadObjectCommand({ ...put, ChecksumMode: 'ENABLED' }))).toMatchObject({
      ChecksumSHA256: SHA256,
    });
  });

  test('attributes without digests are for every reader, digests for who may read the bytes', async () => {
    const ask = (client: S3Client, ...ObjectAttributes: ('Checksum' | 'ObjectSize' | 'ETag' | 'ObjectParts')[]) =>
      client.send(new GetObjectAttributesCommand({ ...put, ObjectAttributes }));
    expect(await ask(keyless, 'ObjectSize', 'ETag', 'ObjectParts')).toMatchObject({ ObjectSize: BODY.length });
    await expect(ask(keyless, 'ObjectSize', 'Checksum')).rejects.toMatchObject(DENIED);
    expect((await ask(owner, 'Checksum')).Checksum?.ChecksumSHA256).toBe(SHA256);
  });

  test('HEAD and ?objectMeta of OSS clients tell the CRC64 to who may read the bytes', async () => {
    const head = await ossKeyless.head('oss');
    expect(head.res.headers).toMatchObject({ 'content-length': String(BODY.length) });
    expect(head.res.headers).not.toHaveProperty(CRC64);
    expect((await ossKeyless.getObjectMeta('oss')).res.headers).not.toHaveProperty(CRC64);
    expect((await ossOwner.head('oss')).res.headers[CRC64]).toBe(crc64);
    expect((await ossOwner.getObjectMeta('oss')).res.headers[CRC64]).toBe(crc64);
  });

  test('a list of parts, a Complete and its repetition tell nothing to who may not read', async () => {
    const complete = (client: S3Client) =>
      client.send(new CompleteMultipartUploadCommand({ ...upload, UploadId, MultipartUpload: { Parts } }));
    const list = (client: S3Client) => client.send(new ListPartsCommand({ ...upload, UploadId }));
    expect((await list(owner)).Parts).toMatchObject([{ ChecksumSHA256: SHA256 }]);
    const listed = await list(writer);
    expect(listed.Parts).toMatchObject([{ PartNumber: 1, Size: BODY.length, ETag: Parts[0]?.ETag }]);
    expect(JSON.stringify(listed)).not.toContain(SHA256);
    expect(await learnt(list(keyless))).not.toContain(SHA256);

    const completed = await complete(writer);
    expect(completed.ETag).toMatch(/-1"$/);
    expect(JSON.stringify(completed)).not.toContain(COMPOSITE);
    expect(JSON.stringify(await complete(writer))).not.toContain(COMPOSITE);
    expect(await learnt(complete(keyless))).not.toContain(COMPOSITE);
    expect(await complete(owner)).toMatchObject({ ChecksumSHA256: COMPOSITE });
    const attributes = new GetObjectAttributesCommand({ ...upload, ObjectAttributes: ['ObjectParts'] });
    const seen = await keyless.send(attributes);
    expect(seen.ObjectParts).toMatchObject({ TotalPartsCount: 1, Parts: [{ Size: BODY.length }] });
    expect(JSON.stringify(seen)).not.toContain(SHA256);
    expect((await owner.send(attributes)).ObjectParts?.Parts).toMatchObject([{ ChecksumSHA256: SHA256 }]);
  });

  test('the CRC64 of a whole that somebody appends to is for readers: it tells that of the bytes before', async () => {
    await ossOwner.append('log', BODY);
    const written = await ossWriter.append('log', Buffer.from('x'), { position: BODY.length });
    expect(written.res.headers).not.toHaveProperty(CRC64);
    const read = await ossOwner.append('log', Buffer.from('y'), { position: BODY.length + 1 });
    expect(read.res.headers).toHaveProperty(CRC64);
  });
});

describe("digests of what lies under a customer's key", () => {
  let gateway: TestGateway;
  let s3: S3Client;
  const at = { Bucket: 'secret', Key: 'k' };
  const keyOf = (key: Buffer) => ({
    SSECustomerAlgorithm: 'AES256',
    SSECustomerKey: key.toString('base64'),
    SSECustomerKeyMD5: createHash('md5').update(key).digest('base64'),
  });
  const own = keyOf(randomBytes(32));

  beforeAll(async () => {
    gateway = await startGateway({
      policy: {
        version: 1,
        buckets: [{ match: '*', store: 'local', encryption: { default: 'managed', accept: ['managed', 'customer'] } }],
      },
    });
    s3 = awsClient(gateway, { secure: true });
    await s3.send(new CreateBucketCommand({ Bucket: 'secret' }));
  });
  afterAll(() => gateway.close());

  test('are told with the key only; another key, or one where none belongs, is refused', async () => {
    const begin = async (Key: string, key: object) =>
      (await s3.send(new CreateMultipartUploadCommand({ ...at, Key, ChecksumAlgorithm: 'SHA256', ...key }))).UploadId;
    const UploadId = await begin('k', own);
    const part = await s3.send(
      new UploadPartCommand({ ...at, UploadId, PartNumber: 1, Body: BODY, ChecksumSHA256: SHA256, ...own }),
    );
    const list = (key: object) => s3.send(new ListPartsCommand({ ...at, UploadId, ...key }));
    const without = await list({});
    expect(without.Parts).toMatchObject([{ PartNumber: 1, ETag: part.ETag }]);
    expect(JSON.stringify(without)).not.toContain(SHA256);
    expect((await list(own)).Parts).toMatchObject([{ ChecksumSHA256: SHA256 }]);
    await expect(list(keyOf(randomBytes(32)))).rejects.toMatchObject({ name: 'InvalidRequest' });
    const managed = await begin('managed', {});
    await expect(
      s3.send(new ListPartsCommand({ ...at, Key: 'managed', UploadId: managed, ...own })),
    ).rejects.toMatchObject({ name: 'InvalidRequest' });

    const complete = (key: object) =>
      s3.send(
        new CompleteMultipartUploadCommand({
          ...at,
          UploadId,
          MultipartUpload: { Parts: [{ PartNumber: 1, ETag: part.ETag, ChecksumSHA256: SHA256 }] },
          ...key,
        }),
      );
    // Clients complete without the key, as at AWS.
    expect(JSON.stringify(await complete({}))).not.toContain(COMPOSITE);
    expect(await complete(own)).toMatchObject({ ChecksumSHA256: COMPOSITE });
  });
});
