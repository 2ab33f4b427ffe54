import {
  CopyObjectCommand,
  CreateBucketCommand,
  GetBucketAclCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  UploadPartCopyCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGateway, type TestGateway } from './gateway.ts';
import { ossClient } from './oss-clients.ts';
import { awsClient } from './s3-clients.ts';

const OWNER = '123456789012';
const OTHER = '210987654321';
const policy = { version: 1, buckets: [{ match: '*', store: 'local', encryption: { default: 'managed' } }] };

describe('the expected owner of a bucket', () => {
  let gateway: TestGateway;
  let s3: S3Client;
  const at = { Bucket: 'mine', Key: 'k' };
  const read = async (): Promise<string | undefined> =>
    (await s3.send(new GetObjectCommand(at))).Body?.transformToString();
  beforeAll(async () => {
    gateway = await startGateway({ policy, config: { owner: OWNER } });
    s3 = awsClient(gateway);
    await s3.send(new CreateBucketCommand({ Bucket: 'mine' }));
    await s3.send(new PutObjectCommand({ ...at, Body: 'first' }));
  });
  afterAll(() => gateway.close());

  test('that it has lets everything pass', async () => {
    const own = { ExpectedBucketOwner: OWNER };
    await s3.send(new PutObjectCommand({ ...at, Body: 'first', ...own }));
    await s3.send(new HeadBucketCommand({ Bucket: 'mine', ...own }));
    await s3.send(new HeadObjectCommand({ ...at, ...own }));
    await s3.send(
      new CopyObjectCommand({
        Bucket: 'mine',
        Key: 'copy',
        CopySource: 'mine/k',
        ...own,
        ExpectedSourceBucketOwner: OWNER,
      }),
    );
    expect(await read()).toBe('first');
  });

  test('that it has not is 403, and nothing is done', async () => {
    const other = { ExpectedBucketOwner: OTHER };
    const denied = { name: 'AccessDenied', $metadata: { httpStatusCode: 403 } };
    await expect(s3.send(new PutObjectCommand({ ...at, Body: 'second', ...other }))).rejects.toMatchObject(denied);
    await expect(s3.send(new GetObjectCommand({ ...at, ...other }))).rejects.toMatchObject(denied);
    await expect(s3.send(new ListObjectsV2Command({ Bucket: 'mine', ...other }))).rejects.toMatchObject(denied);
    await expect(s3.send(new HeadObjectCommand({ ...at, ...other }))).rejects.toMatchObject({
      $metadata: { httpStatusCode: 403 },
    });
    for (const copy of [
      new CopyObjectCommand({ ...at, CopySource: 'mine/copy', ExpectedSourceBucketOwner: OTHER }),
      new UploadPartCopyCommand({
        ...at,
        UploadId: 'u',
        PartNumber: 1,
        CopySource: 'mine/copy',
        ExpectedSourceBucketOwner: OTHER,
      }),
    ])
      await expect(s3.send(copy as CopyObjectCommand)).rejects.toMatchObject(denied);
    const url = await getSignedUrl(s3, new GetObjectCommand({ ...at, ...other }));
    expect((await fetch(url)).status).toBe(403);
    expect(await read()).toBe('first');
  });

  test.each(['1234', 'somebody', '12345678901a', ''])('that is no account id (%j) is 400', async (owner) => {
    await expect(
      s3.send(new PutObjectCommand({ ...at, Body: 'second', ExpectedBucketOwner: owner })),
    ).rejects.toMatchObject({ name: 'InvalidBucketOwnerAWSAccountID', $metadata: { httpStatusCode: 400 } });
    expect(await read()).toBe('first');
  });

  test('is the one that ACLs and listings name, to clients of either language', async () => {
    expect((await s3.send(new GetBucketAclCommand({ Bucket: 'mine' }))).Owner?.ID).toBe(OWNER);
    expect((await s3.send(new ListBucketsCommand({}))).Owner?.ID).toBe(OWNER);
    const { Contents } = await s3.send(new ListObjectsV2Command({ Bucket: 'mine', FetchOwner: true }));
    expect(Contents?.map(({ Owner }) => Owner?.ID)).toEqual([OWNER, OWNER]);
    const listed = (await ossClient(gateway, { bucket: 'mine' }).list({})) as unknown as {
      readonly objects?: readonly { readonly owner: { readonly id: string } }[];
    };
    expect(listed.objects?.map(({ owner }) => owner.id)).toEqual([OWNER, OWNER]);
  });
});

test('a gateway that was told of no owner has the account id 000000000000', async () => {
  const gateway = await startGateway({ policy });
  try {
    const s3 = awsClient(gateway);
    await s3.send(new CreateBucketCommand({ Bucket: 'mine' }));
    await s3.send(new HeadBucketCommand({ Bucket: 'mine', ExpectedBucketOwner: '000000000000' }));
    await expect(s3.send(new HeadBucketCommand({ Bucket: 'mine', ExpectedBucketOwner: OWNER }))).rejects.toMatchObject({
      $metadata: { httpStatusCode: 403 },
    });
  } finally {
    await gateway.close();
  }
});
