import { createHash, randomBytes } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { beginSealedUpload, completeSealed, sealPart } from '../../../../src/gateway/protect/seal-upload.ts';
import { rewrapHeader } from '../../../../src/gateway/protect/rewrap.ts';
import type { LocalKeyring } from '../../../../src/keyrings/local/keyring.ts';
import type { StoredPart } from '../../../../src/model/backend.ts';
import type { ChecksumAlgorithm, ChecksumType, UploadChecksum } from '../../../../src/model/body.ts';
import type { CustomerKey, Encryption } from '../../../../src/model/encryption.ts';
import { GatewayError } from '../../../../src/model/errors.ts';
import { MANAGED_KEY } from '../../../../src/model/keyring.ts';
import type { SealHeader, SealRecord } from '../../../../src/model/seal.ts';
import { crc64Decimal, createDigests, type DigestName } from '../../../../src/wire/digests.ts';
import { pattern } from '../../envelope/byte-streams.ts';
import {
  BINDING,
  BUCKET,
  KMS,
  MANAGED,
  bodyOf,
  customer,
  newCustomerKey,
  read,
  readFailure,
  storedPart,
  take,
  testKeyring,
} from './sealed-objects.ts';

let keyring: LocalKeyring;
beforeAll(async () => {
  keyring = await testKeyring();
});

const begin = (encryption: Encryption): Promise<SealHeader> =>
  beginSealedUpload({ encryption, bucket: BUCKET, keyring, keyIdOf: (alias) => alias, randomBytes });

interface Uploaded {
  readonly stored: StoredPart;
  readonly bytes: Buffer;
}

async function upload(
  header: SealHeader,
  partNumber: number,
  bytes: Uint8Array,
  options: { readonly customerKey?: CustomerKey; readonly checksumAlgorithm?: ChecksumAlgorithm } = {},
): Promise<Uploaded> {
  const { customerKey, ...rest } = options;
  const content = await sealPart({
    crc64: true,
    header,
    body: bodyOf(bytes),
    bucket: BUCKET,
    partNumber,
    customerKey,
    keyring,
    randomBytes,
    ...rest,
  });
  const done = await take(content);
  return { stored: storedPart(done.record), bytes: done.bytes };
}

function complete(
  header: SealHeader,
  parts: readonly StoredPart[],
  checksum: UploadChecksum = {},
  customerKey?: CustomerKey,
) {
  return completeSealed({
    header,
    parts,
    bucket: BUCKET,
    binding: BINDING,
    checksum,
    customerKey,
    keyring,
    randomBytes,
  });
}

function files(parts: readonly Uploaded[]): ReadonlyMap<string, Buffer> {
  return new Map(parts.map(({ stored, bytes }) => [stored.sealed!.attempt, bytes]));
}

async function digest(name: DigestName, ...chunks: readonly Uint8Array[]): Promise<Buffer> {
  const digests = await createDigests([name]);
  for (const chunk of chunks) digests.update(chunk);
  return digests.value(name)!;
}

const PIECES = [pattern(100_000), pattern(16_384), pattern(7), pattern(50_001)];
const WHOLE = Buffer.concat(PIECES);

describe('a sealed upload', () => {
  test.each<[string, Encryption]>([
    ['managed', MANAGED],
    ['kms', KMS],
  ])('under %s reads as one object, parts in any order and with gaps', async (mode, encryption) => {
    const header = await begin(encryption);
    const numbers = [2, 5, 7, 10_000];
    const uploaded = new Map<number, Uploaded>();
    for (const index of [3, 0, 2, 1]) uploaded.set(index, await upload(header, numbers[index]!, PIECES[index]!));
    const parts = [0, 1, 2, 3].map((index) => uploaded.get(index)!);
    const done = await complete(
      header,
      parts.map(({ stored }) => stored),
    );
    expect(done.crc64).toBe(crc64Decimal(await digest('CRC64', WHOLE)));
    // Nobody named an algorithm.
    expect(done.checksum).toBeUndefined();
    const md5s = PIECES.map((piece) => createHash('md5').update(piece).digest());
    const s3Etag = `${createHash('md5').update(Buffer.concat(md5s)).digest('hex')}-4`;
    if (mode === 'managed') expect(done.etag).toBe(s3Etag);
    else expect(done.etag).not.toBe(s3Etag);
    expect(done.etag).toMatch(/^[0-9a-f]{32}-4$/);
    const object = { record: done.record, files: files(parts) };
    expect((await read(keyring, object)).equals(WHOLE)).toBe(true);
    for (const [first, last] of [
      [99_999, 100_000],
      [116_383, 116_391],
      [0, WHOLE.length - 1],
      [WHOLE.length - 1, WHOLE.length - 1],
    ] as const)
      expect((await read(keyring, object, { range: { first, last } })).equals(WHOLE.subarray(first, last + 1))).toBe(
        true,
      );
  });

  test.each<[ChecksumAlgorithm, ChecksumType | undefined, ChecksumType]>([
    ['SHA256', undefined, 'COMPOSITE'],
    ['SHA1', 'COMPOSITE', 'COMPOSITE'],
    ['CRC32', undefined, 'COMPOSITE'],
    ['CRC32', 'FULL_OBJECT', 'FULL_OBJECT'],
    ['CRC32C', 'FULL_OBJECT', 'FULL_OBJECT'],
    ['CRC64NVME', undefined, 'FULL_OBJECT'],
  ])('created with %s %s ends with a %s checksum', async (algorithm, asked, type) => {
    const header = await begin(MANAGED);
    const parts: StoredPart[] = [];
    for (const [index, piece] of PIECES.entries())
      parts.push((await upload(header, index + 1, piece, { checksumAlgorithm: algorithm })).stored);
    const { checksum } = await complete(
      header,
      parts,
      asked === undefined ? { algorithm } : { algorithm, type: asked },
    );
    const composite = await Promise.all(PIECES.map((piece) => digest(algorithm, piece)));
    const value =
      type === 'FULL_OBJECT'
        ? (await digest(algorithm, WHOLE)).toString('base64')
        : `${(await digest(algorithm, ...composite)).toString('base64')}-4`;
    expect(checksum).toEqual({ algorithm, type, value });
  });

  test('created with no algorithm ends with the full-object checksum that all its parts carry', async () => {
    for (const algorithm of ['CRC32', 'CRC64NVME'] as const) {
      const header = await begin(KMS);
      const parts: StoredPart[] = [];
      for (const [index, piece] of PIECES.entries())
        parts.push((await upload(header, index + 1, piece, { checksumAlgorithm: algorithm })).stored);
      const value = (await digest(algorithm, WHOLE)).toString('base64');
      expect((await complete(header, parts)).checksum).toEqual({ algorithm, type: 'FULL_OBJECT', value });
    }
    const header = await begin(KMS);
    const { stored } = await upload(header, 1, PIECES[0]!, { checksumAlgorithm: 'SHA256' });
    expect((await complete(header, [stored])).checksum).toBeUndefined();
  });

  test('claims no checksum that its parts do not carry', async () => {
    const header = await begin(MANAGED);
    const { stored } = await upload(header, 1, PIECES[0]!);
    expect((await complete(header, [stored], { algorithm: 'SHA256' })).checksum).toBeUndefined();
  });

  test('takes a part again under another salt; only the MD5 of managed keys shows that the bytes are equal', async () => {
    for (const encryption of [MANAGED, KMS]) {
      const header = await begin(encryption);
      const [one, two, other] = [
        await upload(header, 1, PIECES[0]!),
        await upload(header, 1, PIECES[0]!),
        await upload(header, 1, PIECES[1]!),
      ];
      const salts = [one, two, other].map(({ stored }) => stored.sealed!.salt);
      expect(new Set(salts).size).toBe(3);
      expect(one.bytes.subarray(0, 24).toString('base64')).toBe(salts[0]);
      expect(one.bytes.subarray(56, 1000).equals(two.bytes.subarray(56, 1000))).toBe(false);
      if (encryption === MANAGED) expect(two.stored.etag).toBe(one.stored.etag);
      else expect(two.stored.etag).not.toBe(one.stored.etag);
      expect(other.stored.etag).not.toBe(one.stored.etag);
    }
  });

  test('has opaque part ETags under kms', async () => {
    const { stored } = await upload(await begin(KMS), 1, PIECES[0]!);
    expect(stored.etag).toMatch(/^[0-9a-f]{32}$/);
    expect(stored.etag).not.toBe(createHash('md5').update(PIECES[0]!).digest('hex'));
    expect(stored.md5).toBe('');
  });
});

describe('an attempt in a wrong place', () => {
  test('an old attempt, another part, another upload: nothing opens', async () => {
    const header = await begin(MANAGED);
    const foreign = await begin(MANAGED);
    const [old, first, second] = [
      await upload(header, 1, PIECES[0]!),
      await upload(header, 1, pattern(100_000).reverse()),
      await upload(header, 2, PIECES[0]!),
    ];
    const stranger = await upload(foreign, 1, PIECES[0]!);
    const { record } = await complete(header, [first.stored, second.stored]);
    const at = (one: Buffer, two: Buffer) =>
      new Map([
        [first.stored.sealed!.attempt, one],
        [second.stored.sealed!.attempt, two],
      ]);
    expect((await read(keyring, { record, files: at(first.bytes, second.bytes) })).length).toBe(200_000);
    for (const [one, two] of [
      [old.bytes, second.bytes],
      [second.bytes, first.bytes],
      [stranger.bytes, second.bytes],
      [first.bytes, stranger.bytes],
    ] as const) {
      const { error, bytes } = await readFailure(keyring, { record, files: at(one, two) });
      expect(error).toMatchObject({ code: 'InternalError' });
      expect(bytes.length).toBeLessThanOrEqual(100_000);
    }
    const splice = (part: Uploaded): SealRecord => ({ ...record, parts: [part.stored.sealed!, record.parts[1]!] });
    for (const part of [old, stranger]) {
      const spliced = { record: splice(part), files: files([part, second]) };
      expect((await readFailure(keyring, spliced)).early).toBe(true);
    }
  });

  test('a part that is not sealed as listed, or out of order, is not bound', async () => {
    const header = await begin(MANAGED);
    const [one, two] = [(await upload(header, 1, PIECES[0]!)).stored, (await upload(header, 2, PIECES[1]!)).stored];
    await expect(complete(header, [two, one])).rejects.toMatchObject({ code: 'InvalidPartOrder' });
    await expect(complete(header, [one, one])).rejects.toMatchObject({ code: 'InvalidPartOrder' });
    await expect(complete(header, [{ ...one, sealed: undefined }])).rejects.toMatchObject({ code: 'InternalError' });
    await expect(complete(header, [{ ...one, size: 1 }])).rejects.toMatchObject({ code: 'InternalError' });
    await expect(complete(header, [{ ...two, partNumber: 3 }])).rejects.toMatchObject({ code: 'InternalError' });
    await expect(complete({ ...header, bucket: 'other' }, [one])).rejects.toMatchObject({ code: 'InternalError' });
  });
});

describe('a header that a store altered', () => {
  test('takes no part: another format, another mode, a malformed id', async () => {
    const header = await begin(MANAGED);
    const altered = [
      { ...header, format: 'bucketseal/v2' } as unknown as SealHeader,
      { ...header, oid: '../x' },
      { ...header, oid: 'ab'.repeat(16) },
      { ...header, wrapped: { ...header.wrapped, keyVersion: '2' } },
    ];
    for (const other of altered)
      await expect(upload(other, 1, PIECES[0]!)).rejects.toMatchObject({ code: 'InternalError' });
    await expect(upload({ ...header, bucket: 'other' }, 1, PIECES[0]!)).rejects.toMatchObject({
      code: 'InternalError',
    });
    await expect(upload(header, 1, PIECES[0]!)).resolves.toBeDefined();
  });
});

describe("an upload under a customer's key", () => {
  const key = newCustomerKey();

  test('completes without the key, and reads only with it', async () => {
    const header = await begin(customer(key));
    const parts = [
      await upload(header, 1, PIECES[0]!, { customerKey: key }),
      await upload(header, 2, PIECES[1]!, { customerKey: key }),
    ];
    const stored = parts.map(({ stored: part }) => part);
    const done = await complete(header, stored);
    expect(done.record.wrappedManifestKeys).toBeUndefined();
    expect(done.record.customerKeyMd5).toBe(key.md5);
    const object = { record: done.record, files: files(parts) };
    expect((await read(keyring, object, { customerKey: key })).equals(Buffer.concat(PIECES.slice(0, 2)))).toBe(true);
    expect((await readFailure(keyring, object)).error).toMatchObject({ code: 'InvalidRequest' });
    expect((await complete(header, stored, undefined, key)).etag).toBe(done.etag);
  });

  test('refuses parts and completions without it, with another, or with one where none was asked', async () => {
    const header = await begin(customer(key));
    const other = newCustomerKey();
    const { stored } = await upload(header, 1, PIECES[0]!, { customerKey: key });
    const missing =
      'The multipart upload initiate requested encryption. Subsequent part requests must include the appropriate encryption parameters.';
    const different = 'The provided encryption parameters did not match the ones used originally.';
    await expect(upload(header, 1, PIECES[0]!)).rejects.toMatchObject({ code: 'InvalidRequest', message: missing });
    await expect(upload(header, 1, PIECES[0]!, { customerKey: other })).rejects.toMatchObject({
      code: 'InvalidRequest',
      message: different,
    });
    await expect(upload(await begin(MANAGED), 1, PIECES[0]!, { customerKey: key })).rejects.toMatchObject({
      message: missing,
    });
    await expect(complete(header, [stored], undefined, other)).rejects.toMatchObject({ message: different });
  });

  test('outlives a rotation of the managed key, with its manifest keys rewrapped', async () => {
    const ring = await testKeyring();
    const header = await beginSealedUpload({
      encryption: customer(key),
      bucket: BUCKET,
      keyring: ring,
      keyIdOf: (alias) => alias,
      randomBytes,
    });
    await ring.rotate(MANAGED_KEY);
    const swaps = await rewrapHeader(header, ring);
    expect(swaps.map(({ expectedBlob }) => expectedBlob)).toEqual([header.wrappedManifestKeys!.blob]);
    const { stored } = await upload(header, 1, PIECES[0]!, { customerKey: key });
    const rewrapped = { ...header, wrappedManifestKeys: swaps[0]!.next };
    const done = await completeSealed({
      header: rewrapped,
      parts: [stored],
      bucket: BUCKET,
      binding: BINDING,
      checksum: {},
      customerKey: undefined,
      keyring: ring,
      randomBytes,
    });
    expect(done.etag).toMatch(/-1$/);
  });

  test('cannot complete with manifest keys of another upload or none', async () => {
    const [header, foreign] = [await begin(customer(key)), await begin(customer(key))];
    const { stored } = await upload(header, 1, PIECES[0]!, { customerKey: key });
    const { wrappedManifestKeys, ...without } = header;
    expect(wrappedManifestKeys).toBeDefined();
    for (const altered of [
      without,
      { ...header, wrappedManifestKeys: foreign.wrappedManifestKeys! },
      { ...header, wrappedManifestKeys: header.wrapped },
    ])
      await expect(complete(altered, [stored])).rejects.toBeInstanceOf(GatewayError);
  });
});
