import { randomBytes } from 'node:crypto';
import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  GetBucketEncryptionCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutBucketEncryptionCommand,
  PutObjectCommand,
  UploadPartCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startChain, STORES, type Chain, type StoreName } from './chained-gateways.ts';
import { startGateway } from './gateway.ts';
import { ossClient, type AliOssClient } from './oss-clients.ts';
import { startRecordingStore } from './recording-store.ts';
import { awsClient } from './s3-clients.ts';

const SSE = 'x-oss-server-side-encryption';
const KEY_ID = `${SSE}-key-id`;

let chain: Chain;
let s3: S3Client;
beforeAll(async () => {
  chain = await startChain();
  s3 = awsClient(chain.front);
  const oss = ossClient(chain.front, { bucket: 'unused' });
  for (const store of STORES) for (const kind of ['open', 'kms']) await oss.putBucket(`${store}-${kind}`);
});
afterAll(() => chain.close());

/** One meaning in the words of both languages. `key` is the policy's alias. */
interface Meaning {
  readonly name: string;
  readonly kind: 'none' | 'managed' | 'kms';
  readonly key?: 'orders' | 'archive';
}

const MEANINGS: readonly Meaning[] = [
  { name: 'nothing', kind: 'none' },
  { name: 'managed keys', kind: 'managed' },
  { name: 'KMS with the default key', kind: 'kms' },
  { name: 'KMS with a named key', kind: 'kms', key: 'orders' },
  { name: 'KMS with another key', kind: 'kms', key: 'archive' },
];

function ossWords({ kind, key }: Meaning): Record<string, string> {
  if (kind === 'none') return {};
  return { [SSE]: kind === 'managed' ? 'AES256' : 'KMS', ...(key === undefined ? {} : { [KEY_ID]: key }) };
}

interface S3Words {
  readonly ServerSideEncryption?: 'AES256' | 'aws:kms';
  readonly SSEKMSKeyId?: string;
}

function s3Words({ kind, key }: Meaning): S3Words {
  if (kind === 'none') return {};
  return {
    ServerSideEncryption: kind === 'managed' ? 'AES256' : 'aws:kms',
    ...(key === undefined ? {} : { SSEKMSKeyId: key }),
  };
}

/** A client sees a store's own id only in the store's language. */
function keySeen(store: StoreName, dialect: StoreName, key: string): string {
  return store === dialect ? `cmk-${key}` : key;
}

async function reported(store: StoreName, key: string) {
  const oss = await ossClient(chain.front, { bucket: `${store}-open` }).head(key);
  const head = await s3.send(new HeadObjectCommand({ Bucket: `${store}-open`, Key: key }));
  return {
    oss: { [SSE]: oss.res.headers[SSE], [KEY_ID]: oss.res.headers[KEY_ID] },
    s3: { ServerSideEncryption: head.ServerSideEncryption, SSEKMSKeyId: head.SSEKMSKeyId },
  };
}

function expected(store: StoreName, { kind, key }: Meaning) {
  const id = (dialect: StoreName): unknown => {
    if (kind !== 'kms') return undefined;
    return key === undefined ? expect.anything() : keySeen(store, dialect, key);
  };
  return {
    oss: { [SSE]: { none: undefined, managed: 'AES256', kms: 'KMS' }[kind], [KEY_ID]: id('oss') },
    s3: { ServerSideEncryption: { none: undefined, managed: 'AES256', kms: 'aws:kms' }[kind], SSEKMSKeyId: id('s3') },
  };
}

describe.each(STORES)('on the %s store', (store) => {
  const Bucket = `${store}-open`;
  const oss = (): AliOssClient => ossClient(chain.front, { bucket: Bucket, v4: true });

  test.each(MEANINGS)('$name, written in one language, is the same in the other', async (meaning) => {
    const { name } = meaning;
    const headers = ossWords(meaning);
    const wish = s3Words(meaning);
    const bytes = randomBytes(120 * 1024);
    await oss().put(`${name}/oss put`, Buffer.from('x'), { headers });
    await oss().copy(`${name}/oss copy`, `${name}/oss put`, { headers: { ...headers } });
    await oss().multipartUpload(`${name}/oss parts`, bytes, { headers: { ...headers } });
    await s3.send(new PutObjectCommand({ Bucket, Key: `${name}/s3 put`, Body: 'x', ...wish }));
    await s3.send(
      new CopyObjectCommand({
        Bucket,
        Key: `${name}/s3 copy`,
        CopySource: encodeURIComponent(`${Bucket}/${name}/oss put`),
        ...wish,
      }),
    );
    const at = { Bucket, Key: `${name}/s3 parts` };
    const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ ...at, ...wish }));
    const { ETag } = await s3.send(new UploadPartCommand({ ...at, UploadId, PartNumber: 1, Body: bytes }));
    const MultipartUpload = { Parts: [{ PartNumber: 1, ETag }] };
    await s3.send(new CompleteMultipartUploadCommand({ ...at, UploadId, MultipartUpload }));
    for (const way of ['oss put', 'oss copy', 'oss parts', 's3 put', 's3 copy', 's3 parts'])
      expect([way, await reported(store, `${name}/${way}`)]).toEqual([way, expected(store, meaning)]);
    if (store === 's3') return;
    await oss().append(`${name}/oss append`, Buffer.from('x'), { headers });
    expect(await reported(store, `${name}/oss append`)).toEqual(expected(store, meaning));
  });

  test.each(MEANINGS.filter(({ kind, key }) => kind === 'managed' || key !== undefined))(
    'the rule of a bucket: $name, set in one language, is the same in the other',
    async (meaning) => {
      const { kind, key } = meaning;
      const algorithm = kind === 'managed' ? 'AES256' : 'KMS';
      const seen = async () => {
        const { encryption } = await oss().getBucketEncryption(Bucket);
        const { ServerSideEncryptionConfiguration: found } = await s3.send(new GetBucketEncryptionCommand({ Bucket }));
        const rule = found?.Rules?.[0]?.ApplyServerSideEncryptionByDefault;
        return [
          encryption['SSEAlgorithm'],
          encryption['KMSMasterKeyID'] || undefined,
          rule?.SSEAlgorithm,
          rule?.KMSMasterKeyID,
        ];
      };
      const both = [
        algorithm,
        key && keySeen(store, 'oss', key),
        s3Words(meaning).ServerSideEncryption,
        key && keySeen(store, 's3', key),
      ];
      await oss().putBucketEncryption(Bucket, { SSEAlgorithm: algorithm, ...(key && { KMSMasterKeyID: key }) });
      expect(await seen()).toEqual(both);
      await oss().deleteBucketEncryption(Bucket);
      await s3.send(
        new PutBucketEncryptionCommand({
          Bucket,
          ServerSideEncryptionConfiguration: {
            Rules: [
              {
                ApplyServerSideEncryptionByDefault: {
                  SSEAlgorithm: s3Words(meaning).ServerSideEncryption,
                  ...(key && { KMSMasterKeyID: key }),
                },
              },
            ],
          },
        }),
      );
      expect(await seen()).toEqual(both);
      await oss().deleteBucketEncryption(Bucket);
    },
  );

  test('metadata of client-side encryption crosses byte-exact, by put and by copy, both ways', async () => {
    const alibaba = {
      'client-side-encryption-key':
        'nyXOp7delQ/MQLjKQMhHLaT0w7u2yQoDLkSnK8MFg/MwYdh4na4/LS8LLbLcM18m8I/ObWUHU775I50sJCpdv+f4e0jLeVRRiDFWe+uo7Puc9j4xHj8YB3QlcIOFQiTxHIB6q+C+RA6lGwqqYVa+n3aV5uWhygyv1MWmESurppg=',
      'client-side-encryption-start':
        'De/S3T8wFjx7QPxAAFl7h7TeI2EsZlfCwox4WhLGng5DK2vNXxULmulMUUpYkdc9umqmDilgSy5Z3Foafw+v4JJThfw68T/9G2gxZLrQTbAlvFPFfPM9Ehk6cY4+8WpY32uN8w5vrHyoSZGr343NxCUGIp6fQ9sSuOLMoJg7hNw=',
      'client-side-encryption-cek-alg': 'AES/CTR/NoPadding',
      'client-side-encryption-wrap-alg': 'RSA/NONE/PKCS1Padding',
      'client-side-encryption-matdesc': '{"desc": "it is, a \\"test\\"; really = 1"}',
    };
    const amazon = {
      'x-amz-key-v2': 'AQIDAHh+/0==',
      'x-amz-iv': 'Tm9uY2U+/w==',
      'x-amz-matdesc': '{"aws:x-amz-cek-alg":"AES/GCM/NoPadding", "k": "v"}',
      'x-amz-cek-alg': 'AES/GCM/NoPadding',
      'x-amz-wrap-alg': 'kms+context',
      'x-amz-tag-len': '128',
      'x-amz-unencrypted-content-length': '11',
    };
    const sources = { alibaba, amazon } as const;
    await oss().put('cse/alibaba', Buffer.from('ciphertext'), { meta: alibaba });
    await s3.send(new PutObjectCommand({ Bucket, Key: 'cse/amazon', Body: 'ciphertext', Metadata: amazon }));
    for (const [name, metadata] of Object.entries(sources)) {
      await oss().copy(`cse/${name}-oss`, `cse/${name}`);
      await s3.send(new CopyObjectCommand({ Bucket, Key: `cse/${name}-s3`, CopySource: `${Bucket}/cse/${name}` }));
      for (const key of [`cse/${name}`, `cse/${name}-oss`, `cse/${name}-s3`]) {
        const got = await s3.send(new GetObjectCommand({ Bucket, Key: key }));
        expect(got.Metadata).toEqual(metadata);
        expect(await got.Body!.transformToString()).toBe('ciphertext');
        expect((await oss().head(key)).meta).toEqual(metadata);
      }
    }
    await expect(
      oss().copy('cse/changed', 'cse/alibaba', { meta: { ...alibaba, 'client-side-encryption-key': 'another' } }),
    ).rejects.toMatchObject({ status: 400, code: 'InvalidEncryptionRequest' });
    await oss().copy('cse/same', 'cse/alibaba', { meta: alibaba });
    const { uploadId } = await oss().initMultipartUpload('cse/parts');
    const source = { sourceKey: 'cse/alibaba', sourceBucketName: Bucket };
    await expect(oss().uploadPartCopy('cse/parts', uploadId, 1, '0-9', source)).rejects.toMatchObject({
      status: 400,
      code: 'InvalidEncryptionRequest',
    });
    await oss().abortMultipartUpload('cse/parts', uploadId);
    const { 'client-side-encryption-start': _start, ...half } = alibaba;
    await expect(oss().put('cse/half', Buffer.from('x'), { meta: half })).rejects.toMatchObject({
      code: 'InvalidEncryptionRequest',
    });
  });

  test('parts of a client-side encrypted upload keep their bytes, their metadata and their size', async () => {
    const bytes = randomBytes(250 * 1024);
    const meta = {
      'client-side-encryption-key': 'a2V5',
      'client-side-encryption-start': 'c3RhcnQ=',
      'client-side-encryption-cek-alg': 'AES/CTR/NoPadding',
      'client-side-encryption-wrap-alg': 'RSA/NONE/PKCS1Padding',
      'client-side-encryption-data-size': String(bytes.length),
      'client-side-encryption-part-size': String(100 * 1024),
    };
    await oss().multipartUpload('cse/upload', bytes, { partSize: 100 * 1024, meta });
    const got = await s3.send(new GetObjectCommand({ Bucket, Key: 'cse/upload' }));
    expect(got.Metadata).toEqual(meta);
    expect(Buffer.from(await got.Body!.transformToByteArray()).equals(bytes)).toBe(true);
    const { uploadId } = await oss().initMultipartUpload('cse/wrong', { meta });
    const headers = Object.fromEntries(Object.entries(meta).map(([name, value]) => [`x-oss-meta-${name}`, value]));
    await expect(oss().uploadPart('cse/wrong', uploadId, 1, bytes, 0, 99 * 1024, { headers })).rejects.toMatchObject({
      code: 'InvalidEncryptionRequest',
    });
    // An S3 store does not say what an upload was begun with, and keeps nothing of what a part repeats.
    if (store !== 's3')
      await expect(
        oss().uploadPart('cse/wrong', uploadId, 1, bytes, 0, 100 * 1024, {
          headers: { ...headers, 'x-oss-meta-client-side-encryption-key': 'b3RoZXI=' },
        }),
      ).rejects.toMatchObject({ status: 400, code: 'InvalidEncryptionRequest' });
    await oss().abortMultipartUpload('cse/wrong', uploadId);
  });
});

describe('what the other language cannot say', () => {
  test('is refused as the rule of a bucket, with both names', async () => {
    const oss = ossClient(chain.front, { bucket: 's3-open' });
    await expect(oss.putBucketEncryption('s3-open', { SSEAlgorithm: 'SM4' })).rejects.toMatchObject({
      status: 400,
      message: expect.stringMatching(/oss client .*SM4.* speaks s3/),
    });
    const rule = {
      ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms:dsse', KMSMasterKeyID: 'orders' },
    } as const;
    await expect(
      s3.send(
        new PutBucketEncryptionCommand({
          Bucket: 'oss-open',
          ServerSideEncryptionConfiguration: { Rules: [rule] },
        }),
      ),
    ).rejects.toMatchObject({
      $metadata: { httpStatusCode: 400 },
      message: expect.stringMatching(/s3 client .*two layers.* speaks oss/),
    });
  });

  test('is reported by a header of the gateway`s own', async () => {
    const answer = { etag: '"0CC175B9C0F1B6A831C399E269772661"', 'last-modified': new Date(0).toUTCString() };
    const alibaba = await startRecordingStore(({ method }) =>
      method === 'GET'
        ? [404, {}, '<Error><Code>NoSuchBucketPolicy</Code></Error>']
        : [200, { ...answer, 'content-length': '1', [SSE]: 'SM4' }],
    );
    const credentials = { accessKeyId: 'LTAI', secretAccessKey: 'secret' };
    const gateway = await startGateway({
      policy: { version: 1, buckets: [{ match: '*', store: 'alibaba', encryption: { default: 'store' } }] },
      stores: { alibaba: { type: 'aliyun-oss', endpoint: alibaba.endpoint, region: 'cn-hangzhou', credentials } },
    });
    const client = awsClient(gateway);
    let headers: Record<string, string> = {};
    client.middlewareStack.add(
      (next) => async (args) => {
        const result = await next(args);
        headers = (result.response as { headers: Record<string, string> }).headers;
        return result;
      },
      { step: 'deserialize', priority: 'low' },
    );
    const head = await client.send(new HeadObjectCommand({ Bucket: 'photos', Key: 'a' }));
    expect(head.ServerSideEncryption).toBeUndefined();
    expect(headers['x-bucketseal-encryption']).toBe('SM4');
    expect(headers['x-amz-server-side-encryption']).toBeUndefined();
    expect((await ossClient(gateway, { bucket: 'photos' }).head('a')).res.headers[SSE]).toBe('SM4');
    await gateway.close();
    await alibaba.close();
  });
});
