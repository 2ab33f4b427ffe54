import { createHash, randomBytes } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { openRecordMeta, proveCustomerKey } from '../../../../src/gateway/protect/open-read.ts';
import { plainContent } from '../../../../src/gateway/protect/plain-content.ts';
import { rewrapHeader } from '../../../../src/gateway/protect/rewrap.ts';
import { sealAppend, sealPut } from '../../../../src/gateway/protect/seal-write.ts';
import type { LocalKeyring } from '../../../../src/keyrings/local/keyring.ts';
import type { Encryption } from '../../../../src/model/encryption.ts';
import { GatewayError } from '../../../../src/model/errors.ts';
import { MANAGED_KEY, type Keyring } from '../../../../src/model/keyring.ts';
import type { SealRecord } from '../../../../src/model/seal.ts';
import { crc64Decimal, createDigests, type DigestName } from '../../../../src/wire/digests.ts';
import { collect, pattern } from '../../envelope/byte-streams.ts';
import {
  BINDING,
  BUCKET,
  KMS,
  MANAGED,
  bodyOf,
  customer,
  newCustomerKey,
  open,
  put,
  read,
  readFailure,
  take,
  testKeyring,
  type Sealed,
} from './sealed-objects.ts';

const PLAINTEXT = pattern(600_000);
const MD5 = createHash('md5').update(PLAINTEXT).digest('hex');

let keyring: LocalKeyring;
beforeAll(async () => {
  keyring = await testKeyring();
});

function expectIntegrityError(error: unknown): void {
  expect(error).toBeInstanceOf(GatewayError);
  expect((error as GatewayError).code).toBe('InternalError');
  expect((error as GatewayError).message).toBe('We encountered an internal error. Please try again.');
}

async function digestOf(name: DigestName, bytes: Uint8Array): Promise<Buffer> {
  const digests = await createDigests([name]);
  digests.update(bytes);
  return digests.value(name)!;
}

async function crc64Of(bytes: Uint8Array): Promise<string> {
  return crc64Decimal(await digestOf('CRC64', bytes));
}

describe('a sealed put', () => {
  const key = newCustomerKey();
  test.each<[string, Encryption]>([
    ['managed', MANAGED],
    ['kms', KMS],
    ['customer', customer(key)],
  ])('under %s reads back whole and by range', async (mode, encryption) => {
    const object = await put(keyring, PLAINTEXT, encryption);
    const options = mode === 'customer' ? { customerKey: key } : {};
    expect(object.record.mode).toBe(mode);
    expect(object.record.size).toBe(PLAINTEXT.length);
    expect((await read(keyring, object, options)).equals(PLAINTEXT)).toBe(true);
    for (const [first, last] of [
      [0, 0],
      [16_383, 16_384],
      [300_000, 599_999],
      [599_999, 599_999],
      [32_768, 49_151],
    ] as const) {
      const opened = await open(keyring, object, { ...options, range: { first, last } });
      expect(opened.length).toBe(last - first + 1);
      const bytes = await read(keyring, object, { ...options, range: { first, last } });
      expect(bytes.equals(PLAINTEXT.subarray(first, last + 1))).toBe(true);
      await opened.close();
    }
    const stored = Buffer.concat([...object.files.values()]);
    expect(stored.includes(PLAINTEXT.subarray(0, 64))).toBe(false);
    expect(stored.length).toBe(object.record.parts[0]!.ciphertextLength);
  });

  test('has the MD5 as ETag under managed keys and an opaque one else', async () => {
    expect((await put(keyring, PLAINTEXT)).done.etag).toBe(MD5);
    const [a, b] = [await put(keyring, PLAINTEXT, KMS), await put(keyring, PLAINTEXT, KMS)];
    expect(a.done.etag).toMatch(/^[0-9a-f]{32}$/);
    expect(a.done.etag).not.toBe(MD5);
    expect(a.done.etag).not.toBe(b.done.etag);
    expect((await put(keyring, PLAINTEXT, customer(key))).done.etag).not.toBe(MD5);
  });

  test.each<[string, Encryption, string]>([
    ['managed', MANAGED, MD5],
    // An opaque ETag needs no MD5, so none is taken.
    ['kms', KMS, ''],
  ])(
    'under %s never tells its digests in clear, and gives those that were taken back sealed',
    async (_, encryption, md5) => {
      const crc32 = await digestOf('CRC32', PLAINTEXT);
      const checksum = { algorithm: 'CRC32' as const, value: () => crc32.toString('base64') };
      const object = await put(keyring, PLAINTEXT, encryption, { body: { checksum } });
      for (const told of [MD5, await crc64Of(PLAINTEXT), crc32.toString('base64')])
        expect(JSON.stringify(object.record)).not.toContain(told);
      const claim = { bucket: BUCKET, binding: BINDING, customerKey: undefined, keyring };
      expect(await openRecordMeta(object.record, claim)).toEqual({
        md5,
        crc64: await crc64Of(PLAINTEXT),
        checksum: { algorithm: 'CRC32', value: crc32.toString('base64'), type: 'FULL_OBJECT' },
      });
    },
  );

  test('takes no digest that nobody asked for', async () => {
    const object = await put(keyring, PLAINTEXT, KMS, { crc64: false });
    expect(object.done.digests).toEqual({ size: PLAINTEXT.length, md5: '', crc64: '' });
    expect((await put(keyring, PLAINTEXT, MANAGED, { crc64: false })).done.digests).toEqual({
      size: PLAINTEXT.length,
      md5: MD5,
      crc64: '',
    });
  });

  test('of no bytes is authenticated like any other', async () => {
    const object = await put(keyring, Buffer.alloc(0));
    expect(await read(keyring, object)).toHaveLength(0);
    const file = Buffer.from([...object.files.values()][0]!);
    file[file.length - 1]! ^= 1;
    const altered = { ...object, files: new Map([[object.record.parts[0]!.attempt, file]]) };
    expectIntegrityError((await readFailure(keyring, altered)).error);
  });

  test('keeps the checksum that the client named, from the trailer too', async () => {
    const checksum = { algorithm: 'SHA256' as const, value: () => 'trailer-value' };
    const services = { keyring, randomBytes, keyIdOf: (alias: string) => alias };
    const content = await sealPut({
      crc64: true,
      ...services,
      body: bodyOf(PLAINTEXT, { checksum }),
      encryption: MANAGED,
      bucket: BUCKET,
      binding: BINDING,
    });
    expect((await take(content)).record.digests.checksum).toEqual({
      algorithm: 'SHA256',
      value: 'trailer-value',
      type: 'FULL_OBJECT',
    });
  });

  test('answers the same record however often it is asked, and none before the end', async () => {
    const services = { keyring, randomBytes, keyIdOf: (alias: string) => alias };
    const content = await sealPut({
      crc64: true,
      ...services,
      body: bodyOf(PLAINTEXT),
      encryption: MANAGED,
      bucket: BUCKET,
      binding: BINDING,
    });
    expect(() => content.finish()).toThrow();
    await take(content);
    expect(content.finish()).toBe(content.finish());
  });

  test("does not survive the body's own refusal", async () => {
    async function* bytes(): AsyncGenerator<Uint8Array> {
      yield PLAINTEXT;
      throw new GatewayError('BadDigest', 'no');
    }
    const services = { keyring, randomBytes, keyIdOf: (alias: string) => alias };
    const content = await sealPut({
      crc64: true,
      ...services,
      body: { bytes: bytes(), length: undefined },
      encryption: MANAGED,
      bucket: BUCKET,
      binding: BINDING,
    });
    await expect(take(content)).rejects.toMatchObject({ code: 'BadDigest' });
    expect(() => content.finish()).toThrow();
  });

  test.each<[string, Encryption]>([
    ['SM4', { kind: 'managed', algorithm: 'SM4' }],
    ['two layers', { ...KMS, layers: 2 } as Encryption],
    ['SM4 under kms', { ...KMS, algorithm: 'SM4' } as Encryption],
    ['none', { kind: 'none' }],
  ])('refuses what an envelope is not: %s', async (_name, encryption) => {
    await expect(put(keyring, PLAINTEXT, encryption)).rejects.toMatchObject({ code: 'NotImplemented' });
  });

  test('under an unknown or disabled key never happens', async () => {
    const other = { ...KMS, key: 'missing' } as Encryption;
    await expect(put(keyring, PLAINTEXT, other)).rejects.toMatchObject({ code: 'KMS.NotFoundException' });
    const ring = await testKeyring();
    const object = await put(ring, PLAINTEXT, KMS);
    await ring.disable('orders');
    await expect(put(ring, PLAINTEXT, KMS)).rejects.toMatchObject({ code: 'KMS.DisabledException' });
    await expect(open(ring, object)).rejects.toMatchObject({ code: 'KMS.DisabledException' });
  });
});

describe("a customer's key", () => {
  const key = newCustomerKey();
  const wrong = newCustomerKey();

  test('missing, wrong and unasked for have the answers of AWS', async () => {
    const object = await put(keyring, PLAINTEXT, customer(key));
    const plain = await put(keyring, PLAINTEXT);
    for (const attempt of [() => open(keyring, object), async () => proveCustomerKey(object.record, BUCKET, undefined)])
      await expect(attempt()).rejects.toMatchObject({ code: 'InvalidRequest' });
    for (const attempt of [
      () => open(keyring, object, { customerKey: wrong }),
      async () => proveCustomerKey(object.record, BUCKET, wrong),
    ])
      await expect(attempt()).rejects.toMatchObject({ code: 'AccessDenied' });
    for (const attempt of [
      () => open(keyring, plain, { customerKey: key }),
      async () => proveCustomerKey(plain.record, BUCKET, key),
    ])
      await expect(attempt()).rejects.toMatchObject({ code: 'InvalidRequest' });
    expect(() => proveCustomerKey(object.record, BUCKET, key)).not.toThrow();
  });

  test('with the right MD5 beside the wrong key opens nothing', async () => {
    const object = await put(keyring, PLAINTEXT, customer(key));
    const forged = { ...wrong, md5: key.md5 };
    expectIntegrityError((await readFailure(keyring, object, { customerKey: forged })).error);
    expect(() => proveCustomerKey(object.record, BUCKET, forged)).toThrow(GatewayError);
  });

  test('is not in the record', async () => {
    const object = await put(keyring, PLAINTEXT, customer(key));
    const raw = Buffer.from(key.key.reveal());
    const text = JSON.stringify(object.record);
    expect(text).not.toContain(raw.toString('base64'));
    expect(text).not.toContain(raw.toString('hex'));
  });

  test('used twice for one object gives other nonces', async () => {
    const [a, b] = [await put(keyring, PLAINTEXT, customer(key)), await put(keyring, PLAINTEXT, customer(key))];
    expect(a.record.parts[0]!.salt).not.toBe(b.record.parts[0]!.salt);
    expect(a.record.wrapped.blob).not.toBe(b.record.wrapped.blob);
  });
});

type Field = [string, (record: SealRecord) => unknown];
const ALTERED: readonly Field[] = [
  ['format', (record) => ({ ...record, format: 'bucketseal/v0' })],
  ['oid', (record) => ({ ...record, oid: '00'.repeat(16) })],
  ['malformed oid', (record) => ({ ...record, oid: '../../etc' })],
  ['bucket', (record) => ({ ...record, bucket: 'other' })],
  ['upload id', (record) => ({ ...record, uploadId: 'x' })],
  ['mode', (record) => ({ ...record, mode: 'kms' })],
  ['key alias', (record) => ({ ...record, keyAlias: 'public' })],
  ['customer key MD5', (record) => ({ ...record, customerKeyMd5: 'x' })],
  ['size', (record) => ({ ...record, size: record.size - 1 })],
  ['sealed digests', (record) => ({ ...record, sealedMeta: `${record.sealedMeta}A` })],
  ['MAC', (record) => ({ ...record, mac: Buffer.alloc(32).toString('base64') })],
  ['short MAC', (record) => ({ ...record, mac: record.mac.slice(0, 8) })],
  ['no MAC', (record) => ({ ...record, mac: '' })],
  [
    'wrapped key',
    (record) => ({ ...record, wrapped: { ...record.wrapped, blob: Buffer.alloc(144).toString('base64') } }),
  ],
  ['empty wrapped key', (record) => ({ ...record, wrapped: { ...record.wrapped, blob: '' } })],
  ['key version', (record) => ({ ...record, wrapped: { ...record.wrapped, keyVersion: '99' } })],
  ['no parts', (record) => ({ ...record, parts: [] })],
  ['part dropped', (record) => ({ ...record, parts: record.parts.slice(1) })],
  ['part doubled', (record) => ({ ...record, parts: [...record.parts, ...record.parts] })],
  ['parts reordered', (record) => ({ ...record, parts: record.parts.toReversed() })],
  ...(['number', 'attempt', 'plaintextLength', 'ciphertextLength', 'salt', 'commitment'] as const).map(
    (name): Field => [
      `part ${name}`,
      (record) => {
        const [first, ...rest] = record.parts;
        const value = first![name];
        return {
          ...record,
          parts: [{ ...first, [name]: typeof value === 'number' ? value + 1 : `A${value.slice(1)}x` }, ...rest],
        };
      },
    ],
  ),
];

describe('an altered record is refused before a byte leaves', () => {
  test.each(ALTERED)('%s', async (_name, alter) => {
    const first = await put(keyring, pattern(20_000));
    const appended = await take(
      await sealAppend({
        record: first.record,
        body: bodyOf(pattern(500)),
        bucket: BUCKET,
        binding: BINDING,
        customerKey: undefined,
        keyring,
        randomBytes,
      }),
    );
    const record = appended.record.seal!;
    const files = new Map([...first.files, [record.parts[1]!.attempt, appended.bytes]]);
    expect((await read(keyring, { record, files })).length).toBe(20_500);
    const failed = await readFailure(keyring, { record: alter(record) as SealRecord, files });
    expect(failed.early).toBe(true);
    expect(failed.bytes.length).toBe(0);
    expectIntegrityError(failed.error);
  });

  test.each([
    ['key', { ...BINDING, key: 'invoices/2' }],
    ['content type', { ...BINDING, metadata: { ...BINDING.metadata, contentType: 'text/html' } }],
    ['user metadata', { ...BINDING, metadata: { ...BINDING.metadata, user: { owner: 'b' } } }],
    [
      'a header passed off as user metadata',
      { ...BINDING, metadata: { user: { owner: 'a', contentType: 'text/plain' } } },
    ],
  ])('the same record under another %s', async (_name, binding) => {
    const object = await put(keyring, PLAINTEXT);
    expectIntegrityError((await readFailure(keyring, object, { binding })).error);
  });
});

describe('objects cannot be exchanged', () => {
  async function pair(encryption: Encryption): Promise<readonly [Sealed, Sealed]> {
    const other = { ...BINDING, key: 'invoices/2' };
    return [await put(keyring, PLAINTEXT, encryption), await put(keyring, PLAINTEXT, encryption, { binding: other })];
  }
  const key = newCustomerKey();

  test.each<[string, Encryption]>([
    ['managed', MANAGED],
    ['customer', customer(key)],
  ])('under %s: data, records, or both', async (mode, encryption) => {
    const [a, b] = await pair(encryption);
    const options = mode === 'customer' ? { customerKey: key } : {};
    const aAttempt = a.record.parts[0]!.attempt;
    const bytesOfB = b.files.get(b.record.parts[0]!.attempt)!;
    const swaps: readonly Sealed[] = [
      { record: a.record, files: new Map([[aAttempt, bytesOfB]]) },
      {
        record: b.record,
        files: a.files.size > 0 ? new Map([[b.record.parts[0]!.attempt, a.files.get(aAttempt)!]]) : a.files,
      },
      b,
      { record: { ...a.record, wrapped: b.record.wrapped }, files: a.files },
      { record: { ...b.record, oid: a.record.oid, wrapped: a.record.wrapped }, files: b.files },
    ];
    for (const swapped of swaps) expectIntegrityError((await readFailure(keyring, swapped, options)).error);
    expect((await read(keyring, a, options)).equals(PLAINTEXT)).toBe(true);
  });

  test('between buckets', async () => {
    const object = await put(keyring, PLAINTEXT, MANAGED, { bucket: 'other-bucket' });
    expectIntegrityError((await readFailure(keyring, object)).error);
    expectIntegrityError(
      (await readFailure(keyring, { ...object, record: { ...object.record, bucket: BUCKET } })).error,
    );
    expect((await read(keyring, object, { bucket: 'other-bucket' })).equals(PLAINTEXT)).toBe(true);
  });
});

describe('a keyring that answers nonsense', () => {
  test.each([0, 16, 31, 33, 64])('a data key of %i bytes is an error', async (length) => {
    const object = await put(keyring, PLAINTEXT);
    const faulty: Keyring = { ...keyring, unwrap: () => Promise.resolve(new Uint8Array(length)) };
    const { error } = await readFailure(faulty, object);
    expectIntegrityError(error);
    // The length itself is judged, not what a padded key would lead to.
    expect(String((error as GatewayError).cause)).toContain(`a data key of ${length} bytes`);
  });

  test('the key of another object is an error', async () => {
    const object = await put(keyring, PLAINTEXT);
    const faulty: Keyring = { ...keyring, unwrap: () => Promise.resolve(randomBytes(32)) };
    expectIntegrityError((await readFailure(faulty, object)).error);
  });
});

describe('a read', () => {
  test('of corrupt first bytes fails before it resolves, of later ones in the stream, and closes either way', async () => {
    const object = await put(keyring, PLAINTEXT);
    const attempt = object.record.parts[0]!.attempt;
    const corrupt = (at: number): Sealed => {
      const file = Buffer.from(object.files.get(attempt)!);
      file[at]! ^= 1;
      return { record: object.record, files: new Map([[attempt, file]]) };
    };
    expect((await readFailure(keyring, corrupt(100))).early).toBe(true);
    const late = await readFailure(keyring, corrupt(590_000));
    expect(late.early).toBe(false);
    expectIntegrityError(late.error);
    expect(late.bytes.length).toBeLessThan(590_000);
    expect(late.bytes.equals(PLAINTEXT.subarray(0, late.bytes.length))).toBe(true);
    const opened = await open(keyring, corrupt(590_000));
    await expect(collect(opened.bytes)).rejects.toBeInstanceOf(GatewayError);
    expect(opened.closed()).toBeGreaterThan(0);
  });

  test.each([
    ['whole', undefined, 16_384],
    ['to the end', { first: 20_000, last: 32_767 }, 0],
  ])('%s answers the last byte only once everything behind it has proven itself', async (_name, range, before) => {
    const object = await put(keyring, pattern(32_768));
    const [[attempt, bytes] = ['', Buffer.alloc(0)]] = object.files;
    const forged = Buffer.from(bytes);
    forged[forged.length - 1]! ^= 1;
    const altered = { ...object, files: new Map([[attempt, forged]]) };
    const failure = await readFailure(keyring, altered, range === undefined ? {} : { range });
    expectIntegrityError(failure.error);
    expect(failure.bytes.equals(pattern(32_768).subarray(0, before))).toBe(true);
    const short = await read(keyring, altered, { range: { first: 0, last: 32_766 } });
    expect(short.equals(pattern(32_767).subarray(0, 32_767))).toBe(true);
  });

  test('of an object that ends in an empty part authenticates that part before any byte leaves', async () => {
    const first = await put(keyring, pattern(1000));
    const append = await take(
      await sealAppend({
        record: first.record,
        body: bodyOf(Buffer.alloc(0)),
        bucket: BUCKET,
        binding: BINDING,
        customerKey: undefined,
        keyring,
        randomBytes,
      }),
    );
    const record = append.record.seal!;
    const attempt = record.parts[1]!.attempt;
    const whole = { record, files: new Map([...first.files, [attempt, append.bytes]]) };
    expect((await read(keyring, whole)).equals(pattern(1000))).toBe(true);
    const forged = Buffer.from(append.bytes);
    forged[forged.length - 1]! ^= 1;
    const failure = await readFailure(keyring, { record, files: new Map([...first.files, [attempt, forged]]) });
    expectIntegrityError(failure.error);
    expect(failure.bytes).toHaveLength(0);
  });

  test('closes at its end, when left early and when never begun', async () => {
    const object = await put(keyring, PLAINTEXT);
    const whole = await open(keyring, object);
    await collect(whole.bytes);
    expect(whole.closed()).toBe(1);
    const left = await open(keyring, object);
    for await (const block of left.bytes) {
      expect(block.length).toBeGreaterThan(0);
      break;
    }
    expect(left.closed()).toBe(1);
    const unread = await open(keyring, object);
    await unread.bytes[Symbol.asyncIterator]().return?.();
    expect(unread.closed()).toBe(1);
  });

  test.each([
    [0, 600_000],
    [-1, 5],
    [5, 4],
    [600_000, 600_001],
  ])('of the range %i-%i is refused', async (first, last) => {
    const object = await put(keyring, PLAINTEXT);
    expect((await readFailure(keyring, object, { range: { first, last } })).error).toMatchObject({
      code: 'InvalidRange',
    });
  });
});

describe('an append', () => {
  const append = async (object: Sealed, bytes: Uint8Array) => {
    const done = await take(
      await sealAppend({
        record: object.record,
        body: bodyOf(bytes),
        bucket: BUCKET,
        binding: BINDING,
        customerKey: undefined,
        keyring,
        randomBytes,
      }),
    );
    const record = done.record.seal!;
    return { record, files: new Map([...object.files, [record.parts.at(-1)!.attempt, done.bytes]]), done: done.record };
  };

  test('reads as one object, with the CRC of the whole and another ETag each time', async () => {
    const pieces = [pattern(16_384), pattern(1), Buffer.alloc(0), pattern(70_000)];
    let object = await put(keyring, pieces[0]!, KMS);
    const etags = new Set([object.done.etag]);
    for (const piece of pieces.slice(1)) {
      object = await append(object, piece);
      etags.add(object.done.etag);
    }
    const whole = Buffer.concat(pieces);
    expect(etags.size).toBe(4);
    expect(object.record.size).toBe(whole.length);
    expect((await read(keyring, object)).equals(whole)).toBe(true);
    expect(
      (await read(keyring, object, { range: { first: 16_380, last: 16_390 } })).equals(whole.subarray(16_380, 16_391)),
    ).toBe(true);
    const meta = await openRecordMeta(object.record, {
      bucket: BUCKET,
      binding: BINDING,
      customerKey: undefined,
      keyring,
    });
    expect(meta).toEqual({ crc64: await crc64Of(whole) });
  });

  test('onto an altered record is refused', async () => {
    const object = await put(keyring, PLAINTEXT);
    await expect(append({ ...object, record: { ...object.record, size: 1 } }, PLAINTEXT)).rejects.toMatchObject({
      code: 'InternalError',
    });
  });
});

describe('a rewrap', () => {
  test('moves the data key to the current version and leaves data and MAC alone', async () => {
    const ring = await testKeyring();
    const object = await put(ring, PLAINTEXT, KMS);
    expect(await rewrapHeader(object.record, ring)).toEqual([]);
    expect(await ring.rotate('orders')).toBe('2');
    const [swap] = await rewrapHeader(object.record, ring);
    const wrapped = swap!.next;
    expect(swap!.expectedBlob).toBe(object.record.wrapped.blob);
    expect(wrapped.keyVersion).toBe('2');
    expect(wrapped.blob).not.toBe(object.record.wrapped.blob);
    expect((await read(ring, { ...object, record: { ...object.record, wrapped } })).equals(PLAINTEXT)).toBe(true);
    expect((await read(ring, object)).equals(PLAINTEXT)).toBe(true);
  });

  test('leaves alone what lies under a customer key', async () => {
    const ring = await testKeyring();
    const object = await put(ring, PLAINTEXT, customer(newCustomerKey()));
    await ring.rotate(MANAGED_KEY);
    expect(await rewrapHeader(object.record, ring)).toEqual([]);
  });
});

describe('content that is not sealed', () => {
  test('passes unchanged with the digests that the embedded store and the client need', async () => {
    const { bytes, record } = await take(
      await plainContent(bodyOf(PLAINTEXT), { embedded: true, crc64: true, checksum: 'CRC64NVME' }),
    );
    expect(bytes.equals(PLAINTEXT)).toBe(true);
    expect(record).toEqual({
      etag: MD5,
      digests: {
        size: PLAINTEXT.length,
        md5: MD5,
        crc64: await crc64Of(PLAINTEXT),
        checksum: {
          algorithm: 'CRC64NVME',
          value: (await digestOf('CRC64NVME', PLAINTEXT)).toString('base64'),
          type: 'FULL_OBJECT',
        },
      },
    });
  });

  test('carries no checksum and no CRC64 that nobody named', async () => {
    const { record } = await take(await plainContent(bodyOf(PLAINTEXT), { embedded: true, crc64: false }));
    expect(record).toEqual({ etag: MD5, digests: { size: PLAINTEXT.length, md5: MD5, crc64: '' } });
  });

  test('takes only what is asked for a remote store', async () => {
    const { record } = await take(await plainContent(bodyOf(PLAINTEXT), { embedded: false, crc64: true }));
    expect(record).toEqual({ etag: '', digests: { size: PLAINTEXT.length, md5: '', crc64: await crc64Of(PLAINTEXT) } });
  });

  test('trusts the Content-MD5 that the body itself verifies', async () => {
    const md5 = Buffer.from(MD5, 'hex').toString('base64');
    const { record } = await take(await plainContent(bodyOf(PLAINTEXT, { md5 }), { embedded: true, crc64: false }));
    expect(record.etag).toBe(MD5);
  });
});
