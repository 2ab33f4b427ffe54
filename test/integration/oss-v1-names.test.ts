import { createHmac } from 'node:crypto';
import { CreateBucketCommand, GetObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGateway, type TestGateway } from './gateway.ts';
import { ossClient } from './oss-clients.ts';
import { exchange, exchangeOssV1 } from './raw-exchange.ts';
import { awsClient } from './s3-clients.ts';

describe('names under the first OSS signature', () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await startGateway({
      policy: { version: 1, buckets: [{ match: '*', store: 'local', encryption: { default: 'managed' } }] },
    });
    await awsClient(gateway).send(new CreateBucketCommand({ Bucket: 'names' }));
  });
  afterAll(() => gateway.close());

  test.each(['what?', 'q?a=1&b=2', 'http://host/path?page=2', 'a?acl?b', 'tab\there', 'line\nfeed'])(
    'ali-oss puts, reads, signs for, uploads in parts and deletes %j',
    async (key) => {
      const oss = ossClient(gateway, { bucket: 'names' });
      await oss.put(key, Buffer.from(key));
      expect((await oss.get(key)).content.toString()).toBe(key);
      expect((await oss.head(key)).status).toBe(200);
      const stored = await awsClient(gateway).send(new GetObjectCommand({ Bucket: 'names', Key: key }));
      expect(await stored.Body?.transformToString()).toBe(key);
      const address = await fetch(oss.signatureUrl(key));
      expect([address.status, await address.text()]).toEqual([200, key]);
      const upload = await oss.multipartUpload(key, Buffer.alloc(150 * 1024, 'a'), { partSize: 100 * 1024 });
      expect(upload.res.status).toBe(200);
      expect((await oss.get(key)).content).toHaveLength(150 * 1024);
      expect((await oss.delete(key)).res.status).toBe(204);
      await expect(oss.head(key)).rejects.toMatchObject({ status: 404 });
    },
  );

  test('a key that reads as a request for a sub-resource is a 400 in OSS’s words, and works under V4', async () => {
    await expect(ossClient(gateway, { bucket: 'names' }).put('k?acl', Buffer.from('x'))).rejects.toMatchObject({
      status: 400,
      code: 'InvalidObjectName',
    });
    const v4 = ossClient(gateway, { bucket: 'names', v4: true });
    await v4.put('k?acl', Buffer.from('x'));
    expect((await v4.get('k?acl')).content.toString()).toBe('x');
  });

  test('an address signed for the key opens no sub-resource, and the other way round', async () => {
    const oss = ossClient(gateway, { bucket: 'names' });
    await oss.put('k', Buffer.from('x'));
    const sign = (path: string): string => {
      const expires = Math.floor(Date.now() / 1000) + 60;
      const signature = createHmac('sha1', gateway.main.secretAccessKey)
        .update(`PUT\n\n\n${expires}\n/names/k?acl`)
        .digest('base64');
      const query = `OSSAccessKeyId=${gateway.main.accessKeyId}&Expires=${expires}&Signature=${encodeURIComponent(signature)}`;
      return `${path}${path.includes('?') ? '&' : '?'}${query}`;
    };
    // One signature, two requests: only the one that asks for the ACL may be heard.
    const write = await exchange(gateway.port, {
      method: 'PUT',
      target: sign('/names/k%3Facl'),
      headers: { 'content-length': '1' },
      body: 'y',
    });
    expect([write.status, write.text]).toEqual([400, expect.stringContaining('<Code>InvalidObjectName</Code>')]);
    const get = await exchangeOssV1(gateway.port, gateway.main, {
      method: 'GET',
      target: '/names/k%3Facl',
      resource: '/names/k?acl',
    });
    expect(get.status).toBe(400);
    const acl = await exchangeOssV1(gateway.port, gateway.main, {
      method: 'GET',
      target: '/names/k?acl',
      resource: '/names/k?acl',
    });
    expect([acl.status, acl.text]).toEqual([200, expect.stringContaining('<AccessControlPolicy>')]);
  });
});
