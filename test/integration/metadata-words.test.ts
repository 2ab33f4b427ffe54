import { CopyObjectCommand, CreateBucketCommand, HeadObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startChain, STORES, type Chain } from './chained-gateways.ts';
import { ossClient } from './oss-clients.ts';
import { exchangeOssV1, exchangeV4, type Exchanged } from './raw-exchange.ts';
import { awsClient } from './s3-clients.ts';

const TITLE = 'ÄMÄZÕÑ 三';
/** RFC 2047: base64 where most characters are beyond ASCII, readable where few are, as S3 chooses. */
const TITLE_WORD = '=?UTF-8?B?w4RNw4Raw5XDkSDkuIk=?=';
const NAME_WORD = '=?UTF-8?Q?M=C3=BCnchen_Hauptbahnhof?=';

describe.each(STORES)('metadata beyond ASCII on %s', (store) => {
  let chain: Chain;
  const bucket = `${store}-open-words`;
  beforeAll(async () => {
    chain = await startChain();
    await awsClient(chain.front).send(new CreateBucketCommand({ Bucket: bucket }));
  });
  afterAll(() => chain.close());

  const put = (key: string, headers: Record<string, string>): Promise<Exchanged> =>
    exchangeV4(chain.front.port, chain.front.main, {
      method: 'PUT',
      target: `/${bucket}/${key}`,
      headers: { 'content-length': '1', ...headers },
      body: 'x',
    });
  const meta = (answer: Exchanged): Record<string, string> =>
    Object.fromEntries(Object.entries(answer.headers).filter(([name]) => /^x-(amz|oss)-meta-/.test(name)));
  const read = async (method: 'GET' | 'HEAD', key: string): Promise<Record<string, string>> =>
    meta(await exchangeV4(chain.front.port, chain.front.main, { method, target: `/${bucket}/${key}` }));
  const readOss = async (key: string): Promise<Record<string, string>> =>
    meta(
      await exchangeOssV1(chain.front.port, chain.front.main, {
        method: 'HEAD',
        target: `/${bucket}/${key}`,
        resource: `/${bucket}/${key}`,
      }),
    );

  test('is answered to S3 clients as RFC 2047 words', async () => {
    expect((await put('raw', { 'x-amz-meta-title': TITLE, 'x-amz-meta-place': 'München Hauptbahnhof' })).status).toBe(
      200,
    );
    for (const method of ['GET', 'HEAD'] as const)
      expect(await read(method, 'raw')).toEqual({ 'x-amz-meta-title': TITLE_WORD, 'x-amz-meta-place': NAME_WORD });
  });

  test('that comes as a word is the same value', async () => {
    const word = { 'x-amz-meta-title': '=?utf-8?q?=C3=84M=C3=84Z=C3=95=C3=91_=E4=B8=89?=' };
    expect((await put('word', word)).status).toBe(200);
    expect(await read('HEAD', 'word')).toEqual({ 'x-amz-meta-title': TITLE_WORD });
  });

  test('is answered to OSS clients in plain UTF-8, whoever wrote it', async () => {
    await put('for-oss', { 'x-amz-meta-title': TITLE });
    expect(await readOss('for-oss')).toEqual({ 'x-oss-meta-title': utf8(TITLE) });
    const written = await exchangeOssV1(chain.front.port, chain.front.main, {
      method: 'PUT',
      target: `/${bucket}/from-oss`,
      resource: `/${bucket}/from-oss`,
      headers: { 'content-length': '1', 'x-oss-meta-title': TITLE },
      body: 'x',
    });
    expect(written.status).toBe(200);
    expect(await readOss('from-oss')).toEqual({ 'x-oss-meta-title': utf8(TITLE) });
    expect((await read('HEAD', 'from-oss'))['x-amz-meta-title']).toBe(TITLE_WORD);
  });

  test('survives copies that keep and that replace the metadata', async () => {
    const s3 = awsClient(chain.front);
    await put('source', { 'x-amz-meta-title': TITLE });
    await s3.send(new CopyObjectCommand({ Bucket: bucket, Key: 'kept', CopySource: `${bucket}/source` }));
    expect(await read('HEAD', 'kept')).toEqual({ 'x-amz-meta-title': TITLE_WORD });
    await exchangeV4(chain.front.port, chain.front.main, {
      method: 'PUT',
      target: `/${bucket}/replaced`,
      headers: {
        'x-amz-copy-source': `/${bucket}/source`,
        'x-amz-metadata-directive': 'REPLACE',
        'x-amz-meta-title': '三',
      },
    });
    expect(await read('HEAD', 'replaced')).toEqual({ 'x-amz-meta-title': '=?UTF-8?B?5LiJ?=' });
  });

  test('stays ASCII between the SDKs, envelopes of client-side encryption byte for byte', async () => {
    const s3 = awsClient(chain.front);
    const Metadata = {
      plain: 'a=?b',
      'x-amz-matdesc': '{"k":"=?x?"}',
      other: '=?KOI8-R?B?8PLJ18XU?=',
      split: '=?UTF-8?Q?a=0D=0Ab?=',
    };
    await s3.send(new PutObjectCommand({ Bucket: bucket, Key: 'ascii', Body: 'x', Metadata }));
    expect((await s3.send(new HeadObjectCommand({ Bucket: bucket, Key: 'ascii' }))).Metadata).toEqual(Metadata);
    const oss = ossClient(chain.front, { bucket });
    await oss.put('ali', Buffer.from('x'), { meta: { title: 'plain' } });
    expect((await oss.head('ali')).meta).toEqual({ title: 'plain' });
  });
});

function utf8(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}
