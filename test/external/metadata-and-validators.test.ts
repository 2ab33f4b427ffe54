import { randomBytes } from 'node:crypto';
import { CopyObjectCommand, CreateBucketCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TestClient } from '../integration/gateway.ts';
import { exchangeOssV1, exchangeV4, type Exchanged } from '../integration/raw-exchange.ts';
import { succeed } from './command.ts';
import { startGatewayProcess, type GatewayProcess } from './gateway-process.ts';
import { python, startMinio, startVersity, type Server } from './servers.ts';
import { storeEntry, throughGateway } from './store-clients.ts';

const TITLE = 'ÄMÄZÕÑ 三';
const TITLE_WORD = '=?UTF-8?B?w4RNw4Raw5XDkSDkuIk=?=';
const LONG = 'Grüße aus '.repeat(20).trim();

/** Python's SDKs take ASCII only: their users write the words themselves, with the standard library. */
const PYTHON = `
import io, json, sys
from email.header import Header, decode_header, make_header
import boto3, minio
from botocore.config import Config
endpoint, key, secret, bucket, text = sys.argv[1:6]
word = Header(text, 'utf-8', maxlinelen=10000).encode()
plain = lambda value: str(make_header(decode_header(value)))
s3 = boto3.client('s3', endpoint_url=endpoint, aws_access_key_id=key, aws_secret_access_key=secret,
                  region_name='us-east-1', config=Config(s3={'addressing_style': 'path'}))
s3.put_object(Bucket=bucket, Key='boto', Body=b'x', Metadata={'title': word})
boto = s3.head_object(Bucket=bucket, Key='boto')['Metadata']['title']
client = minio.Minio(endpoint=endpoint.split('//')[1], access_key=key, secret_key=secret, secure=False, region='us-east-1')
client.put_object(bucket_name=bucket, object_name='minio', data=io.BytesIO(b'x'), length=1, metadata={'title': word})
mine = client.stat_object(bucket_name=bucket, object_name='minio').metadata['x-amz-meta-title']
print(json.dumps([plain(boto), plain(mine)]))
`;

describe.each(['minio', 'versity'] as const)('in front of %s', (name) => {
  let server: Server;
  let gateway: GatewayProcess;
  const bucket = `words-${randomBytes(4).toString('hex')}`;
  beforeAll(async () => {
    server = await (name === 'minio' ? startMinio({ kms: false }) : startVersity());
    gateway = await startGatewayProcess({
      policy: { version: 1, buckets: [{ match: '*', store: 'store', encryption: { default: 'none' } }] },
      stores: { store: storeEntry(server, { capabilities: { managed: 'none', kms: 'none', customerKey: false } }) },
    });
    await throughGateway(gateway).send(new CreateBucketCommand({ Bucket: bucket }));
  });
  afterAll(async () => {
    await gateway?.close();
    await server?.close();
  });

  const s3 = (method: string, key: string, headers: Record<string, string> = {}): Promise<Exchanged> =>
    exchangeV4(gateway.port, gateway.main, {
      method,
      target: `/${bucket}/${key}`,
      headers,
      ...(headers['content-length'] === '1' ? { body: 'x' } : {}),
    });
  const put = async (key: string, headers: Record<string, string>): Promise<void> => {
    expect((await s3('PUT', key, { 'content-length': '1', ...headers })).status).toBe(200);
  };
  const title = async (key: string): Promise<string | undefined> => (await s3('HEAD', key)).headers['x-amz-meta-title'];

  test('metadata beyond ASCII is answered as words, whoever wrote it, copies included', async () => {
    await put('put', { 'x-amz-meta-title': TITLE });
    expect(await title('put')).toBe(TITLE_WORD);
    const copy = new CopyObjectCommand({ Bucket: bucket, Key: 'kept', CopySource: `${bucket}/put` });
    await throughGateway(gateway).send(copy);
    expect(await title('kept')).toBe(TITLE_WORD);
    const replaced = await s3('PUT', 'replaced', {
      'x-amz-copy-source': `/${bucket}/put`,
      'x-amz-metadata-directive': 'REPLACE',
      'x-amz-meta-title': 'Zürich',
    });
    expect([replaced.status, await title('replaced')]).toEqual([200, '=?UTF-8?Q?Z=C3=BCrich?=']);
    const oss = { target: `/${bucket}/put`, resource: `/${bucket}/put` };
    const seen = await exchangeOssV1(gateway.port, gateway.main, { method: 'HEAD', ...oss });
    expect(Buffer.from(seen.headers['x-oss-meta-title'] ?? '', 'latin1').toString('utf8')).toBe(TITLE);
  });

  test('what the store itself was given is answered so too', async () => {
    const own: TestClient = { accessKeyId: server.accessKeyId, secretAccessKey: server.secretAccessKey };
    const port = Number(new URL(server.endpoint).port);
    const direct = { method: 'PUT', target: `/${bucket}/direct`, body: 'x' };
    const headers = { 'content-length': '1', 'x-amz-meta-title': TITLE };
    const written = await exchangeV4(port, own, { ...direct, headers });
    // versitygw takes no such header at all.
    if (written.status === 200) expect(await title('direct')).toBe(TITLE_WORD);
    else expect([name, written.status]).toEqual(['versity', 403]);
  });

  test('boto3 and minio-py read the words that their users write', async () => {
    const { accessKeyId, secretAccessKey } = gateway.main;
    for (const text of [TITLE, LONG]) {
      const args = ['-c', PYTHON, gateway.http, accessKeyId, secretAccessKey, bucket, text];
      expect(JSON.parse(await succeed(python(), args))).toEqual([text, text]);
    }
  });

  test('a 304 tells what HEAD tells', async () => {
    await put('cached', { 'cache-control': 'max-age=60', expires: 'Tue, 01 Jan 2030 00:00:00 GMT' });
    const told = ({ headers }: Exchanged): unknown[] =>
      ['etag', 'last-modified', 'cache-control', 'expires'].map((each) => headers[each]);
    const head = await s3('HEAD', 'cached');
    expect(told(head).slice(2)).toEqual(['max-age=60', 'Tue, 01 Jan 2030 00:00:00 GMT']);
    for (const method of ['GET', 'HEAD']) {
      const unchanged = await s3(method, 'cached', { 'if-none-match': head.headers['etag'] ?? '' });
      expect([unchanged.status, ...told(unchanged)]).toEqual([304, ...told(head)]);
      // versitygw compares a time that has fractions with one that has none.
      if (name === 'versity') continue;
      const since = await s3(method, 'cached', { 'if-modified-since': head.headers['last-modified'] ?? '' });
      expect([since.status, ...told(since)]).toEqual([304, ...told(head)]);
    }
  });
});
