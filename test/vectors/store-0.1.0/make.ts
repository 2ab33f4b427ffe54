import { createHash } from 'node:crypto';
import { cpSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  CompleteMultipartUploadCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  PutBucketEncryptionCommand,
  PutBucketPolicyCommand,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { awsClient } from '../../integration/s3-clients.ts';
import { ossClient } from '../../integration/oss-clients.ts';
import { startGateway } from '../../integration/gateway.ts';

/**
 * Made `objects/`, `keyring.json` and `content.json` beside this file, with the code of release 0.1.0 (commit 1785714):
 * a data directory as that release left it. Run on later code it would make another layout.
 */
const HERE = import.meta.dirname;
const KEY = createHash('sha256').update('a customer').digest();
const CUSTOMER = {
  SSECustomerAlgorithm: 'AES256',
  SSECustomerKey: KEY.toString('base64'),
  SSECustomerKeyMD5: createHash('md5').update(KEY).digest('base64'),
};

const gateway = await startGateway({
  policy: {
    version: 1,
    keys: { orders: { keyring: 'orders' } },
    defaults: { encryption: { accept: ['managed', { kms: 'orders' }, { kms: 'default' }, 'customer'] } },
    buckets: [
      {
        match: 'mixed',
        store: 'local',
        encryption: { default: 'managed', clients: 'choose' },
        prefixes: [{ prefix: 'plain/', encryption: { default: 'none' } }],
      },
      { match: 'ruled', store: 'local', encryption: { default: 'store', clients: 'choose' } },
    ],
  },
});
const s3 = awsClient(gateway, { secure: true });
const oss = ossClient(gateway, { bucket: 'mixed' });
const filled = (size: number, seed: string): Buffer => Buffer.alloc(size, createHash('sha512').update(seed).digest());

const bodies: Record<string, Buffer> = {
  'plain/note': Buffer.from('in clear, as the policy says\n'),
  managed: Buffer.from('under the managed key\n'),
  kms: Buffer.from('under the key of orders\n'),
  customer: Buffer.from("under the customer's key\n"),
  empty: Buffer.alloc(0),
  segment: filled(16_384, 'segment'),
  parts: Buffer.concat([filled(102_400, 'first'), filled(10, 'second')]),
  log: Buffer.from('one line\nanother line\n'),
};

await s3.send(new CreateBucketCommand({ Bucket: 'mixed' }));
await s3.send(new CreateBucketCommand({ Bucket: 'ruled' }));
await s3.send(
  new PutBucketEncryptionCommand({
    Bucket: 'ruled',
    ServerSideEncryptionConfiguration: {
      Rules: [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms', KMSMasterKeyID: 'orders' } }],
    },
  }),
);
const policy = {
  Version: '2012-10-17',
  Statement: [
    {
      Sid: 'NoDeletes',
      Effect: 'Deny',
      Principal: '*',
      Action: 's3:DeleteObject',
      Resource: 'arn:aws:s3:::ruled/kept/*',
    },
  ],
};
await s3.send(new PutBucketPolicyCommand({ Bucket: 'ruled', Policy: JSON.stringify(policy) }));
const put = (Key: string, more: object = {}) =>
  s3.send(new PutObjectCommand({ Bucket: 'mixed', Key, Body: bodies[Key] ?? '', ...more }));
await put('plain/note');
await put('managed', { ContentType: 'text/plain', Metadata: { colour: 'green' }, Tagging: 'team=orders' });
await put('kms', { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: 'orders' });
await put('customer', CUSTOMER);
await put('empty');
await put('segment');
await s3.send(new PutObjectCommand({ Bucket: 'ruled', Key: 'by-rule', Body: 'as the bucket says\n' }));
await oss.multipartUpload('parts', bodies['parts'] as Buffer, { partSize: 102_400 });
await oss.append('log', Buffer.from('one line\n'));
await oss.append('log', Buffer.from('another line\n'), { position: '9' });

async function begin(Key: string, more: object, key: object): Promise<object> {
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket: 'mixed', Key, ...more, ...key }));
  const part = { Bucket: 'mixed', Key, UploadId, PartNumber: 1, Body: filled(1000, Key), ...key };
  const { ETag } = await s3.send(new UploadPartCommand(part));
  return { uploadId: UploadId, etag: ETag };
}
const uploads = {
  'begun-kms': await begin('begun-kms', { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: 'orders' }, {}),
  'begun-customer': await begin('begun-customer', {}, CUSTOMER),
};
const done = (await begin('completed', {}, {})) as { uploadId: string; etag: string };
await s3.send(
  new CompleteMultipartUploadCommand({
    Bucket: 'mixed',
    Key: 'completed',
    UploadId: done.uploadId,
    MultipartUpload: { Parts: [{ PartNumber: 1, ETag: done.etag }] },
  }),
);
await gateway.runtime.close();

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
const content = {
  customerKey: KEY.toString('base64'),
  objects: Object.fromEntries(
    Object.entries({ ...bodies, completed: filled(1000, 'completed') }).map(([key, bytes]) => [key, sha256(bytes)]),
  ),
  uploads: Object.fromEntries(
    Object.entries(uploads).map(([key, begun]) => [key, { ...begun, sha256: sha256(filled(1000, key)) }]),
  ),
  policy,
};
rmSync(join(HERE, 'objects'), { recursive: true, force: true });
cpSync(join(gateway.directory, 'objects'), join(HERE, 'objects'), { recursive: true });
cpSync(join(gateway.directory, 'keyring.json'), join(HERE, 'keyring.json'));
writeFileSync(join(HERE, 'content.json'), `${JSON.stringify(content, undefined, 2)}\n`);
await gateway.close();
