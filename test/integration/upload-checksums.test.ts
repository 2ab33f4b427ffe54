import { randomBytes } from 'node:crypto';
import {
  CompleteMultipartUploadCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  GetObjectAttributesCommand,
  HeadObjectCommand,
  ListPartsCommand,
  UploadPartCommand,
  UploadPartCopyCommand,
  PutObjectCommand,
  type ChecksumAlgorithm,
  type ChecksumType,
  type CompletedPart,
  type S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { createDigests } from '../../src/wire/digests.ts';
import { startGateway, type TestGateway } from './gateway.ts';
import { sending } from './raw-answers.ts';
import { startRecordingStore, type Answer, type Recorded } from './recording-store.ts';
import { awsClient } from './s3-clients.ts';

const MIB = 1024 * 1024;
const PARTS = [randomBytes(5 * MIB), randomBytes(1000)] as const;
type Known = 'CRC32' | 'CRC32C' | 'CRC64NVME' | 'SHA1' | 'SHA256' | 'SHA512' | 'MD5';

async function digestOf(algorithm: Known, bytes: Uint8Array): Promise<Buffer> {
  const digests = await createDigests([algorithm]);
  digests.update(bytes);
  return digests.value(algorithm) ?? Buffer.alloc(0);
}

/** What AWS answers for the whole: a digest of the parts' digests, or the digest of all bytes. */
async function expectedOf(algorithm: Known, type: ChecksumType): Promise<string> {
  if (type === 'FULL_OBJECT') return (await digestOf(algorithm, Buffer.concat(PARTS))).toString('base64');
  const values = await Promise.all(PARTS.map((part) => digestOf(algorithm, part)));
  return `${(await digestOf(algorithm, Buffer.concat(values))).toString('base64')}-2`;
}

// S3 user guide, "Checking object integrity": full object or composite, the default first.
const MATRIX: readonly (readonly [Known, ChecksumType | undefined, ChecksumType])[] = [
  ['CRC32', undefined, 'COMPOSITE'],
  ['CRC32', 'COMPOSITE', 'COMPOSITE'],
  ['CRC32', 'FULL_OBJECT', 'FULL_OBJECT'],
  ['CRC32C', undefined, 'COMPOSITE'],
  ['CRC32C', 'FULL_OBJECT', 'FULL_OBJECT'],
  ['CRC64NVME', undefined, 'FULL_OBJECT'],
  ['CRC64NVME', 'FULL_OBJECT', 'FULL_OBJECT'],
  ['SHA1', undefined, 'COMPOSITE'],
  ['SHA256', undefined, 'COMPOSITE'],
  ['SHA256', 'COMPOSITE', 'COMPOSITE'],
  ['SHA512', undefined, 'COMPOSITE'],
  ['MD5', undefined, 'COMPOSITE'],
];

describe.each(['sealed', 'plain'])('checksums of uploads on the embedded store, %s', (bucket) => {
  let gateway: TestGateway;
  let s3: S3Client;
  beforeAll(async () => {
    gateway = await startGateway({
      policy: {
        version: 1,
        buckets: [
          { match: 'sealed', store: 'local', encryption: { default: 'managed' } },
          { match: 'plain', store: 'local', encryption: { default: 'none' } },
        ],
      },
    });
    s3 = awsClient(gateway, { requestChecksumCalculation: 'WHEN_REQUIRED' });
    await s3.send(new CreateBucketCommand({ Bucket: bucket }));
    await s3.send(new PutObjectCommand({ Bucket: bucket, Key: 'source', Body: PARTS[0] }));
  });
  afterAll(() => gateway.close());

  const begin = async (Key: string, ChecksumAlgorithm?: ChecksumAlgorithm, ChecksumType?: ChecksumType) => {
    const at = { Bucket: bucket, Key };
    const begun = await s3.send(new CreateMultipartUploadCommand({ ...at, ChecksumAlgorithm, ChecksumType }));
    return { at, begun, UploadId: begun.UploadId };
  };
  const bad = (name: string, message: RegExp) => ({
    name,
    message: expect.stringMatching(message) as string,
    $metadata: { httpStatusCode: 400 },
  });

  test.each(MATRIX)('%s, type %s: Create, Complete, HEAD and attributes answer %s', async (algorithm, asked, type) => {
    const { at, begun, UploadId } = await begin(`${algorithm}-${asked ?? ''}`, algorithm, asked);
    expect(begun).toMatchObject({ ChecksumAlgorithm: algorithm, ChecksumType: type });
    const Parts: CompletedPart[] = [];
    for (const [index, Body] of PARTS.entries()) {
      const named = { [`Checksum${algorithm}`]: (await digestOf(algorithm, Body)).toString('base64') };
      const part = await s3.send(new UploadPartCommand({ ...at, UploadId, PartNumber: index + 1, Body, ...named }));
      expect(part).toMatchObject(named);
      Parts.push({ PartNumber: index + 1, ETag: part.ETag, ...named });
    }
    expect(await s3.send(new ListPartsCommand({ ...at, UploadId }))).toMatchObject({
      ChecksumAlgorithm: algorithm,
      ChecksumType: type,
      Parts: Parts.map(({ ETag: _etag, ...part }) => part),
    });
    const whole = { [`Checksum${algorithm}`]: await expectedOf(algorithm, type), ChecksumType: type };
    expect(
      await s3.send(new CompleteMultipartUploadCommand({ ...at, UploadId, MultipartUpload: { Parts }, ...whole })),
    ).toMatchObject(whole);
    expect(await s3.send(new HeadObjectCommand({ ...at, ChecksumMode: 'ENABLED' }))).toMatchObject(whole);
    const attributes = await s3.send(
      new GetObjectAttributesCommand({ ...at, ObjectAttributes: ['Checksum', 'ObjectParts'] }),
    );
    expect(attributes.Checksum).toEqual(whole);
    expect(attributes.ObjectParts?.Parts?.map((part) => part[`Checksum${algorithm}`])).toEqual(
      Parts.map((part) => part[`Checksum${algorithm}`]),
    );
  });

  test.each([
    ['CRC64NVME', 'COMPOSITE'],
    ['SHA1', 'FULL_OBJECT'],
    ['SHA256', 'FULL_OBJECT'],
    ['SHA512', 'FULL_OBJECT'],
    ['MD5', 'FULL_OBJECT'],
  ] as const)('%s and %s do not go together', async (algorithm, type) => {
    await expect(begin('refused', algorithm, type)).rejects.toMatchObject(
      bad(
        'InvalidRequest',
        new RegExp(
          `^The ${type} checksum type cannot be used with the ${algorithm.toLowerCase()} checksum algorithm.$`,
        ),
      ),
    );
  });

  test('a type without an algorithm, an unknown type and an unknown algorithm are refused', async () => {
    await expect(begin('refused', undefined, 'COMPOSITE')).rejects.toMatchObject(
      bad('InvalidRequest', /x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header/),
    );
    await expect(begin('refused', 'CRC32', 'WHOLE' as ChecksumType)).rejects.toMatchObject(
      bad('InvalidRequest', /Value for x-amz-checksum-type header is invalid/),
    );
    await expect(begin('refused', 'XXHASH64')).rejects.toMatchObject(
      bad('InvalidRequest', /Checksum algorithm provided is unsupported/),
    );
  });

  test('a part of another kind than Create named is refused, and the upload goes on', async () => {
    const { at, UploadId } = await begin('other-part', 'CRC32');
    const put = (named: object) =>
      s3.send(new UploadPartCommand({ ...at, UploadId, PartNumber: 1, Body: 'x', ...named }));
    const sha256 = (await digestOf('SHA256', Buffer.from('x'))).toString('base64');
    await expect(put({ ChecksumSHA256: sha256 })).rejects.toMatchObject(
      bad('InvalidRequest', /expected checksum Type: crc32, actual checksum Type: sha256$/),
    );
    expect((await s3.send(new ListPartsCommand({ ...at, UploadId }))).Parts).toBeUndefined();
    // What the upload promised is kept where the part names none.
    const crc32 = (await digestOf('CRC32', Buffer.from('x'))).toString('base64');
    expect(await put({})).toMatchObject({ ChecksumCRC32: crc32 });
    const copied = await s3.send(
      new UploadPartCopyCommand({ ...at, UploadId, PartNumber: 2, CopySource: `${bucket}/source` }),
    );
    expect(copied.CopyPartResult?.ChecksumCRC32).toBe((await digestOf('CRC32', PARTS[0])).toString('base64'));
  });

  test('Complete of another type, of another algorithm, or with other sums of parts or of the whole is refused', async () => {
    const { at, UploadId } = await begin('other-complete', 'CRC32', 'FULL_OBJECT');
    const crc32 = (await digestOf('CRC32', Buffer.from('x'))).toString('base64');
    const sha256 = (await digestOf('SHA256', Buffer.from('x'))).toString('base64');
    const { ETag } = await s3.send(
      new UploadPartCommand({ ...at, UploadId, PartNumber: 1, Body: 'x', ChecksumCRC32: crc32 }),
    );
    const complete = (whole: object, part: object = {}) =>
      s3.send(
        new CompleteMultipartUploadCommand({
          ...at,
          UploadId,
          MultipartUpload: { Parts: [{ PartNumber: 1, ETag, ...part }] },
          ...whole,
        }),
      );
    await expect(complete({ ChecksumType: 'COMPOSITE' })).rejects.toMatchObject(
      bad('InvalidRequest', /created using the FULL_OBJECT checksum mode/),
    );
    await expect(complete({ ChecksumSHA256: sha256 })).rejects.toMatchObject(
      bad('InvalidRequest', /expected checksum Type: crc32, actual checksum Type: sha256$/),
    );
    await expect(complete({}, { ChecksumSHA256: sha256 })).rejects.toMatchObject(
      bad('BadDigest', /The sha256 you specified for part 1 did not match what we received/),
    );
    await expect(complete({}, { ChecksumCRC32: 'AAAAAA==' })).rejects.toMatchObject(bad('InvalidPart', /./));
    await expect(complete({ ChecksumCRC32: 'AAAAAA==' })).rejects.toMatchObject(bad('BadDigest', /./));
    await expect(complete({ MpuObjectSize: 2 })).rejects.toMatchObject(
      bad('InvalidRequest', /given, 2, does not match what was computed: 1$/),
    );
    await expect(s3.send(new HeadObjectCommand(at))).rejects.toMatchObject({ $metadata: { httpStatusCode: 404 } });
    expect(
      await complete({ ChecksumCRC32: crc32, ChecksumType: 'FULL_OBJECT', MpuObjectSize: 1 }, { ChecksumCRC32: crc32 }),
    ).toMatchObject({ ChecksumCRC32: crc32, ChecksumType: 'FULL_OBJECT' });
  });

  test('an upload that asked for nothing is told of nothing, and promises nothing that it cannot compare', async () => {
    const { at, begun, UploadId } = await begin('nothing');
    expect(begun).not.toHaveProperty('ChecksumAlgorithm');
    expect(begun).not.toHaveProperty('ChecksumType');
    const { ETag } = await s3.send(new UploadPartCommand({ ...at, UploadId, PartNumber: 1, Body: 'x' }));
    const complete = (whole: object) =>
      s3.send(
        new CompleteMultipartUploadCommand({
          ...at,
          UploadId,
          MultipartUpload: { Parts: [{ PartNumber: 1, ETag }] },
          ...whole,
        }),
      );
    const crc32 = (await digestOf('CRC32', Buffer.from('x'))).toString('base64');
    await expect(complete({ ChecksumCRC32: crc32 })).rejects.toMatchObject(
      bad('InvalidRequest', /expected checksum Type: null, actual checksum Type: crc32$/),
    );
    await expect(complete({ ChecksumType: 'FULL_OBJECT' })).rejects.toMatchObject(
      bad('InvalidRequest', /created using the null checksum mode/),
    );
    expect(await complete({})).not.toHaveProperty('ChecksumType');
  });
});

describe('checksums of uploads at a remote store', () => {
  const noPolicy: Answer = [404, {}, '<Error><Code>NoSuchBucketPolicy</Code><Message>none</Message></Error>'];
  const begun = '<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>';
  const start = async (
    type: 's3' | 'aliyun-oss',
    answer: (request: Recorded) => Answer,
  ): Promise<{ readonly s3: S3Client; readonly requests: Recorded[] }> => {
    const store = await startRecordingStore((request) => (request.url.includes('policy') ? noPolicy : answer(request)));
    onTestFinished(() => store.close());
    const gateway = await startGateway({
      policy: { version: 1, buckets: [{ match: '*', store: 'far', encryption: { default: 'none' } }] },
      stores: {
        far: {
          type,
          endpoint: store.endpoint,
          region: type === 's3' ? 'us-east-1' : 'cn-hangzhou',
          ...(type === 's3' ? { addressing: 'path' } : {}),
          credentials: { accessKeyId: 'AKSTORE', secretAccessKey: randomBytes(20).toString('hex') },
        },
      },
    });
    onTestFinished(() => gateway.close());
    return { s3: awsClient(gateway, { requestChecksumCalculation: 'WHEN_REQUIRED' }), requests: store.requests };
  };
  const at = { Bucket: 'far', Key: 'k' };

  test('an S3 store that says what it keeps is repeated, one that says nothing is not spoken for', async () => {
    let says: Readonly<Record<string, string>> = {
      'x-amz-checksum-algorithm': 'CRC32',
      'x-amz-checksum-type': 'FULL_OBJECT',
    };
    const { s3, requests } = await start('s3', () => [200, says, begun]);
    const create = new CreateMultipartUploadCommand({ ...at, ChecksumAlgorithm: 'CRC32', ChecksumType: 'FULL_OBJECT' });
    expect(await s3.send(create)).toMatchObject({ ChecksumAlgorithm: 'CRC32', ChecksumType: 'FULL_OBJECT' });
    expect(requests.at(-1)?.headers).toMatchObject({
      'x-amz-checksum-algorithm': 'CRC32',
      'x-amz-checksum-type': 'FULL_OBJECT',
    });
    says = {};
    const silent = await s3.send(create);
    expect(silent).not.toHaveProperty('ChecksumAlgorithm');
    expect(silent).not.toHaveProperty('ChecksumType');
  });

  test.each(['s3', 'aliyun-oss'] as const)(
    'parts of another kind are refused before a byte, at type %s',
    async (type) => {
      const { s3, requests } = await start(type, () => [200, { etag: '"11111111111111111111111111111111"' }, begun]);
      const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ ...at, ChecksumAlgorithm: 'CRC32' }));
      const before = requests.length;
      const sha256 = (await digestOf('SHA256', Buffer.from('x'))).toString('base64');
      await expect(
        s3.send(new UploadPartCommand({ ...at, UploadId, PartNumber: 1, Body: 'x', ChecksumSHA256: sha256 })),
      ).rejects.toMatchObject({ name: 'InvalidRequest' });
      await expect(
        s3.send(
          new CompleteMultipartUploadCommand({
            ...at,
            UploadId,
            MultipartUpload: { Parts: [{ PartNumber: 1, ETag: 'e', ChecksumSHA256: sha256 }] },
            ChecksumType: 'FULL_OBJECT',
          }),
        ),
      ).rejects.toMatchObject({ name: 'InvalidRequest' });
      expect(requests.slice(before).filter(({ url }) => !url.includes('policy'))).toEqual([]);
    },
  );

  test('a store that keeps none is not spoken for; a checksum of the whole is compared with those of the parts, or refused', async () => {
    const listed =
      '<ListPartsResult><IsTruncated>false</IsTruncated><Part><PartNumber>1</PartNumber><Size>7</Size>' +
      '<ETag>"e"</ETag><LastModified>2026-11-21T17:00:00.000Z</LastModified></Part></ListPartsResult>';
    const completed = '<CompleteMultipartUploadResult><ETag>"e"</ETag></CompleteMultipartUploadResult>';
    const { s3, requests } = await start('aliyun-oss', ({ method, url }) => [
      200,
      { etag: '"11111111111111111111111111111111"' },
      method === 'GET' ? listed : url.includes('uploads') ? begun : completed,
    ]);
    const answer = await s3.send(new CreateMultipartUploadCommand({ ...at, ChecksumAlgorithm: 'CRC32' }));
    expect(answer).not.toHaveProperty('ChecksumAlgorithm');
    const before = requests.length;
    const full = new CreateMultipartUploadCommand({ ...at, ChecksumAlgorithm: 'CRC32', ChecksumType: 'FULL_OBJECT' });
    expect(await s3.send(full)).not.toHaveProperty('ChecksumType');
    const crc32 = (await digestOf('CRC32', Buffer.from('7 bytes'))).toString('base64');
    const composite = `${(await digestOf('CRC32', Buffer.from(crc32, 'base64'))).toString('base64')}-1`;
    const complete = (whole: object, part: object = {}) =>
      s3.send(
        new CompleteMultipartUploadCommand({
          ...at,
          UploadId: answer.UploadId,
          MultipartUpload: { Parts: [{ PartNumber: 1, ETag: 'e', ...part }] },
          ...whole,
        }),
      );
    await expect(complete({ ChecksumCRC32: 'AAAAAA==' })).rejects.toMatchObject({
      name: 'NotImplemented',
      $metadata: { httpStatusCode: 501 },
    });
    await expect(complete({ ChecksumCRC32: 'AAAAAA==' }, { ChecksumCRC32: crc32 })).rejects.toMatchObject({
      name: 'BadDigest',
    });
    await expect(complete({ MpuObjectSize: 8 })).rejects.toMatchObject({ name: 'InvalidRequest' });
    const completes = () =>
      requests.slice(before).filter(({ method, url }) => method === 'POST' && url.includes('uploadId=u'));
    expect(completes()).toEqual([]);
    const done = await complete({ ChecksumCRC32: composite, ChecksumType: 'COMPOSITE' }, { ChecksumCRC32: crc32 });
    expect(done).not.toHaveProperty('ChecksumCRC32');
    expect(completes()).toHaveLength(1);
  });
});

test('a checksum that a put names without its value is taken here', async () => {
  const gateway = await startGateway({
    policy: { version: 1, buckets: [{ match: '*', store: 'local', encryption: { default: 'managed' } }] },
  });
  onTestFinished(() => gateway.close());
  const at = { Bucket: 'named', Key: 'k' };
  const s3 = awsClient(gateway, { requestChecksumCalculation: 'WHEN_REQUIRED' });
  await s3.send(new CreateBucketCommand({ Bucket: 'named' }));
  const naming = sending(awsClient(gateway, { requestChecksumCalculation: 'WHEN_REQUIRED' }), {
    'x-amz-checksum-algorithm': 'CRC32C',
    'x-amz-checksum-type': 'FULL_OBJECT',
  });
  const crc32c = (await digestOf('CRC32C', Buffer.from('hello'))).toString('base64');
  expect(await naming.send(new PutObjectCommand({ ...at, Body: 'hello' }))).toMatchObject({ ChecksumCRC32C: crc32c });
  expect(await s3.send(new HeadObjectCommand({ ...at, ChecksumMode: 'ENABLED' }))).toMatchObject({
    ChecksumCRC32C: crc32c,
    ChecksumType: 'FULL_OBJECT',
  });
  await expect(
    naming.send(new PutObjectCommand({ ...at, Body: 'hello', ChecksumCRC32: 'NhCmhg==' })),
  ).rejects.toMatchObject({ name: 'InvalidRequest' });
});
