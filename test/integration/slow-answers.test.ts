import { randomBytes } from 'node:crypto';
import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { bodyOf, startScriptedStore, type Script, type ScriptedStore } from '../faults/scripted-store.ts';
import { startGateway, type TestGateway } from './gateway.ts';
import { ossClient, type AliOssClient } from './oss-clients.ts';
import { awsClient } from './s3-clients.ts';

/** White space goes out to S3 clients after 10 s: a failure that comes later is the one that a status cannot tell. */
const LATE_MS = 12_000;
const TEST_MS = 40_000;
const ETAG = '"11111111111111111111111111111111"';
const FAILURE = '<Error><Code>InternalError</Code><Message>We encountered an internal error.</Message></Error>';
const CREATED = '<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>';
const COMPLETED = `<CompleteMultipartUploadResult><ETag>${ETAG.slice(0, -1)}-1"</ETag></CompleteMultipartUploadResult>`;
const GONE = '<Error><Code>NoSuchUpload</Code><Message>The specified upload does not exist.</Message></Error>';
const BIG = 8 * 1024 * 1024;

const wait = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

describe('a copy or a Complete that takes long', () => {
  let store: ScriptedStore;
  let gateway: TestGateway;
  let oss: AliOssClient;
  let s3: S3Client;
  let closed = 0;
  let completes = 0;

  /** What every script does beside its own part. */
  const byRequest =
    (own: {
      readonly copy?: Script;
      readonly complete?: Script;
      readonly get?: Script;
      readonly put?: Script;
    }): Script =>
    async (incoming, res, self) => {
      const { method = '', url = '', headers } = incoming;
      res.on('close', () => {
        if (!res.writableFinished) closed += 1;
      });
      const answer = async (script: Script | undefined, fallback: Script): Promise<void> =>
        await (script ?? fallback)(incoming, res, self);
      const say =
        (status: number, head: Readonly<Record<string, string>>, body = ''): Script =>
        async () => {
          await bodyOf(incoming);
          res.writeHead(status, head).end(body);
        };
      if (method === 'POST' && url.includes('?uploads')) return await answer(undefined, say(200, {}, CREATED));
      if (method === 'POST') {
        completes += 1;
        return await answer(own.complete, say(200, {}, COMPLETED));
      }
      if (headers['x-amz-copy-source'] !== undefined) return await answer(own.copy, say(500, {}));
      if (method === 'GET' && url.includes('prefix='))
        return await answer(undefined, say(200, {}, '<ListBucketResult></ListBucketResult>'));
      if (method === 'GET' || method === 'HEAD')
        return await answer(
          own.get,
          say(200, { etag: ETAG, 'content-length': '1', 'last-modified': 'Sat, 21 Nov 2026 10:00:00 GMT' }, 'x'),
        );
      return await answer(own.put, say(200, { etag: ETAG }));
    };

  const late =
    (ms: number, status: number, body: string): Script =>
    async (incoming, res) => {
      await bodyOf(incoming);
      await wait(ms);
      if (!res.destroyed) res.writeHead(status, {}).end(body);
    };

  const start = async (limits: object): Promise<void> => {
    store = await startScriptedStore();
    gateway = await startGateway({
      policy: {
        version: 1,
        buckets: [
          { match: 'there-*', store: 'scripted', encryption: { default: 'none' } },
          { match: '*', store: 'local', encryption: { default: 'managed' } },
        ],
      },
      stores: {
        scripted: {
          type: 's3',
          endpoint: store.endpoint,
          region: 'us-east-1',
          // Parts of OSS clients go as they are.
          capabilities: { minimumPartSize: '100KiB' },
          credentials: { accessKeyId: 'AKSTORE', secretAccessKey: randomBytes(20).toString('hex') },
        },
      },
      config: { limits },
    });
    oss = ossClient(gateway, { bucket: 'there-a' });
    s3 = awsClient(gateway);
  };
  const stop = async (): Promise<void> => {
    await gateway?.close();
    await store?.close();
  };
  const failureOf = async (work: Promise<unknown>): Promise<{ readonly status?: number; readonly code?: string }> =>
    await work.then(
      () => ({}),
      (error: unknown) => error as { readonly status: number; readonly code: string },
    );

  describe('and fails in the end', () => {
    beforeAll(() => start({}));
    afterAll(stop);

    test(
      'is a failure to ali-oss, which takes any 200 for a success, and to S3 clients',
      async () => {
        // Every second answer is an error inside a 200, as S3 stores give it.
        let answered = 0;
        const script: Script = (incoming, res, self) =>
          late(LATE_MS, answered++ % 2 === 0 ? 500 : 200, FAILURE)(incoming, res, self);
        store.follow(byRequest({ copy: script, complete: script }));
        const { uploadId } = await oss.initMultipartUpload('parts');
        const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket: 'there-a', Key: 'parts' }));
        const source = { sourceKey: 'source', sourceBucketName: 'there-a' };
        const complete = (Key: string): CompleteMultipartUploadCommand =>
          new CompleteMultipartUploadCommand({
            Bucket: 'there-a',
            Key,
            UploadId,
            MultipartUpload: { Parts: [{ PartNumber: 1, ETag: ETAG }] },
          });
        const began = Date.now();
        const seen = await Promise.all([
          failureOf(oss.copy('target', 'source')),
          failureOf(oss.copy('target', 'source')),
          failureOf(oss.uploadPartCopy('parts', uploadId, 1, '0-0', source)),
          failureOf(oss.uploadPartCopy('parts', uploadId, 2, '0-0', source)),
          failureOf(oss.completeMultipartUpload('parts', uploadId, [{ number: 1, etag: ETAG }])),
          failureOf(oss.completeMultipartUpload('parts', uploadId, [{ number: 2, etag: ETAG }])),
          expect(
            s3.send(new CopyObjectCommand({ Bucket: 'there-a', Key: 'target', CopySource: 'there-a/source' })),
          ).rejects.toThrow(),
          expect(s3.send(complete('parts'))).rejects.toThrow(),
        ]);
        expect(seen.slice(0, 6)).toEqual(
          Array(6).fill(expect.objectContaining({ status: 500, code: 'InternalError' })),
        );
        expect(Date.now() - began).toBeGreaterThan(LATE_MS - 1000);
      },
      TEST_MS,
    );
  });

  describe('and goes over the limit', () => {
    beforeAll(() => start({ slowHead: '700ms' }));
    afterAll(stop);
    afterEach(() => {
      closed = 0;
      completes = 0;
    });
    const unavailable = { status: 503, code: 'ServiceUnavailable' };

    test('a copy that the store makes by itself is cancelled there', async () => {
      store.follow(byRequest({ copy: () => undefined }));
      expect(await failureOf(oss.copy('target', 'source'))).toMatchObject(unavailable);
      await expect.poll(() => closed).toBe(1);
      const { uploadId } = await oss.initMultipartUpload('parts');
      expect(
        await failureOf(
          oss.uploadPartCopy('parts', uploadId, 1, '0-0', { sourceKey: 'source', sourceBucketName: 'there-a' }),
        ),
      ).toMatchObject(unavailable);
      await expect.poll(() => closed).toBe(2);
    });

    test('a copy through the gateway to the store sends no last byte', async () => {
      await oss.putBucket('here');
      await ossClient(gateway, { bucket: 'here' }).put('source', Buffer.alloc(BIG));
      store.objects.set('/there-a/target', Buffer.from('the object that was there'));
      // It reads so slowly that the body is not out at the limit.
      store.follow(
        byRequest({
          put: async (incoming, res, self) => {
            const chunks: Buffer[] = [];
            for await (const chunk of incoming) {
              chunks.push(chunk as Buffer);
              await wait(50);
            }
            self.objects.set('/there-a/target', Buffer.concat(chunks));
            res.writeHead(200, { etag: ETAG }).end();
          },
        }),
      );
      expect(await failureOf(oss.copy('target', '/here/source'))).toMatchObject(unavailable);
      // A server that reads slowly sees the end late.
      await expect.poll(() => closed, { timeout: 15_000 }).toBe(1);
      expect(store.objects.get('/there-a/target')?.toString()).toBe('the object that was there');
    });

    test('a copy into the embedded store leaves the object that was there', async () => {
      await oss.putBucket('here');
      const here = ossClient(gateway, { bucket: 'here' });
      await here.put('target', Buffer.from('the object that was there'));
      store.follow(
        byRequest({
          get: async (_incoming, res) => {
            const head = { etag: ETAG, 'content-length': '40', 'last-modified': 'Sat, 21 Nov 2026 10:00:00 GMT' };
            res.writeHead(200, head);
            for (let sent = 0; sent < 40 && !res.destroyed; sent++) {
              res.write('x');
              await wait(50);
            }
            res.end();
          },
        }),
      );
      expect(await failureOf(here.copy('target', '/there-a/source'))).toMatchObject(unavailable);
      expect((await here.get('target')).content.toString()).toBe('the object that was there');
    });

    test('a copy that the store has taken by then is a success', async () => {
      store.follow(
        byRequest({
          copy: late(
            300,
            200,
            `<CopyObjectResult><ETag>${ETAG}</ETag><LastModified>2026-11-21T10:00:00Z</LastModified></CopyObjectResult>`,
          ),
        }),
      );
      expect((await oss.copy('target', 'source')).res.status).toBe(200);
    });

    test('a Complete goes on, and its repetition gets the result', async () => {
      store.follow(
        byRequest({
          complete: (incoming, res, self) =>
            late(1200, completes === 1 ? 200 : 404, completes === 1 ? COMPLETED : GONE)(incoming, res, self),
        }),
      );
      const { uploadId } = await oss.initMultipartUpload('parts');
      const complete = (): Promise<{ readonly etag: string; readonly res: { readonly status: number } }> =>
        oss.completeMultipartUpload('parts', uploadId, [{ number: 1, etag: ETAG }]);
      expect(await failureOf(complete())).toMatchObject(unavailable);
      // Joined while it is under way …
      expect(await complete()).toMatchObject({ res: { status: 200 }, etag: '"11111111111111111111111111111111-1"' });
      // … and remembered, since one of those who asked has not heard of it.
      expect(await complete()).toMatchObject({ res: { status: 200 }, etag: '"11111111111111111111111111111111-1"' });
      expect(completes).toBe(1);
      expect(closed).toBe(0);
      // Other parts are another Complete.
      const other = oss.completeMultipartUpload('parts', uploadId, [{ number: 2, etag: ETAG }]);
      expect(await failureOf(other)).toMatchObject(unavailable);
      expect(completes).toBe(2);
    });

    test('a Complete whose client leaves goes on, whatever its language', async () => {
      store.follow(
        byRequest({
          complete: (incoming, res, self) =>
            late(600, completes === 1 ? 200 : 404, completes === 1 ? COMPLETED : GONE)(incoming, res, self),
        }),
      );
      const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket: 'there-a', Key: 'left' }));
      const request = {
        Bucket: 'there-a',
        Key: 'left',
        UploadId,
        MultipartUpload: { Parts: [{ PartNumber: 1, ETag: ETAG }] },
      };
      const leaves = s3.send(new CompleteMultipartUploadCommand(request), { abortSignal: AbortSignal.timeout(200) });
      await expect(leaves).rejects.toMatchObject({ name: 'AbortError' });
      await wait(800);
      expect(await s3.send(new CompleteMultipartUploadCommand(request))).toMatchObject({
        ETag: '"11111111111111111111111111111111-1"',
      });
      expect([completes, closed]).toEqual([1, 0]);
    });

    test('a Complete under way over a reload keeps its store', async () => {
      store.follow(byRequest({ complete: late(1500, 200, COMPLETED) }));
      const { uploadId } = await oss.initMultipartUpload('reloaded');
      const complete = (): Promise<{ readonly etag: string }> =>
        oss.completeMultipartUpload('reloaded', uploadId, [{ number: 1, etag: ETAG }]);
      expect(await failureOf(complete())).toMatchObject(unavailable);
      // Another limit, and the store is opened anew.
      gateway.writeConfig((config) => void (config['limits'] = { slowHead: '800ms' }));
      expect(await gateway.runtime.reload()).toMatchObject({ ok: true });
      await wait(1500);
      expect(await complete()).toMatchObject({ etag: '"11111111111111111111111111111111-1"' });
      expect([completes, closed]).toEqual([1, 0]);
    });
  });
});
