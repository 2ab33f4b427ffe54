import { createHmac } from 'node:crypto';
import { Readable } from 'node:stream';
import {
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { Client as Minio } from 'minio';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startChain, STORES, type Chain } from './chained-gateways.ts';
import { ossClient } from './oss-clients.ts';
import { exchange, exchangeOssV1, exchangeV4, type Exchanged } from './raw-exchange.ts';
import { awsClient } from './s3-clients.ts';

const GIB = 1024 ** 3;
const TOO_MUCH = String(5 * GIB + 1);
type Headers = Readonly<Record<string, string>>;

describe.each(STORES)('the length of what is written to %s', (store) => {
  let chain: Chain;
  let uploadId = '';
  const bucket = `${store}-open-lengths`;
  beforeAll(async () => {
    chain = await startChain();
    const s3 = awsClient(chain.front);
    await s3.send(new CreateBucketCommand({ Bucket: bucket }));
    await s3.send(new PutObjectCommand({ Bucket: bucket, Key: 'k', Body: 'was here' }));
    uploadId = (await s3.send(new CreateMultipartUploadCommand({ Bucket: bucket, Key: 'parts' }))).UploadId ?? '';
  });
  afterAll(() => chain.close());

  const port = (): number => chain.front.port;
  const s3 = (target: string, headers: Headers, body = ''): Promise<Exchanged> =>
    exchangeV4(port(), chain.front.main, { method: 'PUT', target: `/${bucket}/${target}`, headers, body });
  const oss = (method: string, target: string, headers: Headers, body = ''): Promise<Exchanged> =>
    exchangeOssV1(port(), chain.front.main, {
      method,
      target: `/${bucket}/${target}`,
      resource: `/${bucket}/${target}`,
      headers,
      body,
    });
  const writes: Readonly<Record<string, (headers: Headers, body?: string) => Promise<Exchanged>>> = {
    'PutObject of an S3 client': (headers, body) => s3('k', headers, body),
    'UploadPart of an S3 client': (headers, body) => s3(`parts?partNumber=1&uploadId=${uploadId}`, headers, body),
    'PutObject of an OSS client': (headers, body) => oss('PUT', 'k', headers, body),
    'UploadPart of an OSS client': (headers, body) =>
      oss('PUT', `parts?partNumber=1&uploadId=${uploadId}`, headers, body),
    'AppendObject of an OSS client': (headers, body) => oss('POST', 'log?append&position=0', headers, body),
  };
  const refused = (answer: Exchanged, status: number, code: string): void => {
    expect([answer.status, answer.text]).toEqual([status, expect.stringContaining(`<Code>${code}</Code>`)]);
  };
  const unharmed = async (): Promise<void> => {
    const found = await awsClient(chain.front).send(new GetObjectCommand({ Bucket: bucket, Key: 'k' }));
    expect(await found.Body?.transformToString()).toBe('was here');
  };

  test.each(Object.keys(writes))('a %s that tells no length is a 411', async (name) => {
    const answer = await writes[name]!({});
    refused(answer, 411, 'MissingContentLength');
    if (name.includes('OSS')) expect(answer.headers['x-oss-ec']).toBe('0017-00000101');
    await unharmed();
  });

  // The refusal asks no store.
  const names = store === 'local' ? Object.keys(writes) : ['PutObject of an S3 client'];
  test.each(names)('a %s of more than 5 GiB is a 400 before the body', async (name) => {
    const answer = await writes[name]!({ 'content-length': TOO_MUCH, expect: '100-continue' });
    refused(answer, 400, 'EntityTooLarge');
    expect(answer.text).toContain('<MaxSizeAllowed>5368709120</MaxSizeAllowed>');
    expect(answer.text).toContain(`<ProposedSize>${TOO_MUCH}</ProposedSize>`);
    await unharmed();
  });

  test('the decoded length counts where a body comes in chunks', async () => {
    const chunks = {
      'x-amz-content-sha256': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
      'content-encoding': 'aws-chunked',
      'content-length': '1000',
    };
    refused(await s3('k', { ...chunks, 'x-amz-decoded-content-length': TOO_MUCH }), 400, 'EntityTooLarge');
    refused(await s3('k', chunks), 411, 'MissingContentLength');
    await unharmed();
  });

  const streamed = Object.keys(writes).filter((name) => store !== 's3' || !name.startsWith('Append'));
  test.each(streamed)('a %s may come in chunks until it ends', async (name) => {
    expect((await writes[name]!({ 'transfer-encoding': 'chunked' }, '5\r\nhello\r\n0\r\n\r\n')).status).toBe(200);
    await s3('k', { 'content-length': '8' }, 'was here');
  });

  test('neither copies nor calls about buckets, uploads and sub-resources need one', async () => {
    const copied = await s3('copied', { 'x-amz-copy-source': `/${bucket}/k` });
    expect([copied.status, copied.text]).toEqual([200, expect.stringContaining('<CopyObjectResult')]);
    const part = await s3(`parts?partNumber=2&uploadId=${uploadId}`, { 'x-amz-copy-source': `/${bucket}/k` });
    expect([part.status, part.text]).toEqual([200, expect.stringContaining('<CopyPartResult')]);
    expect((await oss('PUT', 'copied', { 'x-oss-copy-source': `/${bucket}/k` })).status).toBe(200);
    const calls = [
      ['PUT', `/${bucket}-two`],
      ['POST', `/${bucket}/k?uploads`],
      ['PUT', `/${bucket}/k?acl`],
    ] as const;
    for (const [method, target] of calls) {
      const headers = target.endsWith('acl') ? { 'x-amz-acl': 'private' } : {};
      expect([target, (await exchangeV4(port(), chain.front.main, { method, target, headers })).status]).toEqual([
        target,
        200,
      ]);
    }
  });

  test('SDKs with nothing to send say so', async () => {
    const client = awsClient(chain.front);
    const bodies = [{}, { Body: '' }, { Body: new Uint8Array(0) }];
    for (const body of bodies) await client.send(new PutObjectCommand({ Bucket: bucket, Key: 'empty', ...body }));
    const plain = awsClient(chain.front, { requestChecksumCalculation: 'WHEN_REQUIRED' });
    for (const body of bodies) await plain.send(new PutObjectCommand({ Bucket: bucket, Key: 'empty', ...body }));
    for (const body of bodies)
      await client.send(
        new UploadPartCommand({ Bucket: bucket, Key: 'parts', UploadId: uploadId, PartNumber: 3, ...body }),
      );
    await new Upload({ client, params: { Bucket: bucket, Key: 'empty', Body: Readable.from([]) } }).done();
    const url = await getSignedUrl(client, new PutObjectCommand({ Bucket: bucket, Key: 'empty' }));
    expect((await fetch(url, { method: 'PUT' })).status).toBe(200);
    const { accessKeyId, secretAccessKey } = chain.front.main;
    const minio = new Minio({
      endPoint: '127.0.0.1',
      port: port(),
      useSSL: false,
      accessKey: accessKeyId,
      secretKey: secretAccessKey,
      region: 'us-east-1',
    });
    await minio.putObject(bucket, 'empty', '');
    for (const v4 of [false, true]) {
      const ali = ossClient(chain.front, { bucket, v4 });
      await ali.put('empty', Buffer.alloc(0));
      await ali.putStream('empty', Readable.from([]));
      expect((await ali.putStream('streamed', Readable.from([Buffer.from('ab'), Buffer.from('c')]))).res.status).toBe(
        200,
      );
      expect((await ali.get('streamed')).content.toString()).toBe('abc');
      if (store !== 's3') await ali.append(`empty-log-${String(v4)}`, Buffer.alloc(0));
    }
    const head = await client.send(new HeadObjectCommand({ Bucket: bucket, Key: 'empty' }));
    expect(head.ContentLength).toBe(0);
    const copy = new CopyObjectCommand({ Bucket: bucket, Key: 'copied', CopySource: `${bucket}/empty` });
    expect((await client.send(copy)).CopyObjectResult?.ETag).toBe(head.ETag);
  });

  test('an address of the oldest form needs one too', async () => {
    const expires = Math.floor(Date.now() / 1000) + 60;
    const signature = createHmac('sha1', chain.front.main.secretAccessKey)
      .update(`PUT\n\n\n${expires}\n/${bucket}/k`)
      .digest('base64');
    for (const name of ['AWSAccessKeyId', 'OSSAccessKeyId']) {
      const query = new URLSearchParams({
        [name]: chain.front.main.accessKeyId,
        Expires: String(expires),
        Signature: signature,
      });
      const answer = await exchange(port(), { method: 'PUT', target: `/${bucket}/k?${query.toString()}` });
      refused(answer, 411, 'MissingContentLength');
    }
    await unharmed();
  });
});
