import { createHash, createHmac } from 'node:crypto';
import { CreateBucketCommand, CreateMultipartUploadCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGateway, type TestGateway } from './gateway.ts';
import { exchange, exchangeOssV1 } from './raw-exchange.ts';
import { awsClient } from './s3-clients.ts';

const REGION = 'us-east-1/s3/aws4_request';

describe('query parameters', () => {
  let gateway: TestGateway;
  let uploadId = '';
  beforeAll(async () => {
    gateway = await startGateway({
      policy: { version: 1, buckets: [{ match: '*', store: 'local', encryption: { default: 'managed' } }] },
    });
    const s3 = awsClient(gateway);
    await s3.send(new CreateBucketCommand({ Bucket: 'photos' }));
    await s3.send(new PutObjectCommand({ Bucket: 'photos', Key: 'k', Body: 'x' }));
    uploadId = (await s3.send(new CreateMultipartUploadCommand({ Bucket: 'photos', Key: 'k' }))).UploadId ?? '';
  });
  afterAll(() => gateway.close());

  /** SigV4 by hand, query names in the order that signing demands: SDKs hold a query in a map and repeat nothing. */
  const signed = (method: string, path: string, query: string, body = ''): ReturnType<typeof exchange> => {
    const date = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
    const day = date.slice(0, 8);
    const names = 'host;x-amz-content-sha256;x-amz-date';
    const canonical = [
      method,
      path,
      query
        .split('&')
        .map((pair) => (pair.includes('=') ? pair : `${pair}=`))
        .sort()
        .join('&'),
      `host:127.0.0.1:${gateway.port}\nx-amz-content-sha256:UNSIGNED-PAYLOAD\nx-amz-date:${date}\n`,
      names,
      'UNSIGNED-PAYLOAD',
    ].join('\n');
    const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();
    const key = [day, ...REGION.split('/')].reduce<string | Buffer>(hmac, `AWS4${gateway.main.secretAccessKey}`);
    const digest = createHash('sha256').update(canonical).digest('hex');
    const signature = hmac(key, `AWS4-HMAC-SHA256\n${date}\n${day}/${REGION}\n${digest}`).toString('hex');
    return exchange(gateway.port, {
      method,
      target: `${path}?${query}`,
      headers: {
        'x-amz-date': date,
        'x-amz-content-sha256': 'UNSIGNED-PAYLOAD',
        authorization: `AWS4-HMAC-SHA256 Credential=${gateway.main.accessKeyId}/${day}/${REGION}, SignedHeaders=${names}, Signature=${signature}`,
        ...(method === 'GET' ? {} : { 'content-length': String(body.length) }),
      },
      body,
    });
  };

  test('the signer of these tests is believed', async () => {
    expect((await signed('GET', '/photos/k', 'versionId=null&x-id=GetObject')).status).not.toBe(403);
    expect((await signed('PUT', '/photos/k', `partNumber=1&uploadId=${uploadId}`, 'x')).status).toBe(200);
  });

  test.each([
    ['GET', '/photos/k', 'versionId=null&versionId=null'],
    ['GET', '/photos/k', 'versionId=a&versionId=b'],
    ['GET', '/photos/k', 'partNumber=1&partNumber=1'],
    ['GET', '/photos/k', 'acl&acl='],
    ['GET', '/photos/k', 'response-content-type=a&response-content-type=b'],
    ['DELETE', '/photos/k', 'versionId=a&versionId=b'],
    ['GET', '/photos', 'prefix=a&prefix=b'],
    ['GET', '/photos', 'list-type=2&list-type=2'],
    ['GET', '/photos', 'lifecycle&lifecycle'],
    ['PUT', '/photos/k', 'X-Amz-Acl=private&x-amz-acl=public-read'],
  ])('given twice are a 400 to S3 clients: %s %s?%s', async (method, path, query) => {
    const answer = await signed(method, path, query);
    expect([answer.status, answer.text]).toEqual([400, expect.stringContaining('<Code>InvalidArgument</Code>')]);
  });

  test('that select an upload and a part are taken once only', async () => {
    for (const query of [
      `partNumber=1&partNumber=2&uploadId=${uploadId}`,
      `partNumber=1&uploadId=${uploadId}&uploadId=${uploadId}`,
    ]) {
      const part = await signed('PUT', '/photos/k', query, 'x');
      expect([part.status, part.text]).toEqual([400, expect.stringContaining('<Code>InvalidArgument</Code>')]);
    }
    const parts = await signed('GET', '/photos/k', `uploadId=${uploadId}`);
    expect(parts.text.match(/<PartNumber>/g)).toHaveLength(1);
  });

  test('given twice are a 400 to OSS clients', async () => {
    for (const [target, resource] of [
      ['/photos/k?versionId=a&versionId=a', '/photos/k?versionId=a'],
      ['/photos/k?acl&acl', '/photos/k?acl'],
      ['/photos?prefix=a&prefix=b', '/photos/'],
    ] as const) {
      const answer = await exchangeOssV1(gateway.port, gateway.main, { method: 'GET', target, resource });
      expect([answer.status, answer.text]).toEqual([400, expect.stringContaining('<Code>InvalidArgument</Code>')]);
    }
  });

  const now = (): number => Math.floor(Date.now() / 1000);
  const stamp = (): string => new Date().toISOString().replace(/[-:]|\.\d+/g, '');
  const query = (parameters: Record<string, string>): string => new URLSearchParams(parameters).toString();

  /** A signature that nobody checks any more: the lifetime is judged before it. */
  const PRESENTED: readonly (readonly [string, (lifetime: string) => Record<string, string>, number, string])[] = [
    [
      'AWS SigV4',
      (lifetime) => ({
        'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
        'X-Amz-Credential': `${gateway.main.accessKeyId}/${stamp().slice(0, 8)}/${REGION}`,
        'X-Amz-Date': stamp(),
        'X-Amz-Expires': lifetime,
        'X-Amz-SignedHeaders': 'host',
        'X-Amz-Signature': '0'.repeat(64),
      }),
      400,
      'AuthorizationQueryParametersError',
    ],
    [
      'AWS SigV2',
      (Expires) => ({ AWSAccessKeyId: gateway.main.accessKeyId, Expires, Signature: 'AAAA' }),
      403,
      'AccessDenied',
    ],
    [
      'OSS V1',
      (Expires) => ({ OSSAccessKeyId: gateway.main.accessKeyId, Expires, Signature: 'AAAA' }),
      403,
      'AccessDenied',
    ],
    [
      'OSS V2',
      (lifetime) => ({
        'x-oss-signature-version': 'OSS2',
        'x-oss-access-key-id': gateway.main.accessKeyId,
        'x-oss-expires': lifetime,
        'x-oss-signature': 'AAAA',
      }),
      403,
      'AccessDenied',
    ],
    [
      'OSS V4',
      (lifetime) => ({
        'x-oss-signature-version': 'OSS4-HMAC-SHA256',
        'x-oss-credential': `${gateway.main.accessKeyId}/${stamp().slice(0, 8)}/cn-hangzhou/oss/aliyun_v4_request`,
        'x-oss-date': stamp(),
        'x-oss-expires': lifetime,
        'x-oss-signature': '0'.repeat(64),
      }),
      400,
      'InvalidArgument',
    ],
  ];

  test.each(PRESENTED)('an address of %s that ends at once is refused', async (_name, parameters, status, code) => {
    for (const lifetime of ['0', '00', '-1', '', ' 60', '60s', '1e3', '99999999999999999999']) {
      const answer = await exchange(gateway.port, {
        method: 'GET',
        target: `/photos/k?${query(parameters(lifetime))}`,
      });
      expect([lifetime, answer.status, answer.text]).toEqual([
        lifetime,
        status,
        expect.stringContaining(`<Code>${code}</Code>`),
      ]);
    }
    const soon = await exchange(gateway.port, {
      method: 'GET',
      target: `/photos/k?${query(parameters(status === 403 ? String(now() + 60) : '60'))}`,
    });
    expect([soon.status, soon.text]).toEqual([403, expect.stringContaining('<Code>SignatureDoesNotMatch</Code>')]);
  });
});
