import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  GetObjectAclCommand,
  GetObjectCommand,
  HeadBucketCommand,
  PutBucketAclCommand,
  PutObjectAclCommand,
  PutObjectCommand,
  UploadPartCommand,
  type ObjectCannedACL,
  type S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startGateway, type TestGateway } from './gateway.ts';
import { ossClient } from './oss-clients.ts';
import { sending } from './raw-answers.ts';
import { startRecordingStore, type Answer, type Recorded, type Recording } from './recording-store.ts';
import { awsClient } from './s3-clients.ts';

const ALL_USERS = 'http://acs.amazonaws.com/groups/global/AllUsers';
const FULL = { Grantee: { Type: 'CanonicalUser', ID: 'me' }, Permission: 'FULL_CONTROL' } as const;
const PUBLIC = { Grantee: { Type: 'Group', URI: ALL_USERS }, Permission: 'READ' } as const;
const SOMEBODY = { Grantee: { Type: 'CanonicalUser', ID: 'somebody' }, Permission: 'READ' } as const;
const documentOf = (...Grants: readonly object[]) => ({ Owner: { ID: 'me' }, Grants: Grants as never });
const WIDER = [
  'public-read',
  'public-read-write',
  'authenticated-read',
  'aws-exec-read',
  'bucket-owner-read',
] as const satisfies readonly ObjectCannedACL[];

const Bucket = 'bucket';
type Send = (client: S3Client, acl: ObjectCannedACL) => Promise<unknown>;

/** Every write that takes an ACL in a header. */
const WRITES: Readonly<Record<string, Send>> = {
  PutObject: (s3, ACL) => s3.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'new', ACL })),
  CopyObject: (s3, ACL) => s3.send(new CopyObjectCommand({ Bucket, Key: 'k', CopySource: `${Bucket}/source`, ACL })),
  CreateMultipartUpload: (s3, ACL) => s3.send(new CreateMultipartUploadCommand({ Bucket, Key: 'k', ACL })),
  PutObjectAcl: (s3, ACL) => s3.send(new PutObjectAclCommand({ Bucket, Key: 'k', ACL })),
};
/** Those of a bucket, which know fewer words. */
const BUCKET_WRITES: Readonly<Record<string, Send>> = {
  PutBucketAcl: (s3, ACL) => s3.send(new PutBucketAclCommand({ Bucket, ACL: ACL as 'private' })),
  CreateBucket: (s3, ACL) => s3.send(new CreateBucketCommand({ Bucket: 'made', ACL: ACL as 'private' })),
};
const EVERY = Object.entries({ ...WRITES, ...BUCKET_WRITES });
const NOT_SUPPORTED = { name: 'AccessControlListNotSupported', $metadata: { httpStatusCode: 400 } };
const DENIED = { name: 'AccessDenied', $metadata: { httpStatusCode: 403 } };

describe('the embedded store, where everything is private', () => {
  let gateway: TestGateway;
  let s3: S3Client;
  beforeAll(async () => {
    gateway = await startGateway({
      policy: {
        version: 1,
        buckets: [{ match: '*', store: 'local', encryption: { default: 'managed' }, allow: ['public-acl'] }],
      },
      clients: {
        writer: { grants: [{ buckets: ['*'], actions: ['read', 'write'] }] },
        reader: { grants: [{ buckets: ['*'], actions: ['read'] }] },
      },
    });
    s3 = awsClient(gateway);
    await s3.send(new CreateBucketCommand({ Bucket }));
    for (const Key of ['k', 'source']) await s3.send(new PutObjectCommand({ Bucket, Key, Body: 'old' }));
  });
  afterAll(() => gateway.close());
  const bodyOf = async (Key: string): Promise<string | undefined> =>
    await (await s3.send(new GetObjectCommand({ Bucket, Key }))).Body?.transformToString();

  test.each(EVERY)('%s: a wider ACL is a 400 that says so, and nothing happens', async (name, send) => {
    for (const acl of WIDER) await expect(send(s3, acl), `${name} ${acl}`).rejects.toMatchObject(NOT_SUPPORTED);
    expect(await bodyOf('k')).toBe('old');
    await expect(s3.send(new HeadBucketCommand({ Bucket: 'made' }))).rejects.toMatchObject({ name: 'NotFound' });
  });

  test.each(EVERY)('%s: grants in headers are the same 400', async (name, send) => {
    const granting = sending(awsClient(gateway), { 'x-amz-grant-read': `uri="${ALL_USERS}"` });
    const without = undefined as unknown as ObjectCannedACL;
    await expect(send(granting, without), name).rejects.toMatchObject(NOT_SUPPORTED);
    expect(await bodyOf('k')).toBe('old');
  });

  test.each(EVERY)('%s: what holds anyway is accepted', async (name, send) => {
    for (const acl of ['private', 'bucket-owner-full-control'] as const) {
      const outcome = await send(s3, acl).catch((error: Error) => error.name);
      // The second CreateBucket finds the first one's bucket.
      expect(outcome, `${name} ${acl}`).toSatisfy(
        (each) => typeof each === 'object' || each === 'BucketAlreadyOwnedByYou',
      );
    }
    await s3.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'old' }));
  });

  test('who may not write learns nothing of ACLs', async () => {
    const reader = awsClient(gateway, { client: gateway.clients['reader']! });
    for (const [name, send] of EVERY) await expect(send(reader, 'public-read'), name).rejects.toMatchObject(DENIED);
  });

  test('setting an ACL is configuring: write alone is not enough, whatever it says', async () => {
    const writer = awsClient(gateway, { client: gateway.clients['writer']! });
    for (const acl of ['private', 'public-read'] as const) {
      await expect(WRITES['PutObjectAcl']!(writer, acl)).rejects.toMatchObject(DENIED);
      await expect(BUCKET_WRITES['PutBucketAcl']!(writer, acl)).rejects.toMatchObject(DENIED);
    }
  });

  test('a document of grants counts as the canned ACL that it amounts to', async () => {
    const read = await s3.send(new GetObjectAclCommand({ Bucket, Key: 'k' }));
    const own = { Owner: read.Owner, Grants: read.Grants };
    await s3.send(new PutObjectAclCommand({ Bucket, Key: 'k', AccessControlPolicy: own }));
    await s3.send(new PutBucketAclCommand({ Bucket, AccessControlPolicy: own }));
    for (const grants of [[FULL, PUBLIC], [FULL, SOMEBODY], [SOMEBODY], []]) {
      const AccessControlPolicy = documentOf(...grants);
      await expect(s3.send(new PutObjectAclCommand({ Bucket, Key: 'k', AccessControlPolicy }))).rejects.toMatchObject(
        NOT_SUPPORTED,
      );
      await expect(s3.send(new PutBucketAclCommand({ Bucket, AccessControlPolicy }))).rejects.toMatchObject(
        NOT_SUPPORTED,
      );
    }
  });

  test('an ACL where it has no place, and two at once, are refused', async () => {
    const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key: 'u' }));
    const publishing = sending(awsClient(gateway), { 'x-amz-acl': 'public-read' });
    const part = { Bucket, Key: 'u', UploadId, PartNumber: 1, Body: 'x' };
    await expect(publishing.send(new UploadPartCommand(part))).rejects.toMatchObject({ name: 'InvalidArgument' });
    const { ETag } = await sending(awsClient(gateway), { 'x-amz-acl': 'private' }).send(new UploadPartCommand(part));
    const all = { Bucket, Key: 'u', UploadId, MultipartUpload: { Parts: [{ PartNumber: 1, ETag }] } };
    await expect(publishing.send(new CompleteMultipartUploadCommand(all))).rejects.toMatchObject({
      name: 'InvalidArgument',
    });
    await s3.send(new CompleteMultipartUploadCommand(all));
    const both = sending(awsClient(gateway), { 'x-amz-acl': 'private', 'x-amz-grant-read': `uri="${ALL_USERS}"` });
    for (const send of Object.values(WRITES))
      await expect(send(both, undefined as unknown as ObjectCannedACL)).rejects.toMatchObject({
        name: 'InvalidRequest',
      });
    await expect(
      sending(awsClient(gateway), { 'x-amz-acl': 'private' }).send(
        new PutObjectAclCommand({ Bucket, Key: 'k', AccessControlPolicy: documentOf(FULL, PUBLIC) }),
      ),
    ).rejects.toMatchObject({ name: 'InvalidRequest' });
    await expect(
      s3.send(new PutObjectAclCommand({ Bucket, Key: 'k', ACL: 'nonsense' as never })),
    ).rejects.toMatchObject({
      name: 'InvalidArgument',
    });
  });

  test('OSS clients get their own words', async () => {
    const oss = ossClient(gateway, { bucket: Bucket, v4: true });
    const acl = (value: string) => ({ headers: { 'x-oss-object-acl': value } });
    const refused = { status: 403, code: 'AccessDenied', message: expect.stringContaining('does not allow ACLs') };
    for (const value of ['private', 'default']) {
      await oss.put('k', Buffer.from('old'), acl(value));
      await oss.putACL('k', value);
    }
    await oss.putBucketACL(Bucket, 'private');
    for (const value of ['public-read', 'public-read-write']) {
      await expect(oss.put('k', Buffer.from('new'), acl(value))).rejects.toMatchObject(refused);
      await expect(oss.copy('k', 'source', acl(value))).rejects.toMatchObject(refused);
      await expect(oss.initMultipartUpload('k', acl(value))).rejects.toMatchObject(refused);
      await expect(oss.append('appended', Buffer.from('new'), acl(value))).rejects.toMatchObject(refused);
      await expect(oss.putACL('k', value)).rejects.toMatchObject(refused);
      await expect(oss.putBucketACL(Bucket, value)).rejects.toMatchObject(refused);
      await expect(oss.putBucket('made-by-oss', { acl: value })).rejects.toMatchObject(refused);
    }
    expect(await bodyOf('k')).toBe('old');
    // A header of buckets has no place on an object; ossfs says `private` there.
    await oss.put('k', Buffer.from('old'), { headers: { 'x-oss-acl': 'private' } });
    await expect(oss.put('k', Buffer.from('new'), { headers: { 'x-oss-acl': 'public-read' } })).rejects.toMatchObject({
      status: 400,
      code: 'InvalidArgument',
    });
  });

  test('an ACL named when an upload of an OSS client is completed is judged too', async () => {
    const oss = ossClient(gateway, { bucket: Bucket, v4: true });
    const { uploadId } = await oss.initMultipartUpload('completed');
    const { etag } = await oss.uploadPart('completed', uploadId, 1, Buffer.from('x'), 0, 1);
    const complete = (value: string): Promise<unknown> =>
      oss.completeMultipartUpload('completed', uploadId, [{ number: 1, etag }], {
        headers: { 'x-oss-object-acl': value },
      });
    await expect(complete('public-read')).rejects.toMatchObject({ status: 403, code: 'AccessDenied' });
    await complete('private');
  });
});

/** What a store answers that does all it is asked. */
function obliging({ method, url, headers }: Recorded): Answer {
  if (/[?&]policy/.test(url)) return [404, {}, '<Error><Code>NoSuchBucketPolicy</Code></Error>'];
  if (method === 'HEAD' && url.startsWith('/fresh')) return [404, {}];
  if (method === 'POST' && /[?&]uploads/.test(url))
    return [200, {}, '<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>'];
  if (method === 'POST' && /[?&]uploadId/.test(url))
    return [
      200,
      { 'x-oss-hash-crc64ecma': '1' },
      '<CompleteMultipartUploadResult><ETag>"0123456789abcdef0123456789abcdef-1"</ETag></CompleteMultipartUploadResult>',
    ];
  if ('x-amz-copy-source' in headers || 'x-oss-copy-source' in headers)
    return [
      200,
      {},
      '<CopyObjectResult><ETag>"0123456789abcdef0123456789abcdef"</ETag><LastModified>2026-11-21T00:00:00.000Z</LastModified></CopyObjectResult>',
    ];
  return [
    200,
    {
      etag: '"0123456789abcdef0123456789abcdef"',
      'last-modified': 'Sat, 21 Nov 2026 00:00:00 GMT',
      'x-oss-next-append-position': '3',
      'x-oss-object-type': 'Appendable',
    },
  ];
}

describe('stores across the network', () => {
  let [s3Store, ossStore]: (Recording | undefined)[] = [];
  let gateway: TestGateway;
  const credentials = { accessKeyId: 'STOREKEY', secretAccessKey: 'store-secret-store-secret-store' };
  beforeAll(async () => {
    [s3Store, ossStore] = [await startRecordingStore(obliging), await startRecordingStore(obliging)];
    const rule = (match: string, store: string, allow: readonly string[]) => ({
      match,
      store,
      encryption: { default: 'store' },
      allow,
    });
    gateway = await startGateway({
      policy: {
        version: 1,
        buckets: [
          rule('bucket', 's3', ['public-acl']),
          rule('made', 's3', ['public-acl']),
          rule('oss-open', 'oss', ['public-acl']),
          rule('oss-*', 'oss', ['callback', 'process', 'fetch']),
          rule('*', 's3', ['callback', 'process', 'fetch']),
        ],
      },
      stores: {
        s3: { type: 's3', endpoint: s3Store.endpoint, region: 'us-east-1', credentials },
        oss: { type: 'aliyun-oss', endpoint: ossStore.endpoint, region: 'cn-hangzhou', credentials },
      },
      clients: {
        writer: { grants: [{ buckets: ['*'], actions: ['read', 'write', 'list', 'delete'] }] },
        configurer: { grants: [{ buckets: ['*'], actions: ['read', 'configure'] }] },
      },
    });
  });
  afterAll(async () => {
    await gateway?.close();
    await s3Store?.close();
    await ossStore?.close();
  });
  beforeEach(() => {
    for (const store of [s3Store!, ossStore!]) store.requests.length = 0;
  });
  const writesAt = (store: Recording | undefined): readonly Recorded[] =>
    store!.requests.filter(({ method }) => method !== 'GET' && method !== 'HEAD');

  test.each(EVERY)('%s: a wider ACL needs configure as well, and nothing is sent without it', async (name, send) => {
    const writer = awsClient(gateway, { client: gateway.clients['writer']! });
    for (const acl of WIDER) await expect(send(writer, acl), `${name} ${acl}`).rejects.toMatchObject(DENIED);
    expect(writesAt(s3Store)).toEqual([]);
  });

  test.each(Object.entries(WRITES))('%s: a wider ACL needs the policy’s word', async (_name, send) => {
    const strict = awsClient(gateway);
    strict.middlewareStack.add(
      (next) => (args) => {
        const { input } = args as { input: { Bucket?: string } };
        input.Bucket = 'closed';
        return next(args);
      },
      { step: 'initialize', name: 'otherBucket' },
    );
    await expect(send(strict, 'public-read')).rejects.toMatchObject({
      ...DENIED,
      message: 'Access denied by policy rule "*": it does not allow public-acl.',
    });
    expect(writesAt(s3Store)).toEqual([]);
  });

  test.each(EVERY)('%s: with both the store is told, word for word', async (_name, send) => {
    await send(awsClient(gateway), 'public-read');
    expect(writesAt(s3Store).map(({ headers }) => headers['x-amz-acl'])).toEqual(['public-read']);
  });

  test('what holds anyway needs neither; the owner’s control of an object is passed on', async () => {
    const writer = awsClient(gateway, { client: gateway.clients['writer']! });
    for (const name of ['PutObject', 'CopyObject', 'CreateMultipartUpload'])
      await WRITES[name]!(writer, 'bucket-owner-full-control');
    expect(writesAt(s3Store).map(({ headers }) => headers['x-amz-acl'])).toEqual(
      Array(3).fill('bucket-owner-full-control'),
    );
  });

  const grantBy: Readonly<Record<string, (client: S3Client, bucket: string) => Promise<unknown>>> = {
    'a document about an object': (s3, name) =>
      s3.send(
        new PutObjectAclCommand({ Bucket: name, Key: 'k', AccessControlPolicy: documentOf(FULL, PUBLIC, SOMEBODY) }),
      ),
    'a document about a bucket': (s3, name) =>
      s3.send(new PutBucketAclCommand({ Bucket: name, AccessControlPolicy: documentOf(FULL, SOMEBODY) })),
    'a document that amounts to a canned ACL': (s3, name) =>
      s3.send(new PutBucketAclCommand({ Bucket: name, AccessControlPolicy: documentOf(FULL, PUBLIC) })),
    'headers about an object': (s3, name) =>
      s3.send(new PutObjectAclCommand({ Bucket: name, Key: 'k', GrantRead: `uri="${ALL_USERS}"` })),
    'headers about a bucket': (s3, name) =>
      s3.send(new PutBucketAclCommand({ Bucket: name, GrantWriteACP: 'id="somebody"' })),
  };
  test.each(Object.entries(grantBy))('grants by %s need configure and the policy’s word', async (_name, grant) => {
    const writer = awsClient(gateway, { client: gateway.clients['writer']! });
    const configurer = awsClient(gateway, { client: gateway.clients['configurer']! });
    await expect(grant(writer, Bucket)).rejects.toMatchObject(DENIED);
    await expect(grant(configurer, 'closed')).rejects.toMatchObject(DENIED);
    expect(writesAt(s3Store)).toEqual([]);
    await grant(configurer, Bucket);
    expect(writesAt(s3Store)).toHaveLength(1);
  });

  test('grants cross as they were judged', async () => {
    const configurer = awsClient(gateway, { client: gateway.clients['configurer']! });
    await grantBy['a document about an object']!(configurer, Bucket);
    await grantBy['headers about a bucket']!(configurer, Bucket);
    await grantBy['a document that amounts to a canned ACL']!(configurer, Bucket);
    const [document, header, canned] = writesAt(s3Store);
    expect(document).toMatchObject({ method: 'PUT', url: '/bucket/k?acl=' });
    expect(document?.body.toString()).toContain('<ID>somebody</ID>');
    expect(header).toMatchObject({ url: '/bucket?acl=', headers: { 'x-amz-grant-write-acp': 'id="somebody"' } });
    expect(canned).toMatchObject({ url: '/bucket?acl', headers: { 'x-amz-acl': 'public-read' } });
    expect(canned?.body.length).toBe(0);
  });

  const ossWrites: Readonly<Record<string, (bucket: string, client?: string) => Promise<unknown>>> = {
    put: (bucket, client) => via(bucket, client).put('k', Buffer.from('new'), publish()),
    append: (bucket, client) => via(bucket, client).append('fresh', Buffer.from('new'), publish()),
    copy: (bucket, client) => via(bucket, client).copy('k', 'source', publish()),
    initiate: (bucket, client) => via(bucket, client).initMultipartUpload('k', publish()),
    'object ACL': (bucket, client) => via(bucket, client).putACL('k', 'public-read'),
    'bucket ACL': (bucket, client) => via(bucket, client).putBucketACL(bucket, 'public-read'),
    'new bucket': (bucket, client) => via(bucket, client).putBucket(bucket, { acl: 'public-read' }),
  };
  // ali-oss writes into the options that it is given.
  const publish = () => ({ headers: { 'x-oss-object-acl': 'public-read' } });
  const via = (bucket: string, client = 'main') =>
    ossClient(gateway, { bucket, v4: true, client: gateway.clients[client]! });

  test.each(Object.entries(ossWrites))('OSS %s: the same rule', async (_name, write) => {
    await expect(write('oss-open', 'writer')).rejects.toMatchObject({ status: 403, code: 'AccessDenied' });
    await expect(write('oss-closed')).rejects.toMatchObject({ status: 403, code: 'AccessDenied' });
    expect(writesAt(ossStore)).toEqual([]);
    await write('oss-open').catch(() => undefined);
    expect(writesAt(ossStore).map(({ headers }) => headers['x-oss-object-acl'] ?? headers['x-oss-acl'])).toEqual([
      'public-read',
    ]);
  });

  test('OSS complete: the ACL reaches a store that sets it there, and no other store drops it', async () => {
    const [open, closed, elsewhere] = [via('oss-open'), via('oss-closed'), via('bucket')];
    const complete = async (client: typeof open, acl: string): Promise<unknown> => {
      const { uploadId } = await client.initMultipartUpload('k');
      return await client.completeMultipartUpload('k', uploadId, [{ number: 1, etag: 'A'.repeat(32) }], {
        headers: { 'x-oss-object-acl': acl },
      });
    };
    const completed = (store: Recording | undefined) => writesAt(store).filter(({ url }) => url.includes('uploadId='));
    await expect(complete(closed, 'public-read')).rejects.toMatchObject({ status: 403, code: 'AccessDenied' });
    await expect(complete(elsewhere, 'private')).rejects.toMatchObject({ status: 400, code: 'NotImplemented' });
    expect([...completed(ossStore), ...completed(s3Store)]).toEqual([]);
    await complete(open, 'public-read').catch(() => undefined);
    expect(completed(ossStore).map(({ headers }) => headers['x-oss-object-acl'])).toEqual(['public-read']);
  });
});
