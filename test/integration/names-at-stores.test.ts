import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  DeleteObjectTaggingCommand,
  GetObjectAclCommand,
  GetObjectAttributesCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  ListPartsCommand,
  PutObjectAclCommand,
  PutObjectCommand,
  PutObjectTaggingCommand,
  UploadPartCommand,
  UploadPartCopyCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startGateway, type TestClient, type TestGateway } from './gateway.ts';
import { keyOf, memoryEntry, startMemoryStore, type MemoryStore } from './memory-store.ts';
import { ossClient } from './oss-clients.ts';
import { startRecordingStore, type Recording } from './recording-store.ts';
import { awsClient } from './s3-clients.ts';

const SECRET = 'sealed bytes';
const sealed = { prefixes: [{ prefix: 'sealed/', transport: { httpsOnly: true } }] };

describe('keys in front of a store that drops leading slashes', () => {
  let store: MemoryStore;
  let gateway: TestGateway;
  let s3: S3Client;
  beforeAll(async () => {
    store = await startMemoryStore((key) => key.replace(/^\/+/, ''));
    gateway = await startGateway({
      policy: {
        version: 1,
        buckets: ['asked', 'folded', 'exact'].map((name) => ({
          match: name,
          store: name,
          encryption: { default: 'none' },
          ...sealed,
        })),
      },
      stores: {
        asked: memoryEntry(store),
        folded: memoryEntry(store, { keys: 'folded' }),
        exact: memoryEntry(store, { keys: 'exact' }),
      },
      clients: { stranger: { grants: [{ buckets: ['*'], prefixes: ['mine/'], actions: ['read', 'list'] }] } },
    });
    s3 = awsClient(gateway);
  });
  afterAll(async () => {
    await gateway?.close();
    await store?.close();
  });
  beforeEach(() => {
    store.objects.clear();
    store.objects.set('sealed/x', Buffer.from(SECRET));
    store.requests.length = 0;
  });

  const calls = (Bucket: string, Key: string): readonly (readonly [string, () => Promise<unknown>])[] => {
    const at = { Bucket, Key };
    const upload = { ...at, UploadId: 'u' };
    const part = { ...upload, PartNumber: 1 };
    const from = { CopySource: `${Bucket}/${Key}` };
    return [
      ['GetObject', () => s3.send(new GetObjectCommand(at))],
      ['HeadObject', () => s3.send(new HeadObjectCommand(at))],
      ['GetObjectAttributes', () => s3.send(new GetObjectAttributesCommand({ ...at, ObjectAttributes: ['ETag'] }))],
      ['GetObjectTagging', () => s3.send(new GetObjectTaggingCommand(at))],
      ['PutObjectTagging', () => s3.send(new PutObjectTaggingCommand({ ...at, Tagging: { TagSet: [] } }))],
      ['DeleteObjectTagging', () => s3.send(new DeleteObjectTaggingCommand(at))],
      ['GetObjectAcl', () => s3.send(new GetObjectAclCommand(at))],
      ['PutObjectAcl', () => s3.send(new PutObjectAclCommand({ ...at, ACL: 'private' }))],
      ['PutObject', () => s3.send(new PutObjectCommand({ ...at, Body: 'over' }))],
      ['DeleteObject', () => s3.send(new DeleteObjectCommand(at))],
      ['CopyObject to it', () => s3.send(new CopyObjectCommand({ ...at, CopySource: `${Bucket}/plain` }))],
      ['CopyObject of it', () => s3.send(new CopyObjectCommand({ Bucket, Key: 'copy', ...from }))],
      ['CreateMultipartUpload', () => s3.send(new CreateMultipartUploadCommand(at))],
      ['UploadPart', () => s3.send(new UploadPartCommand({ ...part, Body: 'x' }))],
      ['UploadPartCopy', () => s3.send(new UploadPartCopyCommand({ ...part, CopySource: `${Bucket}/plain` }))],
      ['UploadPartCopy of it', () => s3.send(new UploadPartCopyCommand({ ...part, Key: 'copy', ...from }))],
      ['ListParts', () => s3.send(new ListPartsCommand(upload))],
      ['CompleteMultipartUpload', () => s3.send(new CompleteMultipartUploadCommand(upload))],
      ['AbortMultipartUpload', () => s3.send(new AbortMultipartUploadCommand(upload))],
      ['ListObjects', () => s3.send(new ListObjectsCommand({ Bucket, Prefix: Key }))],
      ['ListObjectsV2', () => s3.send(new ListObjectsV2Command({ Bucket, Prefix: Key }))],
      ['ListObjectVersions', () => s3.send(new ListObjectVersionsCommand({ Bucket, Prefix: Key }))],
      ['ListMultipartUploads', () => s3.send(new ListMultipartUploadsCommand({ Bucket, Prefix: Key }))],
    ];
  };
  /** What the store was asked about objects of the client's. */
  const heard = (): readonly string[] =>
    store.requests.map(keyOf).filter((key) => key.includes('sealed') || key.includes('plain') || key.includes('copy'));

  test.each(['asked', 'folded'])('%s: no operation gets through under another spelling', async (bucket) => {
    for (const key of ['/sealed/x', '//sealed/x'])
      for (const [operation, call] of calls(bucket, key)) {
        const failure = await call().then(
          () => undefined,
          (error: { readonly $metadata: { readonly httpStatusCode: number } }) => error,
        );
        expect(failure?.$metadata.httpStatusCode, `${operation} ${key}`).toBe(400);
      }
    expect(heard()).toEqual([]);
    expect([...store.objects].map(([key, bytes]) => [key, String(bytes)])).toEqual([['sealed/x', SECRET]]);
  });

  test.each(['a//b', 'a/./b', 'a/../b', './a', '../asked/sealed/x', 'a/..', 'a//'])(
    '%s: refused with a code and a message that name the matter',
    async (Key) => {
      await expect(s3.send(new PutObjectCommand({ Bucket: 'asked', Key, Body: 'x' }))).rejects.toMatchObject({
        name: 'InvalidArgument',
        message: expect.stringContaining('keep this name apart') as string,
      });
    },
  );

  test('to an OSS client it is an invalid object name', async () => {
    const client = ossClient(gateway, { bucket: 'asked' });
    const refused = { code: 'InvalidObjectName', status: 400 };
    await expect(client.put('a//b', Buffer.from('x'))).rejects.toMatchObject(refused);
    await expect(client.get('a//b')).rejects.toMatchObject(refused);
    await expect(client.append('a//b', Buffer.from('x'))).rejects.toMatchObject(refused);
  });

  test('each key of a DeleteObjects gets its own answer', async () => {
    store.objects.set('plain', Buffer.from('x'));
    const { Deleted, Errors } = await s3.send(
      new DeleteObjectsCommand({ Bucket: 'folded', Delete: { Objects: [{ Key: '/sealed/x' }, { Key: 'a//b' }] } }),
    );
    expect(Deleted ?? []).toEqual([]);
    expect(Errors?.map(({ Key, Code }) => [Key, Code])).toEqual([
      ['/sealed/x', 'InvalidArgument'],
      ['a//b', 'InvalidArgument'],
    ]);
    // OSS has no errors of single keys: nothing of such a batch is done.
    await expect(ossClient(gateway, { bucket: 'folded' }).deleteMulti(['plain', 'a//b'])).rejects.toMatchObject({
      code: 'InvalidObjectName',
    });
    expect([...store.objects.keys()].sort()).toEqual(['plain', 'sealed/x']);
  });

  test('names that the store does keep apart go on, folders too', async () => {
    for (const Bucket of ['asked', 'folded'])
      for (const Key of ['folder/', 'a.b', '.hidden', 'a/..b', ' a']) {
        await s3.send(new PutObjectCommand({ Bucket, Key, Body: 'x' }));
        await s3.send(new DeleteObjectCommand({ Bucket, Key }));
      }
    expect([...store.objects.keys()]).toEqual(['sealed/x']);
  });

  test('what is declared exact is not asked', async () => {
    await s3.send(new PutObjectCommand({ Bucket: 'exact', Key: 'a//b', Body: 'x' }));
    expect(store.requests.map(keyOf).filter((key) => key.includes('probe'))).toEqual([]);
    expect(store.objects.has('a//b')).toBe(true);
  });

  test('who may not touch a name hears that, and makes nobody ask', async () => {
    const stranger = awsClient(gateway, { client: gateway.clients['stranger'] as TestClient });
    await expect(stranger.send(new GetObjectCommand({ Bucket: 'asked', Key: '/other' }))).rejects.toMatchObject({
      name: 'AccessDenied',
    });
    expect(store.requests.map(keyOf).filter((key) => key.includes('probe'))).toEqual([]);
  });
});

describe('a store whose credentials may not write where the question would be put', () => {
  let store: Recording;
  let gateway: TestGateway;
  beforeAll(async () => {
    store = await startRecordingStore(({ method, url }) => {
      if (url.endsWith('?policy') && !url.startsWith('/ruled'))
        return [404, {}, '<Error><Code>NoSuchBucketPolicy</Code><Message>none</Message></Error>'];
      if (url.endsWith('?policy')) return [200, {}, DENIES_INSECURE_READS];
      if (url.includes('.bucketseal')) return [403, {}, '<Error><Code>AccessDenied</Code></Error>'];
      if (method === 'DELETE') return [204, {}];
      const etag = '"11111111111111111111111111111111"';
      return [200, { etag, 'last-modified': 'Sat, 21 Nov 2026 17:00:00 GMT', 'content-length': '0' }];
    });
    const rule = { store: 'shut', encryption: { default: 'none' } };
    gateway = await startGateway({
      policy: {
        version: 1,
        buckets: [
          { match: 'split', ...rule, prefixes: [{ prefix: 'sealed/', transport: { httpsOnly: false } }] },
          { match: '*', ...rule },
        ],
      },
      stores: { shut: memoryEntry(store) },
      clients: { narrow: { grants: [{ buckets: ['*'], prefixes: ['mine/'], actions: ['read', 'write'] }] } },
    });
  });
  afterAll(async () => {
    await gateway?.close();
    await store?.close();
  });

  const puts = (Bucket: string, Key: string, client = gateway.main): Promise<number | undefined> =>
    awsClient(gateway, { client })
      .send(new PutObjectCommand({ Bucket, Key, Body: '' }))
      .then(
        () => 200,
        (error: { readonly $metadata: { readonly httpStatusCode: number } }) => error.$metadata.httpStatusCode,
      );

  test('takes names of folders where the same was decided on the same without the slash', async () => {
    const s3 = awsClient(gateway);
    for (const Key of ['folder/', 'a/b/']) {
      expect(await puts('free', Key), Key).toBe(200);
      await s3.send(new HeadObjectCommand({ Bucket: 'free', Key }));
      await s3.send(new DeleteObjectCommand({ Bucket: 'free', Key }));
    }
    expect(await puts('free', 'mine/folder/', gateway.clients['narrow'])).toBe(200);
  });

  test('takes no other odd name, and no folder whose rule, grant or stored policy may end at the slash', async () => {
    for (const Key of ['a//b', '/a', 'a/../b', 'a//']) expect(await puts('free', Key), Key).toBe(400);
    expect(await puts('split', 'sealed/')).toBe(400);
    expect(await puts('free', 'mine/', gateway.clients['narrow'])).toBe(400);
    expect(await puts('ruled', 'folder/')).toBe(400);
  });
});

const DENIES_INSECURE_READS = JSON.stringify({
  Version: '2012-10-17',
  Statement: [
    {
      Effect: 'Deny',
      Principal: '*',
      Action: 's3:GetObject',
      Resource: 'arn:aws:s3:::ruled/secret',
      Condition: { Bool: { 'aws:SecureTransport': 'false' } },
    },
  ],
});

describe('bucket names with capitals in front of a virtual-hosted store', () => {
  let store: Recording;
  let gateway: TestGateway;
  beforeAll(async () => {
    store = await startRecordingStore(({ url }) =>
      url.endsWith('?policy')
        ? [404, {}, '<Error><Code>NoSuchBucketPolicy</Code><Message>none</Message></Error>']
        : [200, { etag: '"e"', 'content-length': '0' }],
    );
    gateway = await startGateway({
      policy: {
        version: 1,
        buckets: [
          { match: 'pay-*', store: 'hosted', encryption: { default: 'none' }, transport: { httpsOnly: true } },
          { match: 'oss-*', store: 'oss', encryption: { default: 'none' }, transport: { httpsOnly: true } },
          { match: 'OSS-*', store: 'oss', encryption: { default: 'none' } },
          { match: '*', store: 'hosted', encryption: { default: 'none' } },
        ],
      },
      stores: {
        hosted: { ...memoryEntry(store), addressing: 'virtual' },
        oss: { ...memoryEntry(store), type: 'aliyun-oss', capabilities: {} },
      },
    });
  });
  afterAll(async () => {
    await gateway?.close();
    await store?.close();
  });

  test.each(['PAY-a', 'OSS-a'])('%s is no bucket`s name, whatever is asked of it', async (Bucket) => {
    const s3 = awsClient(gateway);
    const at = { Bucket, Key: 'k' };
    const calls = [
      () => s3.send(new GetObjectCommand(at)),
      () => s3.send(new PutObjectCommand({ ...at, Body: 'x' })),
      () => s3.send(new DeleteObjectCommand(at)),
      () => s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects: [{ Key: 'k' }] } })),
      () => s3.send(new ListObjectsV2Command({ Bucket })),
      () => s3.send(new CreateBucketCommand({ Bucket })),
      () => s3.send(new CopyObjectCommand({ ...at, CopySource: 'other/k' })),
      () => s3.send(new CopyObjectCommand({ Bucket: 'other', Key: 'k', CopySource: `${Bucket}/k` })),
    ];
    store.requests.length = 0;
    const refused = { name: 'InvalidBucketName', $metadata: { httpStatusCode: 400 } };
    for (const call of calls) await expect(call()).rejects.toMatchObject(refused);
    await expect(s3.send(new HeadObjectCommand(at))).rejects.toMatchObject({ $metadata: { httpStatusCode: 400 } });
    await expect(s3.send(new HeadBucketCommand({ Bucket }))).rejects.toMatchObject({
      $metadata: { httpStatusCode: 400 },
    });
    expect(store.requests.filter(({ headers }) => !headers.host?.startsWith('other'))).toEqual([]);
  });
});
