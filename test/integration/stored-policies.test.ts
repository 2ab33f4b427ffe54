import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteBucketPolicyCommand,
  DeleteObjectCommand,
  GetBucketPolicyCommand,
  GetObjectAclCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutBucketPolicyCommand,
  PutObjectAclCommand,
  PutObjectCommand,
  PutObjectTaggingCommand,
  UploadPartCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGateway, type TestGateway } from './gateway.ts';
import { awsClient } from './s3-clients.ts';

const DENIED = { name: 'AccessDenied', $metadata: { httpStatusCode: 403 } };

let gateway: TestGateway;
let plain: S3Client;
let secure: S3Client;
beforeAll(async () => {
  gateway = await startGateway({
    clients: { other: { grants: [{ buckets: ['*'], actions: ['read', 'write', 'list'] }], keys: ['*'] } },
    policy: {
      version: 1,
      keys: { orders: {}, archive: {} },
      buckets: [
        {
          match: '*',
          store: 'local',
          encryption: {
            default: 'managed',
            accept: ['managed', { kms: 'orders' }, { kms: 'archive' }, { kms: 'default' }, 'customer'],
          },
        },
      ],
    },
  });
  plain = awsClient(gateway);
  secure = awsClient(gateway, { secure: true });
});
afterAll(() => gateway.close());

type Statement = Readonly<Record<string, unknown>>;
let next = 0;
/** A fresh bucket under these statements; `BUCKET` in them stands for its name. */
async function bucketWith(...statements: readonly Statement[]): Promise<string> {
  const bucket = `bucket-${next++}`;
  await secure.send(new CreateBucketCommand({ Bucket: bucket }));
  await putPolicy(bucket, ...statements);
  return bucket;
}
async function putPolicy(bucket: string, ...statements: readonly Statement[]): Promise<void> {
  await secure.send(new PutBucketPolicyCommand({ Bucket: bucket, Policy: policyText(bucket, statements) }));
}
function policyText(bucket: string, statements: readonly Statement[]): string {
  return JSON.stringify({ Version: '2012-10-17', Statement: statements }).replaceAll('BUCKET', bucket);
}

const deny = (more: Statement): Statement => ({
  Effect: 'Deny',
  Principal: '*',
  Action: 's3:PutObject',
  Resource: 'arn:aws:s3:::BUCKET/*',
  ...more,
});
const SSE = 's3:x-amz-server-side-encryption';

/** https://repost.aws/knowledge-center/s3-bucket-policy-for-config-rule: the compliant form. */
const HTTPS_ONLY = deny({
  Sid: 'RestrictToTLSRequestsOnly',
  Action: 's3:*',
  Resource: ['arn:aws:s3:::BUCKET', 'arn:aws:s3:::BUCKET/*'],
  Condition: { Bool: { 'aws:SecureTransport': 'false' } },
});
/** The two statements of ceph/s3-tests and of AWS's "deny incorrect and missing encryption header". */
const DENY_UNENCRYPTED = [
  deny({ Sid: 'DenyIncorrectEncryptionHeader', Condition: { StringNotEquals: { [SSE]: 'AES256' } } }),
  deny({ Sid: 'DenyUnEncryptedObjectUploads', Condition: { Null: { [SSE]: 'true' } } }),
];

describe('aws:SecureTransport', () => {
  test('over HTTP everything is refused, over HTTPS nothing is', async () => {
    const bucket = await bucketWith(HTTPS_ONLY);
    const put = { Bucket: bucket, Key: 'k', Body: 'x' };
    await secure.send(new PutObjectCommand(put));
    for (const command of [
      new PutObjectCommand(put),
      new GetObjectCommand({ Bucket: bucket, Key: 'k' }),
      new DeleteObjectCommand({ Bucket: bucket, Key: 'k' }),
      new ListObjectsV2Command({ Bucket: bucket }),
      new CreateMultipartUploadCommand({ Bucket: bucket, Key: 'k' }),
      new GetBucketPolicyCommand({ Bucket: bucket }),
    ])
      await expect(plain.send(command as PutObjectCommand)).rejects.toMatchObject(DENIED);
    const got = await secure.send(new GetObjectCommand({ Bucket: bucket, Key: 'k' }));
    expect(await got.Body?.transformToString()).toBe('x');
  });

  test('a statement about keys leaves the bucket itself alone', async () => {
    const bucket = await bucketWith({ ...HTTPS_ONLY, Resource: 'arn:aws:s3:::BUCKET/private/*' });
    await plain.send(new ListObjectsV2Command({ Bucket: bucket }));
    await plain.send(new PutObjectCommand({ Bucket: bucket, Key: 'public/k', Body: 'x' }));
    await expect(
      plain.send(new PutObjectCommand({ Bucket: bucket, Key: 'private/k', Body: 'x' })),
    ).rejects.toMatchObject(DENIED);
  });

  test('a statement about putting objects reaches their ACLs, in whatever form', async () => {
    const bucket = await bucketWith({ ...HTTPS_ONLY, Action: 's3:PutObject*', Resource: 'arn:aws:s3:::BUCKET/*' });
    const at = { Bucket: bucket, Key: 'k' };
    await secure.send(new PutObjectCommand({ ...at, Body: 'x' }));
    const own = await secure.send(new GetObjectAclCommand(at));
    const AccessControlPolicy = { Owner: own.Owner, Grants: own.Grants };
    for (const put of [
      new PutObjectAclCommand({ ...at, ACL: 'private' }),
      new PutObjectAclCommand({ ...at, AccessControlPolicy }),
      new PutObjectAclCommand({ ...at, GrantRead: 'id="somebody"' }),
    ])
      await expect(plain.send(put)).rejects.toMatchObject(DENIED);
    await secure.send(new PutObjectAclCommand({ ...at, ACL: 'private' }));
  });

  test('binds the source of a copy', async () => {
    const source = await bucketWith(HTTPS_ONLY);
    await secure.send(new PutObjectCommand({ Bucket: source, Key: 'k', Body: 'x' }));
    const target = await bucketWith({ ...HTTPS_ONLY, Resource: 'arn:aws:s3:::BUCKET/never' });
    const copy = new CopyObjectCommand({ Bucket: target, Key: 'k', CopySource: `${source}/k` });
    await expect(plain.send(copy)).rejects.toMatchObject(DENIED);
    await secure.send(copy);
  });
});

describe('s3:x-amz-server-side-encryption', () => {
  test('a write that asks for nothing, or for something else, is refused', async () => {
    const bucket = await bucketWith(...DENY_UNENCRYPTED);
    const put = { Bucket: bucket, Key: 'k', Body: 'x' };
    await expect(secure.send(new PutObjectCommand(put))).rejects.toMatchObject(DENIED);
    await expect(
      secure.send(new PutObjectCommand({ ...put, ServerSideEncryption: 'aws:kms', SSEKMSKeyId: 'orders' })),
    ).rejects.toMatchObject(DENIED);
    // Negated operators are true where the header is missing: a customer's key is no AES256 either.
    await expect(secure.send(new PutObjectCommand({ ...put, ...customerKey() }))).rejects.toMatchObject(DENIED);
    await secure.send(new PutObjectCommand({ ...put, ServerSideEncryption: 'AES256' }));
    await secure.send(new GetObjectCommand({ Bucket: bucket, Key: 'k' }));
    await expect(
      secure.send(new CopyObjectCommand({ Bucket: bucket, Key: 'copy', CopySource: `${bucket}/k` })),
    ).rejects.toMatchObject(DENIED);
    await secure.send(
      new CopyObjectCommand({ Bucket: bucket, Key: 'copy', CopySource: `${bucket}/k`, ServerSideEncryption: 'AES256' }),
    );
    // Tags are not PutObject.
    await secure.send(new PutObjectTaggingCommand({ Bucket: bucket, Key: 'k', Tagging: { TagSet: [] } }));
  });

  test('a value without a meaning is refused by the policy before it is a bad request', async () => {
    const bucket = await bucketWith(...DENY_UNENCRYPTED);
    const bad = { Bucket: bucket, Key: 'k', Body: 'x', ServerSideEncryption: 'AES192' as 'AES256' };
    await expect(secure.send(new PutObjectCommand(bad))).rejects.toMatchObject(DENIED);
    await secure.send(new DeleteBucketPolicyCommand({ Bucket: bucket }));
    await expect(secure.send(new PutObjectCommand(bad))).rejects.toMatchObject({
      name: 'InvalidArgument',
      $metadata: { httpStatusCode: 400 },
    });
  });

  test('parts and Complete are judged by what Create recorded', async () => {
    const bucket = await bucketWith(...DENY_UNENCRYPTED);
    const upload = { Bucket: bucket, Key: 'k' };
    await expect(secure.send(new CreateMultipartUploadCommand(upload))).rejects.toMatchObject(DENIED);
    await finish(upload, await begin({ ...upload, ServerSideEncryption: 'AES256' }));

    await secure.send(new DeleteBucketPolicyCommand({ Bucket: bucket }));
    const other = await begin({ ...upload, ServerSideEncryption: 'aws:kms', SSEKMSKeyId: 'orders' });
    await putPolicy(bucket, ...DENY_UNENCRYPTED);
    await expect(finish(upload, other)).rejects.toMatchObject(DENIED);
  });

  test('any KMS key will do where a pattern says so', async () => {
    const bucket = await bucketWith(deny({ Condition: { StringNotLike: { [SSE]: 'aws:kms*' } } }));
    const put = { Bucket: bucket, Key: 'k', Body: 'x' };
    await secure.send(new PutObjectCommand({ ...put, ServerSideEncryption: 'aws:kms' }));
    await expect(secure.send(new PutObjectCommand({ ...put, ServerSideEncryption: 'AES256' }))).rejects.toMatchObject(
      DENIED,
    );
    await expect(secure.send(new PutObjectCommand(put))).rejects.toMatchObject(DENIED);
  });

  test('a statement about every action reaches requests that cannot carry the header, as at AWS', async () => {
    const bucket = await bucketWith(deny({ Action: 's3:*', Condition: { Null: { [SSE]: 'true' } } }));
    await secure.send(new PutObjectCommand({ Bucket: bucket, Key: 'k', Body: 'x', ServerSideEncryption: 'AES256' }));
    await expect(secure.send(new GetObjectCommand({ Bucket: bucket, Key: 'k' }))).rejects.toMatchObject(DENIED);
  });
});

describe('s3:x-amz-server-side-encryption-aws-kms-key-id', () => {
  const KEY_ID = `${SSE}-aws-kms-key-id`;

  test('one key, and a write must name it', async () => {
    const bucket = await bucketWith(
      deny({ Condition: { StringNotEquals: { [KEY_ID]: 'orders' } } }),
      deny({ Sid: 'DenyObjectsThatAreNotSSEKMS', Condition: { Null: { [KEY_ID]: 'true' } } }),
    );
    const put = { Bucket: bucket, Key: 'k', Body: 'x', ServerSideEncryption: 'aws:kms' } as const;
    await expect(secure.send(new PutObjectCommand(put))).rejects.toMatchObject(DENIED);
    await expect(secure.send(new PutObjectCommand({ ...put, SSEKMSKeyId: 'archive' }))).rejects.toMatchObject(DENIED);
    const done = await secure.send(new PutObjectCommand({ ...put, SSEKMSKeyId: 'orders' }));
    expect(done.SSEKMSKeyId).toBe('orders');
    const upload = { Bucket: bucket, Key: 'parts' };
    await finish(upload, await begin({ ...upload, ServerSideEncryption: 'aws:kms', SSEKMSKeyId: 'orders' }));
  });
});

test('s3:x-amz-server-side-encryption-customer-algorithm: the policy speaks before the algorithm is judged', async () => {
  const name = `${SSE}-customer-algorithm`;
  const bucket = await bucketWith(
    deny({ Condition: { StringNotEquals: { [name]: 'AES256' } } }),
    deny({ Condition: { Null: { [name]: 'true' } } }),
  );
  const put = { Bucket: bucket, Key: 'k', Body: 'x' };
  await expect(secure.send(new PutObjectCommand(put))).rejects.toMatchObject(DENIED);
  await expect(
    secure.send(new PutObjectCommand({ ...put, ...customerKey(), SSECustomerAlgorithm: 'AES192' })),
  ).rejects.toMatchObject(DENIED);
  await secure.send(new PutObjectCommand({ ...put, ...customerKey() }));
});

describe('principals', () => {
  test('a Deny of one client leaves the others alone', async () => {
    const other = awsClient(gateway, { secure: true, client: gateway.clients['other']! });
    const bucket = await bucketWith(deny({ Principal: { AWS: gateway.clients['other']!.accessKeyId } }));
    const put = new PutObjectCommand({ Bucket: bucket, Key: 'k', Body: 'x' });
    await expect(other.send(put)).rejects.toMatchObject(DENIED);
    await secure.send(put);
  });
});

describe('PutBucketPolicy', () => {
  test.each([
    ['Effect Allow', { Effect: 'Allow' }, 'Allow'],
    ['a condition that is not judged', { Condition: { IpAddress: { 'aws:SourceIp': '10.0.0.0/8' } } }, 'aws:SourceIp'],
    ['an action that is not judged', { Action: 's3:PutLifecycleConfiguration' }, 's3:PutLifecycleConfiguration'],
    ['NotPrincipal', { Principal: undefined, NotPrincipal: '*' }, 'NotPrincipal'],
    ['a principal that is no client', { Principal: { AWS: 'arn:aws:iam::111122223333:root' } }, '111122223333'],
  ])('refuses %s, naming it, and keeps the policy that was there', async (_what, change, named) => {
    const bucket = await bucketWith(HTTPS_ONLY);
    await expect(putPolicy(bucket, deny(change))).rejects.toMatchObject({
      name: 'NotImplemented',
      message: expect.stringContaining(named) as string,
    });
    const { Policy } = await secure.send(new GetBucketPolicyCommand({ Bucket: bucket }));
    expect(Policy).toBe(policyText(bucket, [HTTPS_ONLY]));
  });

  test('another bucket’s policy is malformed here', async () => {
    const bucket = await bucketWith(HTTPS_ONLY);
    await expect(putPolicy(bucket, { ...HTTPS_ONLY, Resource: 'arn:aws:s3:::another/*' })).rejects.toMatchObject({
      name: 'MalformedPolicy',
    });
  });

  test('a deleted policy binds nobody, and is not there', async () => {
    const bucket = await bucketWith(HTTPS_ONLY);
    await expect(plain.send(new ListObjectsV2Command({ Bucket: bucket }))).rejects.toMatchObject(DENIED);
    await secure.send(new DeleteBucketPolicyCommand({ Bucket: bucket }));
    await plain.send(new ListObjectsV2Command({ Bucket: bucket }));
    await expect(secure.send(new GetBucketPolicyCommand({ Bucket: bucket }))).rejects.toMatchObject({
      name: 'NoSuchBucketPolicy',
      $metadata: { httpStatusCode: 404 },
    });
  });

  test('a policy that denies everything to everybody can still be taken away', async () => {
    const bucket = await bucketWith(
      deny({ Action: 's3:*', Resource: ['arn:aws:s3:::BUCKET', 'arn:aws:s3:::BUCKET/*'] }),
    );
    await expect(secure.send(new ListObjectsV2Command({ Bucket: bucket }))).rejects.toMatchObject(DENIED);
    await secure.send(new DeleteBucketPolicyCommand({ Bucket: bucket }));
    await secure.send(new ListObjectsV2Command({ Bucket: bucket }));
  });
});

function customerKey(): { SSECustomerAlgorithm: string; SSECustomerKey: string; SSECustomerKeyMD5: string } {
  const key = randomBytes(32);
  return {
    SSECustomerAlgorithm: 'AES256',
    SSECustomerKey: key.toString('base64'),
    SSECustomerKeyMD5: createHash('md5').update(key).digest('base64'),
  };
}

interface Upload {
  readonly Bucket: string;
  readonly Key: string;
}

async function begin(input: ConstructorParameters<typeof CreateMultipartUploadCommand>[0]): Promise<string> {
  const { UploadId } = await secure.send(new CreateMultipartUploadCommand(input));
  return UploadId ?? '';
}

async function finish(upload: Upload, UploadId: string): Promise<void> {
  const { ETag } = await secure.send(new UploadPartCommand({ ...upload, UploadId, PartNumber: 1, Body: 'part' }));
  await secure.send(
    new CompleteMultipartUploadCommand({ ...upload, UploadId, MultipartUpload: { Parts: [{ PartNumber: 1, ETag }] } }),
  );
}
