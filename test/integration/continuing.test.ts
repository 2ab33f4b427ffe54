import { randomBytes } from 'node:crypto';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListPartsCommand,
  PutBucketEncryptionCommand,
  PutObjectCommand,
  UploadPartCommand,
  UploadPartCopyCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startChain, STORES, STORE_KEYS, type Chain } from './chained-gateways.ts';
import type { AuditLine, TestClient } from './gateway.ts';
import { ossClient } from './oss-clients.ts';
import { awsClient } from './s3-clients.ts';

const DENIED = { name: 'AccessDenied', $metadata: { httpStatusCode: 403 } };
const APPENDING = ['local', 'oss'] as const;

let chain: Chain;
let owner: S3Client;
let stranger: S3Client;
beforeAll(async () => {
  chain = await startChain({
    policy: policyOf({ default: { kms: 'orders' } }),
    // Every right but the key's: what a first write under `orders` would be refused for.
    clients: {
      stranger: { grants: [{ buckets: ['*'], actions: ['read', 'write', 'delete', 'list', 'configure'] }] },
    },
  });
  owner = awsClient(chain.front);
  stranger = awsClient(chain.front, { client: strangerKeys() });
  for (const Bucket of STORES.map(bucketOf)) await owner.send(new CreateBucketCommand({ Bucket }));
});
beforeEach(() => decree({ default: { kms: 'orders' } }));
afterAll(() => chain.close());

function policyOf(encryption: object): object {
  return {
    version: 1,
    keys: { orders: { s3: STORE_KEYS.orders, oss: STORE_KEYS.orders }, archive: {} },
    buckets: STORES.map((store) => ({ match: bucketOf(store), store, encryption })),
  };
}

/** The policy from now on. */
async function decree(encryption: object): Promise<void> {
  chain.front.writePolicy(policyOf(encryption));
  expect((await chain.front.runtime.reload()).ok).toBe(true);
}

function strangerKeys(): TestClient {
  return chain.front.clients['stranger'] as TestClient;
}

function bucketOf(store: string): string {
  return `${store}-continued`;
}

let keys = 0;
const nextKey = (): string => `key-${++keys}`;

interface Upload {
  readonly Bucket: string;
  readonly Key: string;
  readonly UploadId: string;
}

async function begin(Bucket: string, headers: object = {}): Promise<Upload> {
  const Key = nextKey();
  const { UploadId = '' } = await owner.send(new CreateMultipartUploadCommand({ Bucket, Key, ...headers }));
  return { Bucket, Key, UploadId };
}

async function part(client: S3Client, upload: Upload, Body = 'plain text'): Promise<string> {
  return (await client.send(new UploadPartCommand({ ...upload, PartNumber: 1, Body }))).ETag ?? '';
}

function complete(client: S3Client, upload: Upload, ETag: string): Promise<unknown> {
  return client.send(
    new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts: [{ ETag, PartNumber: 1 }] } }),
  );
}

/** Every call that continues an upload, by the name that the audit gives it. */
function continuations(
  client: S3Client,
  upload: Upload,
  ETag: string,
): Readonly<Record<string, () => Promise<unknown>>> {
  return {
    UploadPart: () => part(client, upload),
    UploadPartCopy: () =>
      client.send(new UploadPartCopyCommand({ ...upload, PartNumber: 2, CopySource: `${upload.Bucket}/source` })),
    ListParts: () => client.send(new ListPartsCommand(upload)),
    CompleteMultipartUpload: () => complete(client, upload, ETag),
  };
}

async function decisionsOf(operation: string, who: string): Promise<readonly AuditLine[]> {
  return (await chain.front.audit()).filter(
    (line) => line['kind'] === 'decision' && line['operation'] === operation && line['who'] === who,
  );
}

async function absent({ Bucket, Key }: Upload): Promise<void> {
  await expect(owner.send(new HeadObjectCommand({ Bucket, Key }))).rejects.toMatchObject({ name: 'NotFound' });
}

describe.each(STORES)('an upload at the %s store', (store) => {
  const Bucket = bucketOf(store);
  beforeAll(async () => {
    await decree({ default: 'managed' });
    await owner.send(new PutObjectCommand({ Bucket, Key: 'source', Body: 'plain text' }));
  });

  test('is not continued by a client that does not hold its key, and the audit says who tried', async () => {
    const upload = await begin(Bucket);
    const etag = await part(owner, upload);
    const who = strangerKeys().accessKeyId;
    for (const [operation, attempt] of Object.entries(continuations(stranger, upload, etag))) {
      const before = (await decisionsOf(operation, who)).length;
      await expect(attempt()).rejects.toMatchObject({
        ...DENIED,
        message: `Access denied by policy rule "${Bucket}": the client may not use the key orders.`,
      });
      const lines = (await decisionsOf(operation, who)).slice(before);
      expect(lines).toMatchObject([
        {
          who,
          effect: 'deny',
          rule: expect.stringMatching(/policy\.yaml:\d+ .*-continued$/),
          details: { recorded: 'kms orders', demanded: 'kms orders' },
        },
      ]);
    }
    await absent(upload);
    await complete(owner, upload, etag);
    expect(await owner.send(new HeadObjectCommand({ Bucket, Key: upload.Key }))).toMatchObject({
      ServerSideEncryption: 'aws:kms',
    });
  });

  test('leaves one line in the audit for each call that continues it', async () => {
    const upload = await begin(Bucket);
    const who = chain.front.main.accessKeyId;
    let etag = '';
    const calls: Readonly<Record<string, () => Promise<unknown>>> = {
      ...continuations(owner, upload, etag),
      UploadPart: async () => (etag = await part(owner, upload)),
      CompleteMultipartUpload: () => complete(owner, upload, etag),
    };
    for (const [operation, attempt] of Object.entries(calls)) {
      const before = (await chain.front.audit()).length;
      await attempt();
      const lines = (await chain.front.audit()).slice(before).filter(({ kind }) => kind === 'decision');
      expect(lines).toMatchObject([
        { who, operation, effect: 'allow', effective: 'kms orders', details: { recorded: 'kms orders' } },
      ]);
    }
  });

  test.each([
    ['managed', 'managed AES256', { default: 'managed' }],
    ['plaintext', 'none', { default: 'none' }],
  ])('that was begun under %s goes no further once the policy demands a key', async (_, recorded, before) => {
    await decree(before);
    const upload = await begin(Bucket);
    const etag = await part(owner, upload);
    await decree({ default: { kms: 'orders' }, clients: 'ignore' });
    for (const attempt of Object.values(continuations(owner, upload, etag)))
      await expect(attempt()).rejects.toMatchObject({
        ...DENIED,
        message: expect.stringMatching(
          /^Access denied by policy rule ".*-continued": .* demands kms with key orders\.$/,
        ),
      });
    expect((await decisionsOf('CompleteMultipartUpload', chain.front.main.accessKeyId)).at(-1)).toMatchObject({
      effect: 'deny',
      details: { recorded, demanded: 'kms orders' },
    });
    await absent(upload);
    await owner.send(new AbortMultipartUploadCommand(upload));
    await decree(before);
    await expect(part(owner, upload)).rejects.toMatchObject({ name: 'NoSuchUpload' });
  });

  test('that an audited rule would refuse goes on, and the audit says that it would not', async () => {
    await decree({ default: 'managed' });
    const upload = await begin(Bucket);
    chain.front.writePolicy({
      ...policyOf({}),
      buckets: [{ match: '*', store, encryption: { default: { kms: 'orders' }, clients: 'ignore' }, mode: 'audit' }],
    });
    expect((await chain.front.runtime.reload()).ok).toBe(true);
    await complete(owner, upload, await part(owner, upload));
    expect((await decisionsOf('CompleteMultipartUpload', chain.front.main.accessKeyId)).at(-1)).toMatchObject({
      effect: 'allow',
      effective: 'managed AES256',
      details: { recorded: 'managed AES256', demanded: 'kms orders', wouldHave: 'deny AccessDenied' },
    });
  });

  test('that was begun under the bucket’s own rule goes on, whatever that rule says now', async () => {
    await decree({ default: 'store' });
    const upload = await begin(Bucket);
    await owner.send(
      new PutBucketEncryptionCommand({
        Bucket,
        ServerSideEncryptionConfiguration: {
          Rules: [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }],
        },
      }),
    );
    await complete(owner, upload, await part(owner, upload));
    const got = await owner.send(new GetObjectCommand({ Bucket, Key: upload.Key }));
    expect(await got.Body?.transformToString()).toBe('plain text');
  });

  test('that was begun under a rule of the policy does not become the bucket’s business', async () => {
    await decree({ default: 'none' });
    const upload = await begin(Bucket);
    await decree({ default: 'store' });
    await expect(part(owner, upload)).rejects.toMatchObject(DENIED);
  });
});

test('a Complete of the embedded store that is repeated is answered to who holds the key only', async () => {
  const upload = await begin(bucketOf('local'));
  const etag = await part(owner, upload);
  await complete(owner, upload, etag);
  await expect(complete(stranger, upload, etag)).rejects.toMatchObject(DENIED);
  await complete(owner, upload, etag);
});

describe.each(APPENDING)('an appendable object at the %s store', (store) => {
  const Bucket = bucketOf(store);
  const append = (client: TestClient, key: string, bytes: Buffer, position: number): Promise<unknown> =>
    ossClient(chain.front, { bucket: Bucket, v4: true, client }).append(key, bytes, { position });
  const text = async (Key: string): Promise<string | undefined> =>
    (await owner.send(new GetObjectCommand({ Bucket, Key }))).Body?.transformToString();

  test('is not continued by a client that does not hold its key', async () => {
    const key = nextKey();
    const { main } = chain.front;
    await append(main, key, Buffer.from('one,'), 0);
    for (const position of [0, 3, 4])
      await expect(append(strangerKeys(), key, Buffer.from('two'), position)).rejects.toMatchObject({
        code: 'AccessDenied',
        status: 403,
        message: expect.stringContaining('the client may not use the key orders'),
      });
    expect((await decisionsOf('AppendObject', strangerKeys().accessKeyId)).at(-1)).toMatchObject({
      effect: 'deny',
      details: { recorded: 'kms orders' },
    });
    await append(main, key, Buffer.from('two'), 4);
    expect(await text(key)).toBe('one,two');
  });

  test.each([
    ['something', Buffer.from('one,')],
    ['nothing', Buffer.alloc(0)],
  ])('that was begun under managed with %s in it takes up nothing once the policy demands a key', async (_, first) => {
    await decree({ default: 'managed' });
    const key = nextKey();
    const { main } = chain.front;
    await append(main, key, first, 0);
    await decree({ default: { kms: 'orders' }, clients: 'ignore' });
    await expect(append(main, key, randomBytes(10), first.length)).rejects.toMatchObject({
      code: 'AccessDenied',
      status: 403,
    });
    // The store did nothing wrong: others begin theirs as ever.
    await append(main, nextKey(), Buffer.from('another'), 0);
    await decree({ default: 'managed' });
    await append(main, key, Buffer.from('two'), first.length);
    expect(await text(key)).toBe(`${first.toString()}two`);
  });

  test('that was begun under the bucket’s own rule goes on, whatever that rule says now', async () => {
    await decree({ default: 'store' });
    const key = nextKey();
    const { main } = chain.front;
    await append(main, key, Buffer.from('one,'), 0);
    await ossClient(chain.front, { bucket: Bucket, v4: true }).putBucketEncryption(Bucket, { SSEAlgorithm: 'AES256' });
    await append(main, key, Buffer.from('two'), 4);
    expect(await text(key)).toBe('one,two');
  });
});
