import { createHash } from 'node:crypto';
import { CreateBucketCommand, ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startGateway, type TestGateway } from './gateway.ts';
import { exchangeOssV1, exchangeV4 } from './raw-exchange.ts';
import { awsClient } from './s3-clients.ts';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startGateway({
    policy: { version: 1, buckets: [{ match: '*', store: 'local', encryption: { default: 'managed' } }] },
  });
  await awsClient(gateway).send(new CreateBucketCommand({ Bucket: 'literal' }));
});
afterAll(() => gateway.close());

test.each(['s3', 'oss'] as const)('a key in CDATA is deleted as it stands there: %s', async (dialect) => {
  const s3 = awsClient(gateway);
  for (const Key of ['a&amp;b', 'a&b']) await s3.send(new PutObjectCommand({ Bucket: 'literal', Key, Body: 'x' }));
  const body = '<Delete><Object><Key><![CDATA[a&amp;b]]></Key></Object></Delete>';
  const headers = {
    'content-length': String(body.length),
    'content-md5': createHash('md5').update(body).digest('base64'),
  };
  const request = { method: 'POST', target: '/literal?delete', headers, body };
  const answer =
    dialect === 's3'
      ? await exchangeV4(gateway.port, gateway.main, request)
      : await exchangeOssV1(gateway.port, gateway.main, { ...request, resource: '/literal/?delete' });
  expect([answer.status, answer.text]).toEqual([200, expect.stringContaining('<Key>a&amp;amp;b</Key>')]);
  const left = await s3.send(new ListObjectsV2Command({ Bucket: 'literal' }));
  expect(left.Contents?.map(({ Key }) => Key)).toEqual(['a&b']);
});
