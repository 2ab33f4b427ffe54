import { randomBytes } from 'node:crypto';
import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  GetBucketEncryptionCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  UploadPartCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startGateway, type TestGateway } from '../integration/gateway.ts';
import { awsClient } from '../integration/s3-clients.ts';
import {
  bodyOf,
  commitAnd,
  readAnd,
  resetAfter,
  startScriptedStore,
  type ScriptedStore,
  type Script,
} from './scripted-store.ts';

const MIB = 1024 * 1024;
const ETAG = { etag: '"11111111111111111111111111111111"' };
const VERSION = { 'x-amz-version-id': 'v1' };
const KMS = { 'x-amz-server-side-encryption': 'aws:kms', 'x-amz-server-side-encryption-aws-kms-key-id': 'store-key' };
const OBJECT = { ...ETAG, 'last-modified': 'Sat, 21 Nov 2026 10:00:00 GMT', 'content-length': '5' };
const OLD = Buffer.from('the object that was there');
const INSIDE =
  '<?xml version="1.0"?>\n  <Error><Code>InternalError</Code><Message>We encountered an internal error.</Message></Error>';

const COMPLETED =
  '<CompleteMultipartUploadResult><ETag>"11111111111111111111111111111111-1"</ETag></CompleteMultipartUploadResult>';
const COMPLETE_OBJECT = { ...OBJECT, etag: '"11111111111111111111111111111111-1"' };
const POLICY = {
  version: 1,
  keys: { orders: { scripted: 'store-key' } },
  buckets: [{ match: 'kms-*', store: 'scripted', encryption: { default: { kms: 'orders' } } }],
};
const LIMITS = { storeHead: '300ms', storeCopyHead: '300ms', idle: '1s' };

const byMethod =
  (scripts: Readonly<Record<string, Script>>): Script =>
  (incoming, res, store) =>
    (scripts[incoming.method ?? ''] ?? readAnd(500, {}))(incoming, res, store);

describe('a store that lies or breaks', () => {
  let store: ScriptedStore;
  let gateway: TestGateway;
  let s3: S3Client;
  let before: number;
  const log = (): string => gateway.log().slice(before);
  let buckets = 0;
  let Bucket: string;
  beforeAll(async () => {
    store = await startScriptedStore();
    const { endpoint } = store;
    gateway = await startGateway({
      policy: POLICY,
      stores: {
        scripted: {
          type: 's3',
          endpoint,
          region: 'us-east-1',
          addressing: 'path',
          credentials: { accessKeyId: 'AKSTORE', secretAccessKey: randomBytes(20).toString('hex') },
        },
      },
      config: { limits: LIMITS, admin: { port: 0 } },
    });
    s3 = awsClient(gateway);
  });
  beforeEach(() => {
    before = gateway.log().length;
    // A bucket of its own for each test: a lie is remembered by store, bucket, operation and kind.
    Bucket = `kms-${++buckets}`;
    store.objects.clear();
    store.objects.set(`/${Bucket}/k`, OLD);
  });
  afterAll(async () => {
    await gateway?.close();
    await store?.close();
  });

  const refusedCount = async (): Promise<number> =>
    sum(await gateway.runtime.telemetry.scrape(), 'bucketseal_refused_total');
  /** Asserts a 5xx with this code, a log line with the request's id, a count, and what the store heard. */
  const expectFailure = async (work: () => Promise<unknown>, code: string, status: number): Promise<void> => {
    const before = await refusedCount();
    const failure = await work().then(
      () => undefined,
      (error: unknown) =>
        error as {
          readonly name: string;
          readonly $metadata: { readonly httpStatusCode?: number; readonly requestId?: string };
        },
    );
    expect(failure, 'a failure').toMatchObject({ name: code, $metadata: { httpStatusCode: status } });
    expect(log()).toContain(failure?.$metadata.requestId);
    expect(await refusedCount()).toBe(before + 1);
  };
  const put = (Body: Buffer | string = 'fresh'): Promise<unknown> =>
    s3.send(new PutObjectCommand({ Bucket, Key: 'k', Body }));

  /** An upload whose Complete the store answers with these headers, and HEAD with these. */
  const begunUpload = async (
    answered: Readonly<Record<string, string>>,
    left: Readonly<Record<string, string>>,
  ): Promise<() => Promise<unknown>> => {
    const created = '<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>';
    store.follow(
      byMethod({
        POST: (incoming, res, self) =>
          (incoming.url?.includes('uploads') === true ? readAnd(200, {}, created) : readAnd(200, answered, COMPLETED))(
            incoming,
            res,
            self,
          ),
        HEAD: readAnd(200, left),
      }),
    );
    const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key: 'k' }));
    return () =>
      s3.send(
        new CompleteMultipartUploadCommand({
          Bucket,
          Key: 'k',
          UploadId,
          MultipartUpload: { Parts: [{ ETag: ETAG.etag, PartNumber: 1 }] },
        }),
      );
  };

  test('the control: an honest answer is a success, a silent one is asked for', async () => {
    store.follow(commitAnd(200, { ...ETAG, ...KMS }));
    expect(await put()).toMatchObject({ ServerSideEncryption: 'aws:kms', SSEKMSKeyId: 'store-key' });
    expect(store.heard).toEqual([`PUT /${Bucket}/k`]);
    store.follow(byMethod({ PUT: commitAnd(200, ETAG), HEAD: readAnd(200, { ...OBJECT, ...KMS }) }));
    expect(await put()).toMatchObject({ ServerSideEncryption: 'aws:kms' });
    expect(store.heard).toEqual([`PUT /${Bucket}/k`, `HEAD /${Bucket}/k`]);
  });

  test.each<[string, Script]>([
    [
      'says nothing, and HEAD of this version says none',
      byMethod({
        PUT: commitAnd(200, { ...ETAG, ...VERSION }),
        HEAD: readAnd(200, { ...OBJECT, ...VERSION }),
      }),
    ],
    [
      'names another key',
      commitAnd(200, { ...ETAG, ...KMS, 'x-amz-server-side-encryption-aws-kms-key-id': 'another' }),
    ],
    ['names no key', commitAnd(200, { ...ETAG, 'x-amz-server-side-encryption': 'aws:kms' })],
    ['names a weaker kind', commitAnd(200, { ...ETAG, 'x-amz-server-side-encryption': 'AES256' })],
  ])('a 200 that %s is a 502, counted, and the next is refused unsent', async (_name, script) => {
    store.follow(script);
    const counted = async (): Promise<number> =>
      sum(await gateway.runtime.telemetry.scrape(), 'bucketseal_encryption_not_honoured_total');
    const before = await counted();
    await expectFailure(put, 'EncryptionNotHonoured', 502);
    expect(log()).toContain('the store did not encrypt as decided');
    expect(log()).toContain('"kind":"not-honoured"');
    expect(await counted()).toBe(before + 1);
    store.follow(script);
    await expectFailure(put, 'EncryptionNotHonoured', 502);
    expect(store.heard).toEqual([]);
  });

  test.each<[string, Script]>([
    ['the same bytes in clear', byMethod({ PUT: commitAnd(200, ETAG), HEAD: readAnd(200, OBJECT) })],
    [
      'another object',
      byMethod({
        PUT: commitAnd(200, ETAG),
        HEAD: readAnd(200, { ...OBJECT, ...KMS, etag: '"22222222222222222222222222222222"' }),
      }),
    ],
  ])(
    'a silent 200 whose HEAD shows %s may be another client’s doing: 503, counted, and nothing is remembered',
    async (_name, script) => {
      store.follow(script);
      const counted = async (name: string): Promise<number> =>
        sum(await gateway.runtime.telemetry.scrape(), `bucketseal_encryption_${name}_total`);
      const [lies, unproven] = [await counted('not_honoured'), await counted('unproven')];
      await expectFailure(put, 'ServiceUnavailable', 503);
      expect(await counted('unproven')).toBe(unproven + 1);
      expect(await counted('not_honoured')).toBe(lies);
      expect(log()).toContain('"kind":"unproven"');
      store.follow(commitAnd(200, { ...ETAG, ...KMS }));
      expect(await put()).toMatchObject({ ServerSideEncryption: 'aws:kms' });
    },
  );

  test.each<[string, Script, string, number]>([
    ['a 200 without an ETag', readAnd(200, KMS), 'InternalError', 500],
    [
      'a 500',
      readAnd(500, {}, '<Error><Code>InternalError</Code><Message>oops</Message></Error>'),
      'InternalError',
      500,
    ],
    ['a 503', readAnd(503, {}, '<Error><Code>SlowDown</Code><Message>slow</Message></Error>'), 'SlowDown', 503],
    [
      'a 502 of a proxy',
      readAnd(502, { 'content-type': 'text/html' }, '<html>Bad Gateway</html>'),
      'InternalError',
      500,
    ],
    ['a garbled error', readAnd(500, {}, '<Error><Code>\u0000\u0001'), 'InternalError', 500],
    ['an error of 8 MiB', readAnd(500, {}, `<Error><Code>${'A'.repeat(8 * MIB)}</Code></Error>`), 'InternalError', 500],
    [
      'an error that expands',
      readAnd(500, {}, '<!DOCTYPE e [<!ENTITY a "b">]><Error><Code>&a;</Code></Error>'),
      'InternalError',
      500,
    ],
    ['a redirect', readAnd(307, { location: 'http://127.0.0.1:1/elsewhere' }), 'InternalError', 500],
    [
      'a refusal of the gateway’s signature',
      readAnd(403, {}, '<Error><Code>SignatureDoesNotMatch</Code><Message>m</Message></Error>'),
      'InternalError',
      500,
    ],
    ['a head that never comes', async (incoming) => void (await bodyOf(incoming)), 'ServiceUnavailable', 503],
    [
      'a head that breaks off',
      async (incoming, res) => (await bodyOf(incoming), void res.socket?.end('HTTP/1.1 200 OK\r\netag: "1')),
      'ServiceUnavailable',
      503,
    ],
    [
      'an answer that is not HTTP',
      async (incoming, res) => (await bodyOf(incoming), void res.socket?.end('SSH-2.0-store\r\n')),
      'ServiceUnavailable',
      503,
    ],
  ])(
    '%s to a put is a clear failure; the put is not repeated, the object that was there stays',
    async (_name, script, code, status) => {
      store.follow(script);
      await expectFailure(put, code, status);
      expect(store.heard).toEqual([`PUT /${Bucket}/k`]);
      expect(store.objects.get(`/${Bucket}/k`)).toBe(OLD);
    },
  );

  test.each([0, 0.5, 1])('a connection reset at %f of the body is a 503, and nothing is committed', async (part) => {
    const body = randomBytes(2 * MIB);
    store.follow(resetAfter(Math.floor(body.length * part)));
    await expectFailure(() => put(body), 'ServiceUnavailable', 503);
    expect(store.heard).toEqual([`PUT /${Bucket}/k`]);
    expect(store.objects.get(`/${Bucket}/k`)).toBe(OLD);
  });

  test.each<[string, number, Readonly<Record<string, string>>, string]>([
    ['refuses', 403, {}, '<Error><Code>SignatureDoesNotMatch</Code><Message>m</Message></Error>'],
    ['claims success', 200, { ...ETAG, ...KMS }, ''],
  ])('a store that %s before it has the body makes no success', async (_name, status, headers, answer) => {
    store.follow((_incoming, res) => void res.writeHead(status, { ...headers, connection: 'close' }).end(answer));
    const failure = await put(randomBytes(8 * MIB)).then(
      () => undefined,
      (error: unknown) => error as { readonly $metadata?: { readonly httpStatusCode?: number } },
    );
    expect(failure?.$metadata?.httpStatusCode).toBeGreaterThanOrEqual(500);
    expect(store.objects.get(`/${Bucket}/k`)).toBe(OLD);
  });

  test('an answer that nobody asked for is never the answer to the next request', async () => {
    const length = { 'content-length': '0' };
    store.follow(async (incoming, res) => {
      await bodyOf(incoming);
      const head = (headers: object): string =>
        `HTTP/1.1 200 OK\r\n${Object.entries(headers)
          .map(([name, value]) => `${name}: ${String(value)}\r\n`)
          .join('')}\r\n`;
      res.socket?.write(head({ ...ETAG, ...KMS, ...length }) + head({ ...ETAG, ...KMS, ...length, 'x-forged': '1' }));
    });
    await put().catch(() => undefined);
    store.follow(readAnd(500, {}, '<Error><Code>InternalError</Code><Message>oops</Message></Error>'));
    await expectFailure(put, 'InternalError', 500);
    expect(store.heard).toEqual([`PUT /${Bucket}/k`]);
  });

  test('an error inside the 200 of a copy or a complete is a failure', async () => {
    store.follow(byMethod({ PUT: readAnd(200, KMS, INSIDE) }));
    await expectFailure(
      () => s3.send(new CopyObjectCommand({ Bucket, Key: 'k', CopySource: `${Bucket}/source` })),
      'InternalError',
      500,
    );
    store.follow(
      byMethod({
        POST: readAnd(
          200,
          KMS,
          '<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>',
        ),
        PUT: readAnd(200, { ...ETAG, ...KMS }),
      }),
    );
    const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key: 'k' }));
    const { ETag } = await s3.send(new UploadPartCommand({ Bucket, Key: 'k', UploadId, PartNumber: 1, Body: 'x' }));
    store.follow(byMethod({ POST: readAnd(200, KMS, INSIDE) }));
    await expectFailure(
      () =>
        s3.send(
          new CompleteMultipartUploadCommand({
            Bucket,
            Key: 'k',
            UploadId,
            MultipartUpload: { Parts: [{ ETag, PartNumber: 1 }] },
          }),
        ),
      'InternalError',
      500,
    );
    // A store that said nothing on Create and is not encrypting: the first part shows it.
    store.follow(byMethod({ PUT: readAnd(200, { ...ETAG, 'x-amz-server-side-encryption': 'AES256' }) }));
    await expectFailure(
      () => s3.send(new UploadPartCommand({ Bucket, Key: 'k', UploadId, PartNumber: 1, Body: 'x' })),
      'EncryptionNotHonoured',
      502,
    );
  });

  test('a Complete that the store left in clear is a 502, and the next is refused unsent', async () => {
    const complete = await begunUpload({ ...VERSION }, { ...OBJECT, ...VERSION });
    await expectFailure(complete, 'EncryptionNotHonoured', 502);
    store.heard.length = 0;
    await expectFailure(complete, 'EncryptionNotHonoured', 502);
    expect(store.heard).toEqual([]);
  });

  test('a Complete whose key somebody has written meanwhile is a 503, and the next Complete is believed', async () => {
    const complete = await begunUpload({}, { ...OBJECT, ...KMS, etag: '"22222222222222222222222222222222"' });
    await expectFailure(complete, 'ServiceUnavailable', 503);
    store.heard.length = 0;
    store.follow(byMethod({ POST: readAnd(200, {}, COMPLETED), HEAD: readAnd(200, { ...COMPLETE_OBJECT, ...KMS }) }));
    expect(await complete()).toMatchObject({ ServerSideEncryption: 'aws:kms' });
  });

  test('a copy that the store left in clear is a 502', async () => {
    const result =
      '<CopyObjectResult><ETag>"11111111111111111111111111111111"</ETag><LastModified>2026-11-21T10:00:00Z</LastModified></CopyObjectResult>';
    store.follow(byMethod({ PUT: readAnd(200, VERSION, result), HEAD: readAnd(200, { ...OBJECT, ...VERSION }) }));
    await expectFailure(
      () => s3.send(new CopyObjectCommand({ Bucket, Key: 'k', CopySource: `${Bucket}/source` })),
      'EncryptionNotHonoured',
      502,
    );
  });

  test('what is known of a store outlives a reload that changes neither its block nor the bucket’s policy', async () => {
    const lie = commitAnd(200, { ...ETAG, 'x-amz-server-side-encryption': 'AES256' });
    const believed = async (): Promise<boolean> => {
      store.follow(lie);
      await expectFailure(put, 'EncryptionNotHonoured', 502);
      return store.heard.length > 0;
    };
    const status = async (): Promise<{ readonly distrust: readonly string[] }> =>
      (await (await fetch(`${admin}/status`)).json()) as { readonly distrust: readonly string[] };
    const admin = `http://127.0.0.1:${gateway.runtime.admin?.port ?? 0}`;
    const trust = async (body?: object): Promise<{ readonly status: number; readonly answer: unknown }> => {
      const text = body === undefined ? {} : { body: JSON.stringify(body) };
      const answer = await fetch(`${admin}/trust`, { method: 'POST', ...text });
      return { status: answer.status, answer: await answer.json() };
    };
    expect(await believed()).toBe(true);
    expect(await believed()).toBe(false);
    expect((await status()).distrust).toContain(`scripted/${Bucket}: PutObject kms`);

    const reloaded = async (): Promise<void> => expect(await gateway.runtime.reload()).toMatchObject({ ok: true });
    await reloaded();
    expect(await believed(), 'nothing changed').toBe(false);
    gateway.writePolicy({
      ...POLICY,
      buckets: [...POLICY.buckets, { match: 'other', store: 'local', encryption: { default: 'managed' } }],
    });
    gateway.writeConfig((config) => void (config['limits'] = { ...LIMITS, storeHead: '400ms' }));
    await reloaded();
    expect(await believed(), 'another bucket and a limit changed').toBe(false);

    gateway.writePolicy({
      ...POLICY,
      buckets: [{ ...POLICY.buckets[0], encryption: { default: { kms: 'orders' }, by: 'store' } }],
    });
    await reloaded();
    expect(await believed(), 'the policy of the bucket changed').toBe(true);
    gateway.writePolicy(POLICY);
    await reloaded();
    expect(await believed(), 'as it was when the store lied').toBe(false);

    expect(await trust({ store: 'scripted', bucket: 'kms-elsewhere' })).toEqual({
      status: 200,
      answer: { ok: true, cleared: 0 },
    });
    expect(await believed()).toBe(false);
    for (const wrong of [{ store: 'nobody' }, { bucket: Bucket }, { sotre: 'scripted' }, { store: 1 }])
      expect(await trust(wrong), JSON.stringify(wrong)).toMatchObject({ status: 400, answer: { ok: false } });
    expect(await believed()).toBe(false);
    // One under the policy as it is, one under the policy as it was.
    expect(await trust({ store: 'scripted', bucket: Bucket })).toEqual({
      status: 200,
      answer: { ok: true, cleared: 2 },
    });
    expect(await believed()).toBe(true);
    expect(await trust()).toMatchObject({ status: 200, answer: { ok: true } });
    expect(await believed()).toBe(true);
    expect(log()).toContain('"outcome":"trusted"');
  });

  test.each<[string, Script]>([
    [
      'ends early',
      (_incoming, res) =>
        void res
          .writeHead(200, { ...OBJECT, ...KMS, 'content-length': '100000' })
          .write(Buffer.alloc(50_000), () => res.socket?.end()),
    ],
    [
      'is reset',
      (_incoming, res) =>
        void res
          .writeHead(200, { ...OBJECT, ...KMS, 'content-length': '100000' })
          .write(Buffer.alloc(50_000), () => res.socket?.resetAndDestroy()),
    ],
    [
      'stalls',
      (_incoming, res) =>
        void res.writeHead(200, { ...OBJECT, ...KMS, 'content-length': '100000' }).write(Buffer.alloc(50_000)),
    ],
  ])('a body that %s breaks the client’s connection: it never looks whole', async (_name, script) => {
    store.follow(script);
    const read = async (): Promise<number> => {
      const got = await s3.send(new GetObjectCommand({ Bucket, Key: 'k' }));
      return (await got.Body!.transformToByteArray()).length;
    };
    await expect(read()).rejects.toThrow();
  });

  test.each<[string, Script]>([
    [
      'no length',
      (_incoming, res) =>
        void res.writeHead(200, { etag: '"e"', 'last-modified': OBJECT['last-modified'] }).end('chunked'),
    ],
    ['no ETag', readAnd(200, { 'last-modified': OBJECT['last-modified'], 'content-length': '0' })],
    ['no date', readAnd(200, { ...ETAG, 'content-length': '0' })],
    ['a part without its range', readAnd(206, { ...OBJECT, 'content-length': '0' })],
  ])('a read with %s is a 500', async (_name, script) => {
    store.follow(script);
    await expectFailure(() => s3.send(new GetObjectCommand({ Bucket, Key: 'k' })), 'InternalError', 500);
  });

  test.each<[string, string]>([
    ['no document', ''],
    ['half a document', '<ListBucketResult><Contents><Key>k</Key>'],
    ['another document', '<html></html>'],
    ['an error', INSIDE],
    ['a document type', '<!DOCTYPE x [<!ENTITY a "b">]><ListBucketResult></ListBucketResult>'],
  ])('a list that is %s is a 500', async (_name, body) => {
    store.follow(readAnd(200, {}, body));
    await expectFailure(() => s3.send(new ListObjectsV2Command({ Bucket })), 'InternalError', 500);
    await expectFailure(() => s3.send(new ListObjectsV2Command({ Bucket, Prefix: 'p' })), 'InternalError', 500);
  });

  test('a HEAD that fails is a failure, and a rule that is read is the policy’s', async () => {
    store.follow(readAnd(500, {}));
    await expect(s3.send(new HeadObjectCommand({ Bucket, Key: 'k' }))).rejects.toMatchObject({
      $metadata: { httpStatusCode: 500 },
    });
    const { ServerSideEncryptionConfiguration } = await s3.send(new GetBucketEncryptionCommand({ Bucket }));
    expect(ServerSideEncryptionConfiguration?.Rules?.[0]?.ApplyServerSideEncryptionByDefault?.SSEAlgorithm).toBe(
      'aws:kms',
    );
  });
});

function sum(metrics: string, name: string): number {
  return metrics
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`))
    .reduce(
      (total, line) =>
        total +
        Number(
          line
            .slice(line.lastIndexOf('}') + 1)
            .trim()
            .split(' ')[0],
        ),
      0,
    );
}
