import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Writable } from 'node:stream';
import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  UploadPartCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { startRuntime } from '../../src/assemble/runtime.ts';
import { openLocalKeyring } from '../../src/keyrings/local/keyring.ts';
import { startGateway, writeGateway, type TestGateway } from './gateway.ts';
import { ossClient, type AliOssClient } from './oss-clients.ts';
import { startRecordingStore, type Answer, type Recorded } from './recording-store.ts';
import { awsClient } from './s3-clients.ts';

const PERSONAL = 'patient-4711';
const base64 = (context: unknown): string => Buffer.from(JSON.stringify(context), 'utf8').toString('base64');
const CONTEXT = base64({ department: PERSONAL, Ärzte: '三' });
const KMS = { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: 'orders' } as const;

describe('an encryption context on the embedded store', () => {
  let gateway: TestGateway;
  let s3: S3Client;
  let oss: AliOssClient;
  const bucket = 'orders-a';
  beforeAll(async () => {
    gateway = await startGateway({
      policy: {
        version: 1,
        keys: { orders: {}, archive: {} },
        buckets: [
          { match: 'ignore-*', store: 'local', encryption: { default: { kms: 'archive' }, clients: 'ignore' } },
          { match: 'raise-*', store: 'local', encryption: { default: { kms: 'orders' }, clients: 'strengthen' } },
          { match: '*', store: 'local', encryption: { default: 'managed' } },
        ],
      },
    });
    s3 = awsClient(gateway);
    oss = ossClient(gateway, { bucket });
    for (const name of [bucket, 'ignore-a', 'raise-a']) await s3.send(new CreateBucketCommand({ Bucket: name }));
  });
  afterAll(() => gateway.close());

  const read = async (Key: string, Bucket = bucket): Promise<string> =>
    (await (await s3.send(new GetObjectCommand({ Bucket, Key }))).Body?.transformToString()) ?? '';
  test('is answered on Put, Create and Copy, and on nothing else', async () => {
    const put = await s3.send(
      new PutObjectCommand({ Bucket: bucket, Key: 'put', Body: 'x', ...KMS, SSEKMSEncryptionContext: CONTEXT }),
    );
    expect(put).toMatchObject({ ...KMS, SSEKMSEncryptionContext: CONTEXT });
    const copy = await s3.send(
      new CopyObjectCommand({
        Bucket: bucket,
        Key: 'copied',
        CopySource: `${bucket}/put`,
        ...KMS,
        SSEKMSEncryptionContext: base64({ copy: 'own' }),
      }),
    );
    expect(copy).toMatchObject({ ...KMS, SSEKMSEncryptionContext: base64({ copy: 'own' }) });
    const at = { Bucket: bucket, Key: 'upload' };
    const begun = await s3.send(new CreateMultipartUploadCommand({ ...at, ...KMS, SSEKMSEncryptionContext: CONTEXT }));
    expect(begun).toMatchObject({ ...KMS, SSEKMSEncryptionContext: CONTEXT });
    const { UploadId } = begun;
    const part = await s3.send(new UploadPartCommand({ ...at, UploadId, PartNumber: 1, Body: 'whole' }));
    const done = await s3.send(
      new CompleteMultipartUploadCommand({
        ...at,
        UploadId,
        MultipartUpload: { Parts: [{ PartNumber: 1, ETag: part.ETag }] },
      }),
    );
    const head = await s3.send(new HeadObjectCommand(at));
    for (const answer of [part, done, head]) expect(answer).not.toHaveProperty('SSEKMSEncryptionContext');
    expect(await Promise.all(['put', 'copied', 'upload'].map((key) => read(key)))).toEqual(['x', 'x', 'whole']);
  });

  test('a copy takes none from its source', async () => {
    await s3.send(
      new PutObjectCommand({ Bucket: bucket, Key: 'source', Body: 'x', ...KMS, SSEKMSEncryptionContext: CONTEXT }),
    );
    const copy = await s3.send(
      new CopyObjectCommand({ Bucket: bucket, Key: 'plain-copy', CopySource: `${bucket}/source`, ...KMS }),
    );
    expect(copy).not.toHaveProperty('SSEKMSEncryptionContext');
  });

  const ILL_FORMED: readonly (readonly [what: string, context: string])[] = [
    ['no base64', '{"a":"b"}'],
    ['no JSON', Buffer.from('{a:b}').toString('base64')],
    ['no object', base64(['a'])],
    ['a number', base64({ a: 1 })],
    ['a nested object', base64({ a: { b: 'c' } })],
    ['no UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x22, 0x22, 0x7d]).toString('base64')],
    ['half a surrogate pair', Buffer.from('{"a":"\\ud83d"}').toString('base64')],
    ['a name twice', Buffer.from('{"a":"b","a":"c"}').toString('base64')],
    ...['gw', 'tenant', 'bucket', 'oid'].map((name) => [`the reserved name ${name}`, base64({ [name]: 'x' })] as const),
  ];
  test.each(ILL_FORMED)('with %s is 400 and nothing is stored', async (_what, context) => {
    await expect(
      s3.send(
        new PutObjectCommand({ Bucket: bucket, Key: 'refused', Body: 'x', ...KMS, SSEKMSEncryptionContext: context }),
      ),
    ).rejects.toMatchObject({ name: 'InvalidArgument', $metadata: { httpStatusCode: 400 } });
    await expect(read('refused')).rejects.toMatchObject({ name: 'NoSuchKey' });
  });

  test('of more than 512 bytes is too large for what the gateway seals', async () => {
    const put = (length: number) =>
      s3.send(
        new PutObjectCommand({
          Bucket: bucket,
          Key: 'long',
          Body: 'x',
          ...KMS,
          SSEKMSEncryptionContext: base64({ name: 'v'.repeat(length) }),
        }),
      );
    await expect(put(502)).rejects.toMatchObject({ name: 'MetadataTooLarge', $metadata: { httpStatusCode: 400 } });
    expect(await put(501)).toMatchObject(KMS);
  });

  test('follows its wish: where the rule overrides it, it is recorded as sent and neither bound nor answered', async () => {
    for (const [Bucket, sse] of [
      ['ignore-a', KMS],
      ['raise-a', { ServerSideEncryption: 'aws:kms' }],
    ] as const) {
      const at = { Bucket, Key: 'k' };
      const put = await s3.send(new PutObjectCommand({ ...at, Body: 'x', ...sse, SSEKMSEncryptionContext: CONTEXT }));
      expect(put).not.toHaveProperty('SSEKMSEncryptionContext');
      const begun = await s3.send(
        new CreateMultipartUploadCommand({ ...at, ...sse, SSEKMSEncryptionContext: CONTEXT }),
      );
      expect(begun).not.toHaveProperty('SSEKMSEncryptionContext');
      const decided = (await gateway.audit()).filter(
        (line) => line['kind'] === 'decision' && line['bucket'] === Bucket,
      );
      expect(decided).toHaveLength(2);
      for (const line of decided)
        expect(line.details).toMatchObject({ overridden: true, inputs: { asked: { context: true } } });
    }
  });

  test('an OSS client has it bound and not repeated; parts may repeat it and ask for no other', async () => {
    const named = { 'x-oss-server-side-encryption': 'KMS', 'x-oss-server-side-encryption-key-id': 'orders' };
    const context = JSON.stringify({ department: PERSONAL });
    const headers = { ...named, 'x-oss-server-side-encryption-context': context };
    const { res } = await oss.put('oss', Buffer.from('hello'), { headers });
    expect(Object.keys(res.headers).filter((name) => name.includes('context'))).toEqual([]);
    await oss.append('appended', Buffer.from('one,'), { headers });
    await oss.append('appended', Buffer.from('two'), { position: 4 });
    expect((await oss.get('appended')).content.toString()).toBe('one,two');
    const bytes = randomBytes(250 * 1024);
    await oss.multipartUpload('parts', bytes, { partSize: 100 * 1024, headers });
    expect((await oss.get('parts')).content.equals(bytes)).toBe(true);
    const { uploadId } = await oss.initMultipartUpload('other', { headers });
    await expect(
      oss.uploadPart('other', uploadId, 1, bytes, 0, 1024, {
        headers: {
          'x-oss-server-side-encryption-key-id': 'orders',
          'x-oss-server-side-encryption-context': '{"department":"other"}',
        },
      }),
    ).rejects.toMatchObject({ status: 400, code: 'InvalidArgument' });
  });

  test.each([
    ['without a key id', { 'x-oss-server-side-encryption': 'KMS' }, '{"a":"b"}'],
    ['without KMS', { 'x-oss-server-side-encryption': 'AES256' }, '{"a":"b"}'],
    [
      'that is no JSON',
      { 'x-oss-server-side-encryption': 'KMS', 'x-oss-server-side-encryption-key-id': 'orders' },
      'bm8=',
    ],
    [
      'with a name of the gateway',
      { 'x-oss-server-side-encryption': 'KMS', 'x-oss-server-side-encryption-key-id': 'orders' },
      '{"oid":"b"}',
    ],
  ])('of an OSS client %s is 400', async (_what, named, context) => {
    await expect(
      oss.put('refused', Buffer.from('x'), { headers: { ...named, 'x-oss-server-side-encryption-context': context } }),
    ).rejects.toMatchObject({ status: 400, code: 'InvalidArgument' });
  });

  test('of a bucket is refused to OSS clients: a rule has none', async () => {
    const headers = {
      'x-oss-server-side-encryption': 'KMS',
      'x-oss-server-side-encryption-key-id': 'orders',
      'x-oss-server-side-encryption-context': '{"a":"b"}',
    };
    await expect(oss.putBucket('bucket-with-context', { headers })).rejects.toMatchObject({ status: 400 });
  });

  test('its words stand in no line of log or audit', async () => {
    await gateway.audit();
    expect(gateway.log()).toContain('x-oss-server-side-encryption-context');
    expect(gateway.log()).not.toContain(PERSONAL);
  });
});

describe('an encryption context at rest', () => {
  type RecordText = Readonly<Record<string, unknown>>;

  test('is kept and bound where the wish was followed; nothing else is written in another format than before', async () => {
    const written = await writeGateway({
      policy: {
        version: 1,
        keys: { orders: {} },
        buckets: [
          { match: 'ignore-*', store: 'local', encryption: { default: { kms: 'orders' }, clients: 'ignore' } },
          { match: '*', store: 'local', encryption: { default: 'managed' } },
        ],
      },
    });
    onTestFinished(() => rmSync(written.directory, { recursive: true, force: true }));
    const run = async (work: (s3: S3Client, oss: AliOssClient) => Promise<void>): Promise<void> => {
      const sink = (): Writable => new Writable({ write: (_chunk, _encoding, done) => done() });
      const runtime = await startRuntime(written.configFile, Date.now, { audit: sink(), log: sink() });
      const port = runtime.listening.addresses.find(({ name }) => name === 'http')?.port ?? 0;
      const gateway = { ...written, port, http: `http://127.0.0.1:${port}` } as unknown as TestGateway;
      const s3 = awsClient(gateway);
      try {
        await work(s3, ossClient(gateway, { bucket: 'kept' }));
      } finally {
        s3.destroy();
        runtime.listening.stopAccepting();
        await runtime.listening.drain(1000);
        await runtime.listening.close();
        await runtime.close();
      }
    };
    const records = (change?: (key: string, record: RecordText) => RecordText): Map<string, RecordText> => {
      const index = new DatabaseSync(join(written.directory, 'objects', 'index.db'));
      const rows = index.prepare('SELECT key, oid, record FROM seals JOIN objects USING (oid)').all();
      const found = new Map(
        rows.map((row) => [Buffer.from(row['key'] as Uint8Array).toString(), JSON.parse(row['record'] as string)]),
      ) as Map<string, RecordText>;
      for (const [key, record] of change === undefined ? [] : found)
        index
          .prepare('UPDATE seals SET record = ? WHERE oid = ?')
          .run(JSON.stringify(change?.(key, record)), record['oid'] as string);
      index.close();
      return found;
    };
    const sse = { ...KMS, SSEKMSEncryptionContext: base64({ department: 'a' }) };
    const headers = {
      'x-oss-server-side-encryption': 'KMS',
      'x-oss-server-side-encryption-key-id': 'orders',
      'x-oss-server-side-encryption-context': '{"department":"a"}',
    };
    await run(async (s3, oss) => {
      for (const Bucket of ['kept', 'ignore-a']) await s3.send(new CreateBucketCommand({ Bucket }));
      for (const Key of ['put', 'edited', 'stripped', 'emptied'])
        await s3.send(new PutObjectCommand({ Bucket: 'kept', Key, Body: 'x', ...sse }));
      await s3.send(new PutObjectCommand({ Bucket: 'kept', Key: 'without', Body: 'x', ...KMS }));
      await s3.send(new PutObjectCommand({ Bucket: 'ignore-a', Key: 'ignored', Body: 'x', ...sse }));
      await s3.send(new CopyObjectCommand({ Bucket: 'kept', Key: 'copy', CopySource: 'kept/put', ...KMS }));
      await oss.append('appended', Buffer.from('one,'), { headers });
      await oss.append('appended', Buffer.from('two'), { position: 4 });
    });

    const found = records((key, record) => {
      const { context: _gone, ...rest } = record;
      if (key === 'edited') return { ...record, context: { department: 'b' } };
      if (key === 'stripped') return { ...rest, format: 'bucketseal/v1' };
      return key === 'emptied' ? rest : record;
    });
    const bound = { format: 'bucketseal/v2', context: { department: 'a' } };
    for (const key of ['put', 'edited', 'stripped', 'emptied', 'appended']) expect(found.get(key)).toMatchObject(bound);
    for (const key of ['without', 'ignored', 'copy']) {
      expect(found.get(key)).toMatchObject({ format: 'bucketseal/v1' });
      expect(found.get(key)).not.toHaveProperty('context');
    }

    const keyring = await openLocalKeyring({
      file: join(written.directory, 'keyring.json'),
      now: Date.now,
      randomBytes,
    });
    await keyring.rotate('orders');
    await run(async (s3) => {
      const read = async (Key: string): Promise<string> =>
        (await (await s3.send(new GetObjectCommand({ Bucket: 'kept', Key }))).Body?.transformToString()) ?? '';
      expect(await read('put')).toBe('x');
      expect(await read('appended')).toBe('one,two');
      for (const key of ['edited', 'stripped', 'emptied'])
        await expect(read(key)).rejects.toMatchObject({ name: 'InternalError' });
    });
  });
});

describe('an encryption context at a remote store', () => {
  const KEY = 'arn:aws:kms:us-east-1:1:key/0001';
  const start = async (
    type: 's3' | 'oss',
    answer: (request: Recorded) => Answer,
  ): Promise<{ readonly gateway: TestGateway; readonly requests: Recorded[] }> => {
    const store = await startRecordingStore(answer);
    onTestFinished(() => store.close());
    const gateway = await startGateway({
      policy: {
        version: 1,
        keys: { orders: { far: KEY } },
        buckets: [{ match: '*', store: 'far', encryption: { default: 'managed' } }],
      },
      stores: {
        far: {
          type: type === 's3' ? 's3' : 'aliyun-oss',
          endpoint: store.endpoint,
          region: type === 's3' ? 'us-east-1' : 'cn-hangzhou',
          ...(type === 's3' ? { addressing: 'path' } : {}),
          credentials: { accessKeyId: 'AKSTORE', secretAccessKey: randomBytes(20).toString('hex') },
        },
      },
    });
    onTestFinished(() => gateway.close());
    return { gateway, requests: store.requests };
  };
  const noPolicy: Answer = [404, {}, '<Error><Code>NoSuchBucketPolicy</Code><Message>none</Message></Error>'];
  const begun = '<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>';

  test('goes to an S3 store with the wish and comes back in its words, without what the store added', async () => {
    const kms = {
      'x-amz-server-side-encryption': 'aws:kms',
      'x-amz-server-side-encryption-aws-kms-key-id': KEY,
      'x-amz-server-side-encryption-context': base64({ a: 'b', 'aws:s3:arn': 'arn:aws:s3:::far/k' }),
    };
    const { gateway, requests } = await start('s3', ({ method, url }) =>
      url.includes('policy')
        ? noPolicy
        : method === 'POST'
          ? [200, kms, begun]
          : [200, { ...kms, etag: '"11111111111111111111111111111111"' }],
    );
    const s3 = awsClient(gateway);
    const sse = { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: 'orders', SSEKMSEncryptionContext: base64({ a: 'b' }) };
    const at = { Bucket: 'far', Key: 'k' };
    expect(await s3.send(new PutObjectCommand({ ...at, Body: 'x', ...sse } as never))).toMatchObject({
      SSEKMSEncryptionContext: base64({ a: 'b' }),
    });
    expect(await s3.send(new CreateMultipartUploadCommand({ ...at, ...sse } as never))).toMatchObject({
      SSEKMSEncryptionContext: base64({ a: 'b' }),
    });
    const sent = requests.filter(({ url }) => !url.includes('policy'));
    expect(sent.map(({ headers }) => headers['x-amz-server-side-encryption-context'])).toEqual([
      base64({ a: 'b' }),
      base64({ a: 'b' }),
    ]);
    // Not asked for, so nothing of it is the client's to hear.
    const { SSEKMSEncryptionContext: _own, ...plain } = sse;
    const put = await s3.send(new PutObjectCommand({ ...at, Body: 'x', ...plain } as never));
    expect(put).not.toHaveProperty('SSEKMSEncryptionContext');
  });

  test('goes to an OSS store as JSON and is answered to the S3 client that sent it', async () => {
    const kms = { 'x-oss-server-side-encryption': 'KMS', 'x-oss-server-side-encryption-key-id': KEY };
    const { gateway, requests } = await start('oss', ({ method, url }) =>
      url.includes('policy')
        ? noPolicy
        : method === 'POST'
          ? [200, kms, begun]
          : [200, { ...kms, etag: '"11111111111111111111111111111111"' }],
    );
    const s3 = awsClient(gateway);
    const put = await s3.send(
      new PutObjectCommand({
        Bucket: 'far',
        Key: 'k',
        Body: 'x',
        ServerSideEncryption: 'aws:kms',
        SSEKMSKeyId: 'orders',
        SSEKMSEncryptionContext: base64({ ä: 'b' }),
      }),
    );
    expect(put).toMatchObject({ SSEKMSEncryptionContext: base64({ ä: 'b' }) });
    const sent = requests.find(({ method }) => method === 'PUT');
    expect(sent?.headers['x-oss-server-side-encryption-context']).toBe('{"\\u00e4":"b"}');
  });

  test('that an upload at an OSS store was begun with may be repeated on its parts, another may not', async () => {
    const kms = { 'x-oss-server-side-encryption': 'KMS', 'x-oss-server-side-encryption-key-id': KEY };
    const { gateway } = await start('oss', ({ method, url }) =>
      url.includes('policy')
        ? noPolicy
        : method === 'POST'
          ? [200, kms, begun]
          : [200, { ...kms, etag: '"11111111111111111111111111111111"' }],
    );
    const oss = ossClient(gateway, { bucket: 'far' });
    const named = { 'x-oss-server-side-encryption-key-id': 'orders' };
    const withContext = (context: string) => ({ ...named, 'x-oss-server-side-encryption-context': context });
    const { uploadId } = await oss.initMultipartUpload('k', {
      headers: { 'x-oss-server-side-encryption': 'KMS', ...withContext('{"a":"1","b":"2"}') },
    });
    const part = (headers: object) => oss.uploadPart('k', uploadId, 1, Buffer.from('x'), 0, 1, { headers });
    await expect(part(withContext('{"b":"2","a":"1"}'))).resolves.toBeDefined();
    await expect(part(named)).resolves.toBeDefined();
    await expect(part(withContext('{"a":"1"}'))).rejects.toMatchObject({ status: 400, code: 'InvalidArgument' });
  });
});
