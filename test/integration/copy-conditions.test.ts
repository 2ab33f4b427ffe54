import { CopyObjectCommand, CreateBucketCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startGateway, type TestGateway } from './gateway.ts';
import { memoryEntry } from './memory-store.ts';
import { ossClient } from './oss-clients.ts';
import { startRecordingStore, type Recorded, type Recording } from './recording-store.ts';
import { awsClient } from './s3-clients.ts';

const ETAG = '"11111111111111111111111111111111"';
const CONDITIONS = [{ IfNoneMatch: '*' }, { IfMatch: ETAG }] as const;

describe('conditions on the target of a copy', () => {
  let store: Recording;
  let gateway: TestGateway;
  let s3: S3Client;
  beforeAll(async () => {
    store = await startRecordingStore(({ method, url, headers }) => {
      if (url.endsWith('?policy'))
        return [404, {}, '<Error><Code>NoSuchBucketPolicy</Code><Message>no</Message></Error>'];
      if (headers['x-amz-copy-source'] !== undefined)
        return [200, {}, `<CopyObjectResult><ETag>${ETAG}</ETag></CopyObjectResult>`];
      const about = { etag: ETAG, 'last-modified': 'Sat, 21 Nov 2026 17:00:00 GMT' };
      return method === 'PUT'
        ? [200, { etag: ETAG }]
        : [200, { ...about, 'content-length': '1' }, method === 'GET' ? 'x' : ''];
    });
    gateway = await startGateway({
      policy: {
        version: 1,
        buckets: ['undeclared', 'declared', 'local', 'through'].map((name) => ({
          match: name,
          store: name,
          encryption: { default: name === 'through' ? 'managed' : 'none' },
        })),
      },
      stores: {
        undeclared: memoryEntry(store),
        declared: memoryEntry(store, { conditionalCopy: true }),
        through: memoryEntry(store, { copyWithEncryption: false }),
      },
    });
    s3 = awsClient(gateway);
    await s3.send(new CreateBucketCommand({ Bucket: 'local' }));
    for (const Key of ['source', 'target']) await s3.send(new PutObjectCommand({ Bucket: 'local', Key, Body: Key }));
  });
  afterAll(async () => {
    await gateway?.close();
    await store?.close();
  });
  beforeEach(() => {
    store.requests.length = 0;
  });

  const copy = (Bucket: string, from: string, condition: object): Promise<unknown> =>
    s3.send(new CopyObjectCommand({ Bucket, Key: 'target', CopySource: `${from}/source`, ...condition }));
  const puts = (): readonly Recorded[] => store.requests.filter(({ method }) => method === 'PUT');

  test.each(CONDITIONS)('%j at a store that would ignore it: nothing is sent', async (condition) => {
    await expect(copy('undeclared', 'undeclared', condition)).rejects.toMatchObject({
      name: 'NotImplemented',
      $metadata: { httpStatusCode: 501 },
    });
    expect(puts()).toEqual([]);
  });

  test('the same for an OSS client`s own word for it', async () => {
    const headers = { 'x-oss-forbid-overwrite': 'true' };
    await expect(
      ossClient(gateway, { bucket: 'undeclared' }).copy('target', 'source', { headers }),
    ).rejects.toMatchObject({ code: 'NotImplemented' });
    expect(puts()).toEqual([]);
    await ossClient(gateway, { bucket: 'undeclared' }).copy('target', 'source');
    expect(puts()).toHaveLength(1);
  });

  test('a store that is declared to honour them is told', async () => {
    for (const condition of CONDITIONS) await copy('declared', 'declared', condition);
    expect(puts().map(({ headers }) => [headers['if-none-match'], headers['if-match']])).toEqual([
      ['*', undefined],
      [undefined, ETAG],
    ]);
  });

  test('a copy that ends in a Put of the gateway`s carries them there', async () => {
    await copy('undeclared', 'local', { IfNoneMatch: '*' });
    // Ends as not honoured, which is another matter: what was sent counts here.
    await copy('through', 'through', { IfNoneMatch: '*' }).catch(() => undefined);
    expect(puts().map(({ headers }) => [headers['x-amz-copy-source'], headers['if-none-match']])).toEqual([
      [undefined, '*'],
      [undefined, '*'],
    ]);
  });

  test('the embedded store honours them', async () => {
    for (const condition of CONDITIONS)
      await expect(copy('local', 'local', condition)).rejects.toMatchObject({ name: 'PreconditionFailed' });
  });
});
