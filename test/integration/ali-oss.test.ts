import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { STORES, startChain, type Chain } from './chained-gateways.ts';
import { ossClient, type AliOssClient } from './oss-clients.ts';

let chain: Chain;
beforeAll(async () => {
  chain = await startChain();
  for (const store of STORES)
    for (const kind of ['kms', 'managed', 'plain', 'open'])
      await ossClient(chain.front, { bucket: 'none' }).putBucket(`${store}-${kind}`);
});
afterAll(() => chain.close());

describe.each(STORES)('x %s', (store) => {
  test('put get', async () => {
    const c: AliOssClient = ossClient(chain.front, { bucket: `${store}-kms` });
    const put = await c.put('a/b c+d.txt', Buffer.from('hello'));
    console.log(put.res.headers);
    const got = await c.get('a/b c+d.txt');
    console.log(got.res.headers);
    expect(got.content.toString()).toBe('hello');
    const bytes = Buffer.alloc(3 * 1024 * 1024 + 5, 3);
    const done = await c.multipartUpload('big', bytes);
    console.log(done.res.headers);
    expect((await c.get('big')).content.equals(bytes)).toBe(true);
  });
});
