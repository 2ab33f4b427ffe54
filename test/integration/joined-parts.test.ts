import { randomBytes } from 'node:crypto';
import {
  AbortMultipartUploadCommand,
  GetObjectAttributesCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startChain, type Chain } from './chained-gateways.ts';
import { hiddenAt, uploadsAt } from './hidden-parts.ts';
import { ossClient, type AliOssClient } from './oss-clients.ts';
import { awsClient } from './s3-clients.ts';

const MIB = 1024 * 1024;
const BUCKET = 's3-kms';

let chain: Chain;
let oss: AliOssClient;
beforeAll(async () => {
  chain = await startChain();
  oss = ossClient(chain.front, { bucket: BUCKET, v4: true });
  await oss.putBucket(BUCKET);
});
afterAll(() => chain.close());

async function upload(key: string, sizes: readonly number[]) {
  const { uploadId } = await oss.initMultipartUpload(key);
  const bodies = sizes.map((size) => randomBytes(size));
  const parts: { number: number; etag: string }[] = [];
  for (const [index, body] of bodies.entries()) {
    const { etag } = await oss.uploadPart(key, uploadId, index + 1, body, 0, body.length);
    parts.push({ number: index + 1, etag });
  }
  return { uploadId, parts, bytes: Buffer.concat(bodies) };
}

/** Sizes of the parts that the store was given. */
async function partsAt(Key: string): Promise<readonly (number | undefined)[]> {
  const found = await awsClient(chain.upstream).send(
    new GetObjectAttributesCommand({ Bucket: BUCKET, Key, ObjectAttributes: ['ObjectParts'] }),
  );
  return (found.ObjectParts?.Parts ?? []).map(({ Size }) => Size);
}

test('many small parts become few large ones', async () => {
  const { uploadId, parts, bytes } = await upload('many', Array<number>(20).fill(MIB));
  expect(await hiddenAt(chain, BUCKET)).toHaveLength(20);
  await oss.completeMultipartUpload('many', uploadId, parts);
  expect((await oss.get('many')).content.equals(bytes)).toBe(true);
  expect(await partsAt('many')).toEqual([16 * MIB, 4 * MIB]);
  expect(await hiddenAt(chain, BUCKET)).toEqual([]);
});

test('a Complete that is repeated, because its answer was lost, is answered as before', async () => {
  const { uploadId, parts, bytes } = await upload('repeated', [MIB, MIB]);
  const first = await oss.completeMultipartUpload('repeated', uploadId, parts);
  const again = await oss.completeMultipartUpload('repeated', uploadId, parts);
  expect(again.etag).toBe(first.etag);
  expect((await oss.get('repeated')).content.equals(bytes)).toBe(true);
  const others = parts.slice(1);
  await expect(oss.completeMultipartUpload('repeated', uploadId, others)).rejects.toMatchObject({ status: 404 });
});

test('small parts before and after a large one', async () => {
  const { uploadId, parts, bytes } = await upload('mixed', [2 * MIB, 2 * MIB, 2 * MIB, 6 * MIB, 150 * 1024]);
  await oss.completeMultipartUpload('mixed', uploadId, parts);
  const got = await oss.get('mixed');
  expect(got.content.equals(bytes)).toBe(true);
  expect(got.res.headers).toMatchObject({ 'x-oss-server-side-encryption': 'KMS' });
  expect(await partsAt('mixed')).toEqual([6 * MIB, 6 * MIB, 150 * 1024]);
  const at = await awsClient(chain.upstream).send(new HeadObjectCommand({ Bucket: BUCKET, Key: 'mixed' }));
  expect(at).toMatchObject({ ServerSideEncryption: 'aws:kms', SSEKMSKeyId: 'cmk-orders' });
});

test('only the parts that the client names, in the attempt that it names, count', async () => {
  const { uploadId, parts, bytes } = await upload('named', [MIB, MIB, MIB]);
  const again = randomBytes(MIB);
  const second = await oss.uploadPart('named', uploadId, 2, again, 0, MIB);
  const [first, , third] = parts;
  await expect(
    oss.completeMultipartUpload('named', uploadId, [{ number: 1, etag: `"${'0'.repeat(32)}"` }]),
  ).rejects.toMatchObject({ status: 400, code: 'InvalidPart' });
  await oss.completeMultipartUpload('named', uploadId, [first!, { number: 2, etag: second.etag }, third!]);
  const expected = Buffer.concat([bytes.subarray(0, MIB), again, bytes.subarray(2 * MIB)]);
  expect((await oss.get('named')).content.equals(expected)).toBe(true);
  expect(await hiddenAt(chain, BUCKET)).toEqual([]);
});

test('a small part alone between large ones cannot be joined: the error says so, and the upload can be mended', async () => {
  const { uploadId, parts, bytes } = await upload('alone', [5 * MIB, MIB, 5 * MIB]);
  await expect(oss.completeMultipartUpload('alone', uploadId, parts)).rejects.toMatchObject({
    status: 400,
    code: 'EntityTooSmall',
    message: expect.stringMatching(/part 2 stands alone/),
  });
  await expect(oss.head('alone')).rejects.toMatchObject({ status: 404 });
  const larger = Buffer.concat([bytes.subarray(5 * MIB, 6 * MIB), randomBytes(5 * MIB)]);
  const mended = await oss.uploadPart('alone', uploadId, 2, larger, 0, larger.length);
  const list = parts.map((part) => (part.number === 2 ? { number: 2, etag: mended.etag } : part));
  await oss.completeMultipartUpload('alone', uploadId, list);
  const expected = Buffer.concat([bytes.subarray(0, 5 * MIB), larger, bytes.subarray(6 * MIB)]);
  expect((await oss.get('alone')).content.equals(expected)).toBe(true);
  expect(await hiddenAt(chain, BUCKET)).toEqual([]);
  expect(await uploadsAt(chain, BUCKET)).toBe(0);
});

test('a small part that comes after Abort is NoSuchUpload, and nothing of it is left', async () => {
  const { uploadId } = await upload('aborted', [MIB]);
  await oss.abortMultipartUpload('aborted', uploadId);
  await expect(oss.uploadPart('aborted', uploadId, 2, randomBytes(MIB), 0, MIB)).rejects.toMatchObject({
    code: 'NoSuchUpload',
    status: 404,
  });
  expect(await hiddenAt(chain, BUCKET)).toEqual([]);
});

test('what was kept of an upload goes with it, also where the store ended it', async () => {
  const { uploadId } = await upload('ended', [MIB, MIB]);
  const s3 = awsClient(chain.upstream);
  const { Uploads } = await s3.send(new ListMultipartUploadsCommand({ Bucket: BUCKET, Prefix: 'ended' }));
  await s3.send(
    new AbortMultipartUploadCommand({ Bucket: BUCKET, Key: 'ended', UploadId: Uploads?.[0]?.UploadId ?? '' }),
  );
  expect(await hiddenAt(chain, BUCKET)).toHaveLength(2);
  await expect(oss.abortMultipartUpload('ended', uploadId)).rejects.toMatchObject({ code: 'NoSuchUpload' });
  expect(await hiddenAt(chain, BUCKET)).toEqual([]);
});
