import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import {
  codeOf,
  drain,
  errorOf,
  get,
  openStore,
  openWithBucket,
  plainContent,
  put,
  run,
  sealedBytes,
  sealedContent,
  sealedPart,
  sealHeader,
  temporaryDirectory,
  WHOLE_READ,
  columnCipher,
} from './support.ts';

const photos = { bucket: 'photos' } as const;

describe('put and get', () => {
  test('answers the bytes, the MD5 and the CRC64', async () => {
    const store = await openWithBucket();
    const data = randomBytes(700_000);
    const result = await put(store, 'a', data);
    expect(result.etag).toBe(createHash('md5').update(data).digest('hex'));
    expect(result.encryption).toEqual({ kind: 'none' });
    expect(await get(store, 'a')).toEqual(data);
  });

  test('keeps keys apart that a file system would not', async () => {
    const store = await openWithBucket();
    const keys = [
      'a',
      'a/',
      'a/b',
      'A',
      '../a',
      '..',
      '.',
      '/',
      '//',
      'a//b',
      'é',
      'e\u0301',
      '%2e%2e',
      'x'.repeat(1024),
      '\\',
    ];
    for (const key of keys) await put(store, key, `of ${key}`);
    for (const key of keys) expect((await get(store, key)).toString()).toBe(`of ${key}`);
    await run(store, { operation: 'DeleteObject', ...photos, key: 'a/' });
    expect(await codeOf(get(store, 'a/'))).toBe('NoSuchKey');
    expect((await get(store, 'a')).toString()).toBe('of a');
    expect((await get(store, 'a/b')).toString()).toBe('of a/b');
  });

  test('refuses keys that have no place', async () => {
    const store = await openWithBucket();
    expect(await codeOf(put(store, 'x'.repeat(1025), ''))).toBe('KeyTooLongError');
    expect(await codeOf(put(store, 'é'.repeat(513), ''))).toBe('KeyTooLongError');
    expect(await codeOf(put(store, '', ''))).toBe('InvalidObjectName');
    expect(await codeOf(put(store, 'a\ud800', ''))).toBe('InvalidObjectName');
    expect(await codeOf(put(store, 'a\0b', ''))).toBe('InvalidObjectName');
  });

  test('keeps an empty object', async () => {
    const store = await openWithBucket();
    await put(store, 'empty', '');
    expect(await get(store, 'empty')).toEqual(Buffer.alloc(0));
    expect(await codeOf(get(store, 'empty', { range: { kind: 'from', first: 0 } }))).toBe('InvalidRange');
  });

  test('carries metadata, tags, class and type through a restart', async () => {
    const directory = await temporaryDirectory();
    const columns = columnCipher();
    const first = await openWithBucket({ directory, columns });
    const metadata = { contentType: 'text/plain', user: { colour: 'caf\u00e9' } };
    await put(first, 'a', 'hello', { metadata, tags: { team: 'blue' }, storageClass: 'STANDARD_IA' });
    await first.close();
    const second = await openStore({ directory, columns });
    const head = await run(second, { operation: 'HeadObject', ...photos, key: 'a', ...WHOLE_READ });
    expect(head).toMatchObject({ metadata, tagCount: 1, storageClass: 'STANDARD_IA', type: 'Normal', size: 5 });
    expect((await get(second, 'a')).toString()).toBe('hello');
  });

  test('a reader keeps the generation that it began with', async () => {
    const store = await openWithBucket();
    const old = randomBytes(600_000);
    await put(store, 'a', old);
    const { content } = await run(store, { operation: 'GetObject', ...photos, key: 'a', ...WHOLE_READ });
    await put(store, 'a', 'new');
    await run(store, { operation: 'DeleteObject', ...photos, key: 'a' });
    if (content.kind !== 'plain') throw new Error('sealed');
    expect(await drain(content.bytes)).toEqual(old);
    await expect.poll(async () => (await store.scrub()).files).toBe(0);
  });

  test('only null is a version', async () => {
    const store = await openWithBucket();
    await put(store, 'a', '1');
    expect((await get(store, 'a', { versionId: 'null' })).toString()).toBe('1');
    expect(await codeOf(get(store, 'a', { versionId: 'abc' }))).toBe('NoSuchVersion');
  });

  test('says what is missing', async () => {
    const store = await openWithBucket();
    expect(await codeOf(get(store, 'none'))).toBe('NoSuchKey');
    expect(await codeOf(get(store, 'none', { bucket: 'other' }))).toBe('NoSuchBucket');
    expect(await codeOf(put(store, 'a', '1', { bucket: 'other' }))).toBe('NoSuchBucket');
  });

  test('refuses an ACL that it cannot keep, and content where an encryption was decided but nothing was sealed', async () => {
    const store = await openWithBucket();
    expect(await codeOf(put(store, 'a', '1', { acl: 'public-read' }))).toBe('AccessControlListNotSupported');
    expect(await codeOf(put(store, 'a', '1', { encryption: { kind: 'managed', algorithm: 'AES256' } }))).toBe(
      'EncryptionNotHonoured',
    );
    expect(await codeOf(get(store, 'a'))).toBe('NoSuchKey');
  });
});

describe('ranges', () => {
  test('resolves every form within the size', async () => {
    const store = await openWithBucket();
    const data = randomBytes(600_000);
    await put(store, 'a', data);
    expect(await get(store, 'a', { range: { kind: 'from', first: 10, last: 19 } })).toEqual(data.subarray(10, 20));
    expect(await get(store, 'a', { range: { kind: 'from', first: 599_990 } })).toEqual(data.subarray(599_990));
    expect(await get(store, 'a', { range: { kind: 'from', first: 1, last: Number.MAX_SAFE_INTEGER } })).toEqual(
      data.subarray(1),
    );
    expect(await get(store, 'a', { range: { kind: 'suffix', length: 7 } })).toEqual(data.subarray(-7));
    expect(await get(store, 'a', { range: { kind: 'suffix', length: 9_000_000 } })).toEqual(data);
    const beyond = await errorOf(get(store, 'a', { range: { kind: 'from', first: 600_000 } }));
    expect([beyond.code, beyond.details['ActualObjectSize']]).toEqual(['InvalidRange', 600_000]);
    expect(await codeOf(get(store, 'a', { range: { kind: 'suffix', length: 0 } }))).toBe('InvalidRange');
    expect(await get(store, 'a', { partNumber: 1 })).toEqual(data);
    expect(await codeOf(get(store, 'a', { partNumber: 2 }))).toBe('InvalidRange');
  });
});

describe('conditions', () => {
  test('judges reads in the order of RFC 9110', async () => {
    const at = Date.UTC(2026, 0, 1, 0, 0, 0, 500);
    const store = await openWithBucket({ now: () => at });
    const { etag } = await put(store, 'a', '1');
    const read = (conditions: object) => get(store, 'a', { conditions });
    expect((await read({ ifMatch: [etag.toUpperCase()] })).toString()).toBe('1');
    expect(await codeOf(read({ ifMatch: ['x'] }))).toBe('PreconditionFailed');
    const unchanged = await errorOf(read({ ifNoneMatch: [etag] }));
    expect([unchanged.code, unchanged.details]).toEqual(['NotModified', { ETag: etag, LastModified: at }]);
    expect(await codeOf(read({ ifNoneMatch: ['*'] }))).toBe('NotModified');
    expect(await codeOf(read({ ifModifiedSince: at - 500 }))).toBe('NotModified');
    expect(await codeOf(read({ ifUnmodifiedSince: at - 1000 }))).toBe('PreconditionFailed');
    expect((await read({ ifUnmodifiedSince: at - 500 })).toString()).toBe('1');
    // If-Match outranks If-Unmodified-Since, If-None-Match outranks If-Modified-Since.
    expect((await read({ ifMatch: [etag], ifUnmodifiedSince: at - 5000 })).toString()).toBe('1');
    expect((await read({ ifNoneMatch: ['x'], ifModifiedSince: at + 5000 })).toString()).toBe('1');
  });

  test('judges writes against what is there', async () => {
    const store = await openWithBucket();
    expect(await codeOf(put(store, 'a', '1', { conditions: { ifMatch: ['x'] } }))).toBe('NoSuchKey');
    const { etag } = await put(store, 'a', '1', { conditions: { ifNoneMatch: ['*'] } });
    expect(await codeOf(put(store, 'a', '2', { conditions: { ifNoneMatch: ['*'] } }))).toBe('PreconditionFailed');
    expect(await codeOf(put(store, 'a', '2', { forbidOverwrite: true }))).toBe('FileAlreadyExists');
    expect(await codeOf(put(store, 'a', '2', { conditions: { ifMatch: ['x'] } }))).toBe('PreconditionFailed');
    await put(store, 'a', '3', { conditions: { ifMatch: [etag] } });
    expect((await get(store, 'a')).toString()).toBe('3');
  });

  test('of many that create at once exactly one wins', async () => {
    const store = await openWithBucket();
    const outcomes = await Promise.allSettled(
      Array.from({ length: 12 }, (_, at) => put(store, 'a', `${at}`, { conditions: { ifNoneMatch: ['*'] } })),
    );
    const winners = outcomes.flatMap((outcome, at) => (outcome.status === 'fulfilled' ? [at] : []));
    expect(winners).toHaveLength(1);
    expect((await get(store, 'a')).toString()).toBe(String(winners[0]));
    await expect.poll(async () => (await store.scrub()).files).toBe(1);
  });
});

describe('deleting', () => {
  test('is idempotent, and takes many at once', async () => {
    const store = await openWithBucket();
    for (const key of ['a', 'b', 'c']) await put(store, key, key);
    const result = await run(store, {
      operation: 'DeleteObjects',
      ...photos,
      quiet: false,
      objects: [{ key: 'a' }, { key: 'none' }, { key: 'b', versionId: 'x' }, { key: 'c', versionId: 'null' }],
    });
    expect(result.deleted).toEqual([{ key: 'a' }, { key: 'none' }, { key: 'c', versionId: 'null' }]);
    expect(result.errors.map(({ key, code }) => [key, code])).toEqual([['b', 'NoSuchVersion']]);
    expect((await get(store, 'b')).toString()).toBe('b');
    await expect.poll(async () => (await store.scrub()).files).toBe(1);
  });
});

describe('tags', () => {
  test('are put, read and removed', async () => {
    const store = await openWithBucket();
    await put(store, 'a', '1');
    await run(store, { operation: 'PutObjectTagging', ...photos, key: 'a', tags: { x: '1', y: '' } });
    expect((await run(store, { operation: 'GetObjectTagging', ...photos, key: 'a' })).tags).toEqual({ x: '1', y: '' });
    await run(store, { operation: 'DeleteObjectTagging', ...photos, key: 'a' });
    expect((await run(store, { operation: 'GetObjectTagging', ...photos, key: 'a' })).tags).toEqual({});
    expect(await codeOf(run(store, { operation: 'GetObjectTagging', ...photos, key: 'b' }))).toBe('NoSuchKey');
  });
});

describe('sealed objects', () => {
  test('keep record and ciphertext, and say what the record says', async () => {
    const store = await openWithBucket();
    const plain = randomBytes(300_000);
    const header = sealHeader();
    const part = sealedPart(plain);
    const seal = { ...header, parts: [part], size: plain.length, sealedMeta: 'm', mac: 'c' };
    const content = sealedContent(plain, ({ digests }) => ({ digests, etag: 'f'.repeat(32), seal }));
    const result = await put(store, 'a', '', { content });
    const kms = { kind: 'kms', key: 'orders', algorithm: 'AES256', layers: 1 };
    expect(result).toMatchObject({ etag: 'f'.repeat(32), encryption: kms });
    const answer = await run(store, { operation: 'GetObject', ...photos, key: 'a', ...WHOLE_READ });
    expect(answer).toMatchObject({ size: plain.length, encryption: kms });
    if (answer.content.kind !== 'sealed') throw new Error('not sealed');
    expect(answer.content.record).toEqual(seal);
    expect(await drain(answer.content.read(part, 3, 260_000))).toEqual(sealedBytes(plain).subarray(3, 260_001));
    expect(() => answer.content.kind === 'sealed' && answer.content.read({ ...part, attempt: 'x' }, 0, 1)).toThrow();
    await answer.content.close();
  });

  test('are rewrapped by compare and swap, and found by their key', async () => {
    const store = await openWithBucket();
    const plain = Buffer.from('hello');
    const headers = [
      sealHeader(),
      sealHeader(),
      sealHeader({ wrapped: { keyId: 'other', keyVersion: '1', blob: 'b' } }),
    ];
    for (const [at, header] of headers.entries()) {
      const seal = { ...header, parts: [sealedPart(plain)], size: 5, sealedMeta: '', mac: '' };
      await put(store, `k${at}`, '', {
        content: sealedContent(plain, ({ digests }) => ({ digests, etag: 'e', seal })),
      });
    }
    const expected = headers
      .slice(0, 2)
      .map(({ oid }) => oid)
      .sort();
    const first = await store.sealed.wrappedUnder('orders', '', 1);
    const rest = await store.sealed.wrappedUnder('orders', first[0]?.oid ?? '', 10);
    expect([...first, ...rest].map(({ oid }) => oid)).toEqual(expected);
    const [header] = first;
    if (header === undefined) throw new Error('nothing found');
    const next = { keyId: 'orders', keyVersion: '2', blob: 'n' };
    expect(await store.sealed.replaceWrappedKey(header.oid, 'not this', next)).toBe(false);
    expect(await store.sealed.replaceWrappedKey(header.oid, header.wrapped.blob, next)).toBe(true);
    expect(await store.sealed.replaceWrappedKey(header.oid, header.wrapped.blob, next)).toBe(false);
    const again = await store.sealed.wrappedUnder('orders', '', 10);
    expect(again.find(({ oid }) => oid === header.oid)?.wrapped).toEqual(next);
  });

  test('are refused when bytes and record disagree, or the seal is for another bucket', async () => {
    const store = await openWithBucket();
    const plain = Buffer.from('hello');
    const sealWith = (part: object, header: object = {}) =>
      sealedContent(plain, ({ digests }) => {
        const parts = [{ ...sealedPart(plain), ...part }];
        return { digests, etag: 'e', seal: { ...sealHeader(header), parts, size: 5, sealedMeta: '', mac: '' } };
      });
    expect(await codeOf(put(store, 'a', '', { content: sealWith({ ciphertextLength: 5 }) }))).toBe('InternalError');
    expect(await codeOf(put(store, 'a', '', { content: sealWith({ plaintextLength: 4 }) }))).toBe('InternalError');
    expect(await codeOf(put(store, 'a', '', { content: sealWith({}, { bucket: 'other' }) }))).toBe('InternalError');
    expect((await store.scrub()).files).toBe(0);
  });
});

describe('attributes', () => {
  test('a checksum is shown when asked for, and never beside a range', async () => {
    const store = await openWithBucket();
    const checksum = { algorithm: 'SHA1', value: 'abc=', type: 'FULL_OBJECT' } as const;
    const inner = plainContent([Buffer.from('hello')]);
    const content = {
      ...inner,
      finish: () => {
        const record = inner.finish();
        return { ...record, digests: { ...record.digests, checksum } };
      },
    };
    await put(store, 'a', '', { content });
    const head = (more: object) => run(store, { operation: 'HeadObject', ...photos, key: 'a', ...WHOLE_READ, ...more });
    expect((await head({ checksumMode: true })).checksum).toEqual(checksum);
    expect((await head({})).checksum).toBeUndefined();
    expect((await head({ checksumMode: true, range: { kind: 'from', first: 1 } })).checksum).toBeUndefined();
    const page = { attributes: [], maxParts: 10, partNumberMarker: 0 };
    const attributes = await run(store, { operation: 'GetObjectAttributes', ...photos, key: 'a', ...page });
    expect(attributes).toMatchObject({ checksum, size: 5 });
    expect(attributes.parts).toBeUndefined();
  });
});
