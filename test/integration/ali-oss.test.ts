import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startChain, STORES, type Chain, type StoreName } from './chained-gateways.ts';
import { crc64 } from './crc64.ts';
import { expectHidden, hiddenAt, uploadsAt } from './hidden-parts.ts';
import { ossClient, type AliOssClient } from './oss-clients.ts';
import { slices } from './slices.ts';

const MIB = 1024 * 1024;
const SSE = 'x-oss-server-side-encryption';
const KEY_ID = `${SSE}-key-id`;

let chain: Chain;
beforeAll(async () => {
  chain = await startChain();
  const oss = ossClient(chain.front, { bucket: 'unused' });
  for (const store of STORES)
    for (const kind of ['kms', 'managed', 'plain', 'open']) await oss.putBucket(`${store}-${kind}`);
});
afterAll(() => chain.close());

const SUITES = STORES.flatMap((store) => [
  { store, v4: false, name: `${store} store, V1` },
  { store, v4: true, name: `${store} store, V4` },
]);

describe.each(SUITES)('ali-oss on the $name', ({ store, v4 }) => {
  const oss = (kind: string): AliOssClient => ossClient(chain.front, { bucket: `${store}-${kind}`, v4 });
  const name = (text: string): string => `${v4 ? 'v4' : 'v1'}/${text}`;
  const keyName = keyNameAt(store);

  test('a buffer with everything that stands beside it, read whole and in ranges', async () => {
    const client = oss('kms');
    const bytes = randomBytes(100_000);
    const key = name('Ordner/ä +ö.txt');
    const put = await client.put(key, bytes, {
      meta: { author: 'me' },
      headers: { 'Cache-Control': 'no-cache', 'Content-Disposition': 'attachment' },
    });
    expect(put.res.headers).toMatchObject({ [SSE]: 'KMS', [KEY_ID]: keyName, 'x-oss-hash-crc64ecma': crc64(bytes) });
    expect(put.res.headers['etag']).toMatch(/^"[0-9A-F]{32}"$/);
    const got = await client.get(key);
    expect(got.content.equals(bytes)).toBe(true);
    expect([crc64(bytes), undefined]).toContain(got.res.headers['x-oss-hash-crc64ecma']);
    expect(got.res.headers).toMatchObject({
      [SSE]: 'KMS',
      [KEY_ID]: keyName,
      etag: put.res.headers['etag'],
      'cache-control': 'no-cache',
      'content-disposition': 'attachment',
      'content-type': 'text/plain',
      'x-oss-meta-author': 'me',
    });
    const range = await client.get(key, { headers: { range: 'bytes=16383-16400' } });
    expect(range.content.equals(bytes.subarray(16383, 16401))).toBe(true);
    expect(range.res).toMatchObject({ status: 206, headers: { 'content-range': 'bytes 16383-16400/100000' } });
    expect(range.res.headers['x-oss-hash-crc64ecma']).toBeUndefined();
    const { stream } = await client.getStream(key);
    expect(Buffer.concat(await stream.toArray()).equals(bytes)).toBe(true);
    const head = await client.head(key);
    expect(head.meta).toEqual({ author: 'me' });
    expect(head.res.headers).toMatchObject({ 'content-length': '100000', [SSE]: 'KMS', [KEY_ID]: keyName });
    expect((await client.getObjectMeta(key)).res.headers).toMatchObject({
      'content-length': '100000',
      etag: put.res.headers['etag'],
    });
  });

  test('a range beyond the end answers the whole object, unless the standard behaviour is asked for', async () => {
    const client = oss('managed');
    await client.put(name('five'), Buffer.from('12345'));
    for (const range of ['bytes=2-10', 'bytes=5-', 'bytes=5-9']) {
      const whole = await client.get(name('five'), { headers: { range } });
      expect([whole.res.status, whole.content.toString()]).toEqual([200, '12345']);
      const head = await client.head(name('five'), { headers: { range } });
      expect(head.res.headers['content-length']).toBe('5');
    }
    const standard = { 'x-oss-range-behavior': 'standard' };
    const cut = await client.get(name('five'), { headers: { range: 'bytes=2-10', ...standard } });
    expect([cut.res.status, cut.content.toString()]).toEqual([206, '345']);
    await expect(client.get(name('five'), { headers: { range: 'bytes=5-9', ...standard } })).rejects.toMatchObject({
      status: 416,
      code: 'InvalidRange',
    });
  });

  test('streams with and without a length, and nothing at all', async () => {
    const client = oss('managed');
    const bytes = randomBytes(700_001);
    const known = await client.putStream(name('known'), Readable.from(slices(bytes, 65_536)), {
      contentLength: bytes.length,
    });
    const unknown = await client.putStream(name('unknown'), Readable.from(slices(bytes, 10_007)));
    const md5 = createHash('md5').update(bytes).digest('hex').toUpperCase();
    for (const [key, put] of [
      ['known', known],
      ['unknown', unknown],
    ] as const) {
      expect(put.res.headers).toMatchObject({
        [SSE]: 'AES256',
        'x-oss-hash-crc64ecma': crc64(bytes),
        etag: `"${md5}"`,
      });
      expect((await client.get(name(key))).content.equals(bytes)).toBe(true);
    }
    const empty = await client.put(name('empty'), Buffer.alloc(0));
    expect(empty.res.headers['x-oss-hash-crc64ecma']).toBe('0');
    expect((await client.get(name('empty'))).content).toHaveLength(0);
  });

  test('parts of 1 MiB, as ali-oss makes them', async () => {
    const client = oss('kms');
    const bytes = randomBytes((v4 ? 2 : 7) * MIB + 5);
    const key = name('multipart');
    const done = await client.multipartUpload(key, bytes, { meta: { who: 'me' }, mime: 'application/x-test' });
    expect(done.res.headers).toMatchObject({ [SSE]: 'KMS', [KEY_ID]: keyName });
    expect([crc64(bytes), undefined]).toContain(done.res.headers['x-oss-hash-crc64ecma']);
    const got = await client.get(key);
    expect(got.content.equals(bytes)).toBe(true);
    expect(got.res.headers).toMatchObject({
      [SSE]: 'KMS',
      [KEY_ID]: keyName,
      etag: done.etag,
      'x-oss-meta-who': 'me',
      'content-type': 'application/x-test',
    });
    expect([crc64(bytes), undefined]).toContain(got.res.headers['x-oss-hash-crc64ecma']);
    const across = await client.get(key, { headers: { range: `bytes=${MIB - 2}-${MIB + 1}` } });
    expect(across.content.equals(bytes.subarray(MIB - 2, MIB + 2))).toBe(true);
    expect(await hiddenAt(chain, `${store}-kms`)).toEqual([]);
  });

  test('an upload that was interrupted: its parts are listed, it resumes, another is aborted', async () => {
    const client = oss('kms');
    const bytes = randomBytes(4 * MIB + 17);
    const key = name('resumed');
    let checkpoint: { uploadId: string; doneParts: readonly unknown[] } | undefined;
    const broken = client.multipartUpload(key, bytes, {
      parallel: 1,
      progress: (_done: number, at: typeof checkpoint) => {
        checkpoint = at;
        if ((at?.doneParts.length ?? 0) >= 3) throw new Error('the connection is gone');
      },
    });
    await expect(broken).rejects.toThrow('the connection is gone');
    const { uploadId } = checkpoint!;
    const { parts } = await client.listParts(key, uploadId);
    expect(parts.map(({ PartNumber, Size }) => [PartNumber, Size])).toEqual([
      ['1', String(MIB)],
      ['2', String(MIB)],
      ['3', String(MIB)],
    ]);
    expect(parts.map(({ ETag }) => ETag.replaceAll('"', ''))).toEqual(
      (checkpoint!.doneParts as { etag: string }[]).map(({ etag }) => etag.replaceAll('"', '')),
    );
    expect((await client.listUploads({ prefix: key })).uploads.map((upload) => upload.name)).toEqual([key]);
    const hidden = await hiddenAt(chain, `${store}-kms`);
    expect(hidden).toHaveLength(store === 's3' ? 3 : 0);
    if (store === 's3') await expectHidden(chain, { bucket: 's3-kms', hidden, plain: bytes, client });
    await client.multipartUpload(key, bytes, { checkpoint, parallel: 1 });
    expect((await client.get(key)).content.equals(bytes)).toBe(true);
    const second = await client.initMultipartUpload(name('aborted'));
    await client.uploadPart(name('aborted'), second.uploadId, 1, bytes, 0, MIB);
    await client.abortMultipartUpload(name('aborted'), second.uploadId);
    await expect(client.listParts(name('aborted'), second.uploadId)).rejects.toMatchObject({ code: 'NoSuchUpload' });
    expect(await hiddenAt(chain, `${store}-kms`)).toEqual([]);
    expect(await uploadsAt(chain, `${store}-kms`)).toBe(0);
  });

  test('the headers of an upload, repeated on its parts: the same is accepted, another key is a 400', async () => {
    const client = oss('managed');
    const bytes = randomBytes(250 * 1024);
    const headers = { [SSE]: 'KMS', [KEY_ID]: 'orders', 'x-oss-tagging': 'a=b', 'x-oss-forbid-overwrite': 'true' };
    const done = await client.multipartUpload(name('repeated'), bytes, { partSize: 100 * 1024, headers });
    expect(done.res.headers).toMatchObject({ [SSE]: 'KMS', [KEY_ID]: keyName });
    expect((await client.get(name('repeated'))).content.equals(bytes)).toBe(true);
    const { uploadId } = await client.initMultipartUpload(name('other'), { headers: { [SSE]: 'AES256' } });
    await expect(
      client.uploadPart(name('other'), uploadId, 1, bytes, 0, bytes.length, { headers: { [KEY_ID]: 'orders' } }),
    ).rejects.toMatchObject({ status: 400, code: 'InvalidArgument' });
    const part = await client.uploadPart(name('other'), uploadId, 1, bytes, 0, bytes.length);
    expect(part.res.headers['x-oss-hash-crc64ecma']).toBe(crc64(bytes));
    await expect(
      client.completeMultipartUpload(name('other'), uploadId, [{ number: 1, etag: part.etag }], {
        headers: { [KEY_ID]: 'orders' },
      }),
    ).rejects.toMatchObject({ status: 400, code: 'InvalidArgument' });
    await client.abortMultipartUpload(name('other'), uploadId);
  });

  test('copies take the encryption of their target; parts are copied too', async () => {
    const client = oss('kms');
    const bytes = randomBytes(300 * 1024);
    await client.put(name('source'), bytes, { meta: { m: '1' } });
    const managed = oss('managed');
    const copy = await managed.copy(name('copy'), name('source'), `${store}-kms`);
    expect(copy.res.headers).toMatchObject({ [SSE]: 'AES256' });
    const copied = await managed.get(name('copy'));
    expect(copied.content.equals(bytes)).toBe(true);
    expect(copied.res.headers).toMatchObject({ [SSE]: 'AES256', 'x-oss-meta-m': '1' });
    const wished = await managed.copy(name('copy'), `/${store}-kms/${name('source')}`, {
      meta: { n: '2' },
      headers: { [SSE]: 'KMS', [KEY_ID]: 'orders' },
    });
    expect(wished.res.headers).toMatchObject({ [SSE]: 'KMS', [KEY_ID]: keyName });
    expect((await managed.head(name('copy'))).meta).toEqual({ n: '2' });
    await oss('plain').copy(name('copy'), name('source'), `${store}-kms`);
    expect((await oss('plain').head(name('copy'))).res.headers[SSE]).toBeUndefined();
    const source = { sourceKey: name('source'), sourceBucketName: `${store}-kms` };
    const { uploadId } = await managed.initMultipartUpload(name('parts'));
    const one = await managed.uploadPartCopy(name('parts'), uploadId, 1, `0-${150 * 1024 - 1}`, source);
    const two = await managed.uploadPartCopy(name('parts'), uploadId, 2, `${200 * 1024}-${300 * 1024 - 1}`, source);
    await managed.completeMultipartUpload(name('parts'), uploadId, [
      { number: 1, etag: one.etag },
      { number: 2, etag: two.etag },
    ]);
    const joined = await managed.get(name('parts'));
    expect(joined.content.equals(Buffer.concat([bytes.subarray(0, 150 * 1024), bytes.subarray(200 * 1024)]))).toBe(
      true,
    );
    await expect(client.copy(name('copy'), name('missing'))).rejects.toMatchObject({ code: 'NoSuchKey' });
  });

  test('lists of both versions, with delimiter, pages and encoding', async () => {
    const client = oss('plain');
    const folder = name('list/');
    const keys = ['a/1', 'a/2', 'b', 'c d+e', 'ü/ñ'];
    for (const key of keys) await client.put(folder + key, Buffer.from(key));
    const all = await client.list({ prefix: folder });
    expect(all.objects?.map((object) => object.name)).toEqual(keys.map((key) => folder + key));
    const first = await client.list({ prefix: folder, delimiter: '/', 'max-keys': 2 });
    expect([first.prefixes, first.objects?.map((object) => object.name)]).toEqual([[`${folder}a/`], [`${folder}b`]]);
    const next = await client.list({ prefix: folder, delimiter: '/', marker: first.nextMarker });
    expect([next.prefixes, next.objects?.map((object) => object.name)]).toEqual([[`${folder}ü/`], [`${folder}c d+e`]]);
    const encoded = await client.list({ prefix: folder, 'encoding-type': 'url' });
    expect(encoded.objects?.map((object) => decodeURIComponent(object.name))).toEqual(keys.map((key) => folder + key));
    expect(encoded.objects?.map((object) => object.name)).toContain(encodeURIComponent(`${folder}c d+e`));
    const seen: string[] = [];
    let token: string | null | undefined;
    do {
      const page = await client.listV2({
        prefix: folder,
        'max-keys': '2',
        ...(token == null ? {} : { 'continuation-token': token }),
      });
      seen.push(...(page.objects ?? []).map((object) => object.name));
      token = page.nextContinuationToken;
    } while (token != null);
    expect(seen).toEqual(keys.map((key) => folder + key));
    const { deleted } = await client.deleteMulti(keys.slice(0, 4).map((key) => folder + key));
    expect(deleted.map(({ Key }) => Key)).toEqual(keys.slice(0, 4).map((key) => folder + key));
    await client.deleteMulti([`${folder}ü/ñ`], { quiet: true });
    expect((await client.list({ prefix: folder })).objects ?? []).toEqual([]);
  });

  test('tags, ACLs, what buckets say of themselves', async () => {
    const client = oss('kms');
    const key = name('tagged');
    await client.put(key, Buffer.from('x'), { headers: { 'x-oss-tagging': 'a=1' } });
    expect((await client.getObjectTagging(key)).tag).toEqual({ a: '1' });
    await client.putObjectTagging(key, { team: 'red + blue' });
    expect((await client.getObjectTagging(key)).tag).toEqual({ team: 'red + blue' });
    await client.deleteObjectTagging(key);
    expect((await client.getObjectTagging(key)).tag).toEqual({});
    expect(['private', 'default']).toContain((await client.getACL(key)).acl);
    await client.putACL(key, 'private');
    expect((await client.getBucketACL(`${store}-kms`)).acl).toBe('private');
    const { bucket } = await client.getBucketInfo(`${store}-kms`);
    expect(bucket).toMatchObject({
      Name: `${store}-kms`,
      AccessControlList: { Grant: 'private' },
      ServerSideEncryptionRule: { SSEAlgorithm: 'KMS', KMSMasterKeyID: keyName },
    });
    expect((await client.getBucketLocation(`${store}-kms`)).location).toMatch(/^oss-/);
    expect((await client.listBuckets({ 'max-keys': 100 })).buckets?.map((one) => one.name)).toContain(`${store}-kms`);
  });

  test('forbid-overwrite, append, symlinks, callbacks', async () => {
    const client = oss('kms');
    await client.put(name('once'), Buffer.from('1'), { headers: { 'x-oss-forbid-overwrite': 'true' } });
    await expect(
      client.put(name('once'), Buffer.from('2'), { headers: { 'x-oss-forbid-overwrite': 'true' } }),
    ).rejects.toMatchObject({ status: 409, code: 'FileAlreadyExists' });
    expect((await client.get(name('once'))).content.toString()).toBe('1');
    if (store === 's3')
      await expect(client.append(name('log'), Buffer.from('a'))).rejects.toMatchObject({ code: 'NotImplemented' });
    else {
      const first = await client.append(name('log'), Buffer.from('one '), { headers: { [SSE]: 'AES256' } });
      expect(first.nextAppendPosition).toBe('4');
      const second = await client.append(name('log'), Buffer.from('two'), { position: 4 });
      expect([second.nextAppendPosition, second.res.headers[SSE]]).toEqual(['7', 'AES256']);
      await expect(client.append(name('log'), Buffer.from('x'), { position: 1 })).rejects.toMatchObject({
        status: 409,
        code: 'PositionNotEqualToLength',
      });
      expect((await client.get(name('log'))).content.toString()).toBe('one two');
    }
    await expect(client.putSymlink(name('link'), name('once'), {})).rejects.toMatchObject({ code: 'NotImplemented' });
    await expect(
      client.put(name('called'), Buffer.from('x'), { callback: { url: 'http://example.com', body: 'a=1' } }),
    ).rejects.toMatchObject({ status: 403, code: 'AccessDenied' });
    await expect(client.head(name('called'))).rejects.toMatchObject({ status: 404, code: 'NoSuchKey' });
    await expect(
      client.putBucketWebsite(`${store}-kms`, { index: 'index.html', routingRules: [] }),
    ).rejects.toMatchObject({
      code: 'AccessDenied',
      message: expect.stringMatching(/does not encrypt what it fetches/),
    });
  });

  test('errors have their code, on HEAD too', async () => {
    const client = oss('kms');
    await expect(client.get(name('missing'))).rejects.toMatchObject({ status: 404, code: 'NoSuchKey' });
    await expect(client.head(name('missing'))).rejects.toMatchObject({ status: 404, code: 'NoSuchKey' });
    const url = ossClient(chain.front, { bucket: `${store}-kms` }).signatureUrl(name('missing'), { method: 'HEAD' });
    const bare = await fetch(url, { method: 'HEAD' });
    expect(Buffer.from(bare.headers.get('x-oss-err') ?? '', 'base64').toString()).toContain('<Code>NoSuchKey</Code>');
    const keys = { ...chain.front.main, secretAccessKey: 'wrong' };
    const stranger = ossClient(chain.front, { bucket: `${store}-kms`, v4, client: keys });
    await expect(stranger.get(name('source'))).rejects.toMatchObject({ status: 403, code: 'SignatureDoesNotMatch' });
  });

  test('a presigned URL writes and reads without the SDK', async () => {
    const client = oss('kms');
    const sign = async (method: string): Promise<string> =>
      v4 ? await client.signatureUrlV4(method, 60, {}, name('url')) : client.signatureUrl(name('url'), { method });
    const put = await fetch(await sign('PUT'), { method: 'PUT', body: Buffer.from('by url') });
    expect([put.status, put.headers.get(SSE)]).toEqual([200, 'KMS']);
    const url = await sign('GET');
    const got = await fetch(url);
    expect([await got.text(), got.headers.get(KEY_ID)]).toEqual(['by url', keyName]);
    expect((await fetch(url.replace(name('url'), name('once')))).status).toBe(403);
    expect((await fetch(url, { method: 'DELETE' })).status).toBe(403);
  });

  test('the encryption of a bucket, as in Alibaba`s samples', async () => {
    const client = oss('open');
    const bucket = `${store}-open`;
    expect((await client.putBucketEncryption(bucket, { SSEAlgorithm: 'AES256' })).status).toBe(200);
    expect((await client.getBucketEncryption(bucket)).encryption).toMatchObject({ SSEAlgorithm: 'AES256' });
    const managed = await client.put(name('by-rule'), Buffer.from('x'));
    expect(managed.res.headers[SSE]).toBe('AES256');
    const named = await client.putBucketEncryption(bucket, { SSEAlgorithm: 'KMS', KMSMasterKeyID: 'orders' });
    expect(named.status).toBe(200);
    expect((await client.getBucketEncryption(bucket)).encryption).toMatchObject({
      SSEAlgorithm: 'KMS',
      KMSMasterKeyID: keyName,
    });
    expect((await client.getBucketInfo(bucket)).bucket.ServerSideEncryptionRule).toMatchObject({
      SSEAlgorithm: 'KMS',
      KMSMasterKeyID: keyName,
    });
    const byKms = await client.put(name('by-rule'), Buffer.from('x'));
    expect(byKms.res.headers).toMatchObject({ [SSE]: 'KMS', [KEY_ID]: keyName });
    expect((await client.deleteBucketEncryption(bucket)).status).toBe(204);
    await expect(client.putBucketEncryption(bucket, { SSEAlgorithm: 'DES' })).rejects.toMatchObject({
      status: 400,
      code: 'InvalidEncryptionAlgorithmError',
    });
    const owned = oss('kms');
    await expect(owned.putBucketEncryption(`${store}-kms`, { SSEAlgorithm: 'AES256' })).rejects.toMatchObject({
      status: 403,
    });
    await expect(owned.deleteBucketEncryption(`${store}-kms`)).rejects.toMatchObject({ status: 403 });
  });

  test('wishes: what the store can do is done, what it cannot is refused', async () => {
    const client = oss('managed');
    const put = (headers: Record<string, string>) => client.put(name('wish'), Buffer.from('x'), { headers });
    expect((await put({ [SSE]: 'AES256' })).res.headers[SSE]).toBe('AES256');
    expect((await put({ [SSE]: 'KMS', [KEY_ID]: 'orders' })).res.headers).toMatchObject({
      [SSE]: 'KMS',
      [KEY_ID]: keyName,
    });
    await expect(put({ [SSE]: 'KMS', [KEY_ID]: 'archive' })).rejects.toMatchObject({ status: 403 });
    await expect(put({ [SSE]: 'aes256' })).rejects.toMatchObject({ code: 'InvalidEncryptionAlgorithmError' });
    await expect(put({ [KEY_ID]: 'orders' })).rejects.toMatchObject({ status: 400 });
    await expect(put({ [`${SSE}-colour`]: 'blue' })).rejects.toMatchObject({ status: 400 });
    expect((await client.head(name('wish'))).res.headers[KEY_ID]).toBe(keyName);
    const open = oss('open');
    const free = (headers: Record<string, string>) => open.put(name('wish'), Buffer.from('x'), { headers });
    expect((await free({ [SSE]: 'KMS' })).res.headers[SSE]).toBe('KMS');
    expect((await free({ [SSE]: 'KMS', [KEY_ID]: 'archive' })).res.headers[KEY_ID]).toBe(keyNameAt(store, 'archive'));
    if (store !== 'oss')
      for (const headers of [{ [SSE]: 'SM4' }, { [SSE]: 'KMS', 'x-oss-server-side-data-encryption': 'SM4' }]) {
        const refused = await free(headers).then(
          () => undefined,
          (error: unknown) => error as { status: number; code: string; message: string },
        );
        expect(refused).toMatchObject({ status: 400, code: 'InvalidEncryptionAlgorithmError' });
        if (store === 's3') expect(refused?.message).toMatch(/oss client .*SM4.* speaks s3/);
      }
  });
});

/** The key's name as OSS clients see it: the store's own id where the store speaks OSS, else the alias. */
function keyNameAt(store: StoreName, alias: 'orders' | 'archive' = 'orders'): string {
  return store === 'oss' ? `cmk-${alias}` : alias;
}
