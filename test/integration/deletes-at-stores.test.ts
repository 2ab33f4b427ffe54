import { DeleteObjectsCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { startGateway, type TestGateway } from './gateway.ts';
import { keyOf, memoryEntry } from './memory-store.ts';
import { startRecordingStore, type Answer, type Recorded, type Recording } from './recording-store.ts';
import { awsClient } from './s3-clients.ts';

/** Like MinIO's parser: a reference to what XML has no character for ends the document. */
const UNREADABLE = /&#x(?:[0-8bcef]|1[0-9a-f]);/;

let store: Recording;
let gateway: TestGateway;
beforeAll(async () => {
  store = await startRecordingStore(answer);
  gateway = await startGateway({
    policy: {
      version: 1,
      buckets: [
        { match: 'oss', store: 'oss', encryption: { default: 'none' } },
        { match: '*', store: 's3', encryption: { default: 'none' } },
      ],
    },
    stores: {
      s3: memoryEntry(store),
      oss: { ...memoryEntry(store), type: 'aliyun-oss', region: 'cn-hangzhou', capabilities: {} },
    },
  });
});
afterAll(async () => {
  await gateway?.close();
  await store?.close();
});
beforeEach(() => {
  store.requests.length = 0;
});

function answer(request: Recorded): Answer {
  const { method, url, body } = request;
  if (url.endsWith('?policy')) return failure(404, 'NoSuchBucketPolicy');
  if (method === 'DELETE' && keyOf(request).includes('locked')) return failure(403, 'AccessDenied');
  if (method === 'DELETE') return [204, { 'x-amz-version-id': 'v2', 'x-amz-delete-marker': 'true' }];
  const document = body.toString('utf8');
  if (UNREADABLE.test(document)) return failure(400, 'MalformedXML');
  const keys = [...document.matchAll(/<Key>(.*?)<\/Key>/g)].map(([, key]) => `<Deleted><Key>${key}</Key></Deleted>`);
  return [200, {}, `<DeleteResult>${keys.join('')}</DeleteResult>`];
}

function failure(status: number, code: string): Answer {
  return [status, {}, `<Error><Code>${code}</Code><Message>User: arn:aws:iam::1:user/x may not</Message></Error>`];
}

/** The SDK sends such characters raw, which is no XML; S3's own documents have them by number. */
async function deletes(Bucket: string, keys: readonly string[]): Promise<string> {
  const client = awsClient(gateway);
  client.middlewareStack.add(
    (next) => (args) => {
      const { request } = args as unknown as { request: { body: unknown } };
      if (typeof request.body === 'string')
        request.body = Array.from(request.body, (one) => (one < '\t' ? `&#${one.charCodeAt(0)};` : one)).join('');
      return next(args);
    },
    { step: 'serialize', priority: 'low' },
  );
  const { Deleted, Errors } = await client.send(
    new DeleteObjectsCommand({ Bucket, Delete: { Objects: keys.map((Key) => ({ Key })) } }),
  );
  return JSON.stringify({
    deleted: Deleted?.map(({ Key, DeleteMarkerVersionId = '' }) => [Key, DeleteMarkerVersionId]),
    errors: Errors?.map(({ Key, Code, Message }) => [Key, Code, Message]),
  });
}

test('keys that the store`s document cannot hold are deleted one by one, the others at once', async () => {
  expect(await deletes('s3', ['a', 'bell\u0007', ' b', 'c', 'locked\u0001'])).toBe(
    JSON.stringify({
      deleted: [
        ['a', ''],
        ['c', ''],
        ['bell\u0007', 'v2'],
        [' b', 'v2'],
      ],
      errors: [['locked\u0001', 'AccessDenied', 'Access Denied']],
    }),
  );
  const asked = store.requests.filter(({ url }) => !url.endsWith('?policy'));
  expect(asked.map(({ method }) => method).sort()).toEqual(['DELETE', 'DELETE', 'DELETE', 'POST']);
  expect(
    asked
      .filter(({ method }) => method === 'DELETE')
      .map(keyOf)
      .sort(),
  ).toEqual([' b', 'bell\u0007', 'locked\u0001']);
});

test('toward an OSS store too', async () => {
  expect(await deletes('oss', ['a', 'bell\u0007'])).toContain('bell');
  expect(store.requests.map(({ method, url }) => `${method} ${url}`)).toContain('DELETE /bell%07');
});

test('a key with a NUL is nobody`s', async () => {
  expect(await deletes('s3', ['a', 'a\u0000b'])).toBe(
    JSON.stringify({
      deleted: [['a', '']],
      errors: [['a\u0000b', 'InvalidArgument', 'A key cannot hold a NUL character.']],
    }),
  );
});
