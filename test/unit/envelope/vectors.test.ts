import { createHash, createSecretKey } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { manifestKeysOf, wrapContext, wrapFields } from '../../../src/envelope/data-key.ts';
import { signManifest, verifyManifest } from '../../../src/envelope/manifest.ts';
import { derivePartKey, segmentNonce } from '../../../src/envelope/part-key.ts';
import { sealedLength, plaintextLength } from '../../../src/envelope/sizes.ts';
import { openStream, sealStream } from '../../../src/envelope/stream.ts';
import { unwrapKey, wrapKey, type WrapBinding } from '../../../src/envelope/wrap.ts';
import { GatewayError } from '../../../src/model/errors.ts';
import type { SealRecord } from '../../../src/model/seal.ts';
import vectors from '../../vectors/envelope/envelope.json' with { type: 'json' };
import { chunked, collect, pattern } from './byte-streams.ts';

const dataKey = Buffer.from(vectors.dataKey, 'hex');
const salt = Buffer.from(vectors.salt, 'hex');
const part = derivePartKey(dataKey, salt, Buffer.from('ctx'));

describe('the published vectors', () => {
  test('key, base nonce and commitment', () => {
    expect(part.key.export().toString('hex')).toBe('19f911fe87afd05e512bbd4b164adc71e60fb9c588faf5bfbb730a3006d5cc98');
    expect(Buffer.from(part.baseNonce).toString('hex')).toBe('8c5d24bec3120de6989af776');
    expect(Buffer.from(part.commitment).toString('hex')).toBe(
      '56baa193a096234d6064150bbcb79745c5b52c318f7e4984621146cf6e060c81',
    );
  });

  test('the empty plaintext and a short one', async () => {
    const empty = await collect(sealStream(part, chunked(Buffer.alloc(0))));
    const hello = await collect(sealStream(part, chunked(Buffer.from('hello'))));
    expect(empty.subarray(56).toString('hex')).toBe('c729eed82f2e016222dd516168f44c53');
    expect(hello.subarray(56).toString('hex')).toBe('ca13c03484ed69899efbbd23f1172f7b67a047b4fa');
  });

  test('three segments', async () => {
    const sealed = await collect(sealStream(part, chunked(Buffer.alloc(32_773, 7), [1000])));
    expect(sealed.length).toBe(32_877);
    expect(createHash('sha256').update(sealed).digest('hex')).toBe(
      'abdd985e7485e2ffa40eacd0021504af8710c6d595658405435ed93a39714cbc',
    );
  });
});

describe('segment nonces', () => {
  const base = Buffer.from('8c5d24bec3120de6989af776', 'hex');
  const nonce = (index: number) => segmentNonce(base, index, Buffer.alloc(12)).toString('hex');

  test('are base XOR the 96-bit big-endian index, beyond 32 bits too', () => {
    for (const index of [0, 1, 255, 256, 65_535, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 1, 2 ** 38 - 1]) {
      const expected = BigInt(`0x${base.toString('hex')}`) ^ BigInt(index);
      expect(nonce(index)).toBe(expected.toString(16).padStart(24, '0'));
    }
  });

  test('end at 2^38', () => {
    expect(() => nonce(2 ** 38)).toThrow(GatewayError);
  });
});

describe('vectors of an independent implementation', () => {
  test.each(vectors.streams)('seals and opens $length bytes under $context', async (vector) => {
    const key = derivePartKey(dataKey, salt, Buffer.from(vector.context, 'hex'));
    const plaintext = pattern(vector.length);
    const sealed = await collect(sealStream(key, chunked(plaintext, [7000, 1, 40_000])));
    expect(sealed.length).toBe(vector.sealedLength);
    expect(sealedLength(vector.length)).toBe(vector.sealedLength);
    expect(plaintextLength(vector.sealedLength)).toBe(vector.length);
    expect(createHash('sha256').update(sealed).digest('hex')).toBe(vector.sha256);
    const run = {
      first: 0,
      last: Math.floor(vector.length / 16_384),
      plaintextLength: vector.length,
      prefixed: true,
    };
    expect((await collect(openStream(key, run, chunked(sealed, [100_000])))).equals(plaintext)).toBe(true);
  });

  test.each(vectors.wraps)('wraps and unwraps under $label', (vector) => {
    const binding = { label: vector.label, fields: vector.fields } as WrapBinding;
    const master = Buffer.from(vectors.master, 'hex');
    const fixedSalt = Buffer.from(vector.blob.slice(0, 64), 'hex');
    expect(wrapKey(master, binding, dataKey, () => fixedSalt).toString('hex')).toBe(vector.blob);
    expect(unwrapKey(master, binding, Buffer.from(vector.blob, 'hex'))).toEqual(dataKey);
  });

  test('manifest keys and MAC', () => {
    const { manifest } = vectors;
    const record = manifest.record as SealRecord;
    const keys = manifestKeysOf(createSecretKey(dataKey), record.oid);
    expect(keys.mac.export().toString('hex')).toBe(manifest.macKey);
    expect(keys.meta.export().toString('hex')).toBe(manifest.metaKey);
    const { parts, sealedMeta } = record;
    expect(signManifest(keys.mac, { header: record, parts, sealedMeta }, manifest.binding)).toEqual(record);
    expect(() => verifyManifest(keys.mac, record, manifest.binding)).not.toThrow();
  });

  test('a record with an encryption context: its MAC and the wrap of its data key', () => {
    const { record: text, binding } = vectors.contextManifest;
    const record = text as SealRecord;
    const keys = manifestKeysOf(createSecretKey(dataKey), record.oid);
    const { parts, sealedMeta } = record;
    expect(signManifest(keys.mac, { header: record, parts, sealedMeta }, binding)).toEqual(record);
    expect(() => verifyManifest(keys.mac, record, binding)).not.toThrow();
    const unwrapped = (context: SealRecord): Buffer | undefined =>
      unwrapKey(
        Buffer.from(vectors.master, 'hex'),
        { label: 'bucketseal/v1 wrap', fields: ['orders', '1', ...wrapFields(wrapContext(context))] },
        Buffer.from(record.wrapped.blob, 'base64'),
      );
    expect(unwrapped(record)).toEqual(dataKey);
    for (const context of [{}, { ...record.context, n: 'x' }, { ...record.context, more: '' }]) {
      const altered = { ...record, context };
      expect(() => verifyManifest(keys.mac, altered, binding)).toThrow(GatewayError);
      expect(unwrapped(altered)).toBeUndefined();
    }
  });
});
