import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startChain, STORES, type Chain } from './chained-gateways.ts';
import { exchangeOssV1, exchangeV4, type Exchanged } from './raw-exchange.ts';
import { awsClient } from './s3-clients.ts';

const CASES: readonly (readonly [readonly string[], string | undefined])[] = [
  [['deflate, aws-chunked, gzip'], 'deflate, gzip'],
  [['deflate,aws-chunked,gzip'], 'deflate,gzip'],
  [['gzip ,  br'], 'gzip ,  br'],
  [['aws-chunked, gzip'], 'gzip'],
  [['gzip, AWS-Chunked'], 'gzip'],
  [['x-aws-chunked'], 'x-aws-chunked'],
  [['aws-chunked'], undefined],
  [['aws-chunked,aws-chunked'], undefined],
  [['aws-chunked', 'gzip'], 'gzip'],
  [['gzip', 'aws-chunked', 'br'], 'gzip, br'],
];

describe.each(STORES)('the content coding on %s', (store) => {
  let chain: Chain;
  const bucket = `${store}-open-coding`;
  beforeAll(async () => {
    chain = await startChain();
    await awsClient(chain.front).send(new CreateBucketCommand({ Bucket: bucket }));
  });
  afterAll(() => chain.close());

  const s3 = (
    method: string,
    key: string,
    headers: Record<string, string | readonly string[]> = {},
  ): Promise<Exchanged> =>
    exchangeV4(chain.front.port, chain.front.main, {
      method,
      target: `/${bucket}/${key}`,
      headers,
      ...(method === 'PUT' && headers['x-amz-copy-source'] === undefined ? { body: 'x' } : {}),
    });
  const oss = (method: string, headers: Record<string, string | readonly string[]> = {}): Promise<Exchanged> =>
    exchangeOssV1(chain.front.port, chain.front.main, {
      method,
      target: `/${bucket}/oss`,
      resource: `/${bucket}/oss`,
      headers,
      ...(method === 'PUT' ? { body: 'x' } : {}),
    });

  test.each(CASES)('%j is stored as %j', async (lines, stored) => {
    const written = { 'content-length': '1', 'content-encoding': lines };
    expect((await s3('PUT', 'put', written)).status).toBe(200);
    expect((await s3('HEAD', 'put')).headers['content-encoding']).toBe(stored);
    const copied = await s3('PUT', 'copied', {
      'x-amz-copy-source': `/${bucket}/put`,
      'x-amz-metadata-directive': 'REPLACE',
      'content-encoding': lines,
    });
    expect(copied.status).toBe(200);
    expect((await s3('HEAD', 'copied')).headers['content-encoding']).toBe(stored);
    expect((await oss('PUT', written)).status).toBe(200);
    expect((await oss('HEAD')).headers['content-encoding']).toBe(stored);
  });

  test('is that of the upload that the parts make', async () => {
    const begun = await s3('POST', 'parts?uploads', {
      'content-encoding': 'deflate, aws-chunked, gzip',
      'content-length': '0',
    });
    const uploadId = /<UploadId>(.*)<\/UploadId>/.exec(begun.text)?.[1] ?? '';
    const part = await s3('PUT', `parts?partNumber=1&uploadId=${uploadId}`, {
      'content-length': '1',
      'content-encoding': 'aws-chunked,br',
    });
    const document = `<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>${part.headers['etag'] ?? ''}</ETag></Part></CompleteMultipartUpload>`;
    const done = await exchangeV4(chain.front.port, chain.front.main, {
      method: 'POST',
      target: `/${bucket}/parts?uploadId=${uploadId}`,
      headers: { 'content-length': String(document.length) },
      body: document,
    });
    expect(done.text).toContain('CompleteMultipartUploadResult');
    expect((await s3('HEAD', 'parts')).headers['content-encoding']).toBe('deflate, gzip');
  });
});
