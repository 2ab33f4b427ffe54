import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  decodeBucketRule,
  decodeStoredRule,
  encodeBucketRule,
  encodeFlatRule,
} from '../../../../src/dialects/oss/words/bucket-encryption.ts';
import {
  decodeObserved,
  decodeRepeatedWish,
  decodeWish,
  encodeEncryption,
  encodeObserved,
} from '../../../../src/dialects/oss/words/encryption.ts';
import { oss } from '../../../../src/dialects/oss/index.ts';
import { secret, type BucketRule, type Encryption, type StoreKeyId } from '../../../../src/model/encryption.ts';
import { GatewayError } from '../../../../src/model/errors.ts';
import type { Wish } from '../../../../src/model/objects.ts';
import { parseXml, writeXml, type XmlElement } from '../../../../src/wire/xml-document.ts';

const SSE = 'x-oss-server-side-encryption';
const KEY = `${SSE}-key-id`;
const DATA = 'x-oss-server-side-data-encryption';
const CONTEXT = `${SSE}-context`;

const algorithm = fc.constantFrom('AES256' as const, 'SM4' as const);
const keyId = fc
  .stringMatching(/^[a-z0-9-]{3,36}$/)
  .filter((id) => id !== 'default')
  .map((id) => id as StoreKeyId);
const rules: fc.Arbitrary<BucketRule> = fc.oneof(
  algorithm.map((chosen) => ({ kind: 'managed' as const, algorithm: chosen })),
  fc.record({
    kind: fc.constant('kms' as const),
    key: fc.oneof(keyId, fc.constant('default' as const)),
    algorithm,
    layers: fc.constant(1 as const),
  }),
);
const context = fc.dictionary(
  fc.string({ minLength: 1, maxLength: 8 }),
  fc.string({ unit: 'grapheme', maxLength: 8 }),
  { minKeys: 1, maxKeys: 3 },
);
const encryptions: fc.Arbitrary<Encryption<StoreKeyId>> = fc.oneof(
  rules,
  fc.record({ kind: fc.constant('kms' as const), key: keyId, algorithm, layers: fc.constant(1 as const), context }),
);

describe('headers and model', () => {
  test('decode undoes encode', () => {
    fc.assert(
      fc.property(encryptions, (encryption) => {
        expect(wishOf(Object.fromEntries(encodeEncryption(encryption)))).toMatchObject({
          state: 'wellFormed',
          encryption: plain(encryption),
        });
      }),
    );
  });

  test('what a store says is what a client hears', () => {
    fc.assert(
      fc.property(rules, (rule) => {
        const observed =
          rule.kind === 'managed' ? rule : { ...rule, key: rule.key === 'default' ? undefined : rule.key };
        expect(decodeObserved(encodeObserved(observed))).toEqual(observed);
      }),
    );
    expect(decodeObserved([])).toEqual({ kind: 'none' });
    expect(encodeObserved({ kind: 'none' })).toEqual([]);
    expect(() => decodeObserved([[SSE, 'ROT13']])).toThrow(GatewayError);
  });

  test('what OSS cannot express is refused, never rounded down', () => {
    const customer: Encryption<StoreKeyId> = {
      kind: 'customer',
      algorithm: 'AES256',
      key: { key: secret(new Uint8Array(32)), md5: 'm' },
    };
    const double: Encryption<StoreKeyId> = { kind: 'kms', key: 'default', algorithm: 'AES256', layers: 2 };
    for (const encryption of [customer, double]) expect(() => encodeEncryption(encryption)).toThrow(/cannot express/);
    expect(() =>
      encodeEncryption({ kind: 'kms', key: 'default', algorithm: 'AES256', layers: 1, context: { a: 'b' } }),
    ).toThrow(/context/);
    expect(oss.canExpress({ kind: 'customer', algorithm: 'AES256', md5: 'm' })).toBe(false);
    expect(oss.canExpress({ kind: 'kms', key: undefined, algorithm: 'AES256', layers: 2 })).toBe(false);
    expect(oss.canExpress({ kind: 'managed', algorithm: 'SM4' })).toBe(true);
    expect(encodeObserved({ kind: 'customer', algorithm: 'AES256', md5: 'm' })).toEqual([]);
    expect(encodeObserved({ kind: 'kms', key: undefined, algorithm: 'AES256', layers: 2 })).toEqual([]);
  });

  test('AES256 and SM4 ignore the data algorithm, and alone it means nothing', () => {
    for (const chosen of ['AES256', 'SM4'])
      expect(wishOf({ [SSE]: chosen, [DATA]: 'SM4' })).toMatchObject({
        encryption: { kind: 'managed', algorithm: chosen },
      });
    expect(wishOf({ [DATA]: 'SM4' })).toEqual({ state: 'absent', ignored: `${DATA}: SM4` });
    expect(wishOf({})).toEqual({ state: 'absent' });
  });

  test.each([
    ['an unknown algorithm', { [SSE]: 'DES' }, 'InvalidEncryptionAlgorithmError', '0005-00000003'],
    ['lower case', { [SSE]: 'aes256' }, 'InvalidEncryptionAlgorithmError', '0005-00000003'],
    ['an empty algorithm', { [SSE]: '' }, 'InvalidEncryptionAlgorithmError', '0005-00000003'],
    ['another data algorithm', { [SSE]: 'KMS', [DATA]: 'DES' }, 'InvalidDataEncryptionAlgorithmError', '0005-00000203'],
    ['an empty key id', { [SSE]: 'KMS', [KEY]: '' }, 'KMS.InvalidKeyId', '0005-00000205'],
    ['a key id with AES256', { [SSE]: 'AES256', [KEY]: 'k' }, 'InvalidArgument', '0005-00000204'],
    ['a key id alone', { [KEY]: 'k' }, 'InvalidArgument', '0005-00000204'],
    ['a context without a key id', { [SSE]: 'KMS', [CONTEXT]: '{}' }, 'InvalidArgument', '0005-00000228'],
    ['a context that is no JSON', { [SSE]: 'KMS', [KEY]: 'k', [CONTEXT]: 'e30=' }, 'InvalidArgument', '0005-00000230'],
    ['a context of numbers', { [SSE]: 'KMS', [KEY]: 'k', [CONTEXT]: '{"a":1}' }, 'InvalidArgument', '0005-00000230'],
    ['a customer`s key', { 'x-oss-server-side-encryption-customer-key': 'x' }, 'InvalidArgument', undefined],
    ['an unknown name', { 'x-oss-server-side-encryption-oss-kms-key-id': 'k' }, 'InvalidArgument', undefined],
  ])('%s is an ill-formed wish', (_name, fields, code, ec) => {
    const wish = wishOf(fields);
    expect(wish).toMatchObject({ state: 'illFormed', error: { code } });
    if (wish.state === 'illFormed') expect(wish.error.ec).toBe(ec);
  });

  test('a header given twice is ill-formed', () => {
    expect(
      decodeWish([
        [SSE, 'KMS'],
        [SSE, 'AES256'],
      ]).state,
    ).toBe('illFormed');
  });

  test('parts repeat the key, never the algorithm', () => {
    expect(decodeRepeatedWish([])).toBeUndefined();
    expect(
      decodeRepeatedWish([
        [KEY, 'k'],
        [DATA, 'SM4'],
      ]),
    ).toMatchObject({ encryption: { kind: 'kms', key: 'k', algorithm: 'SM4' } });
    expect(() => decodeRepeatedWish([[SSE, 'KMS']])).toThrow(/not supported/);
  });
});

describe('bucket rules', () => {
  test('both XML shapes come back as they went', () => {
    fc.assert(
      fc.property(rules, (rule) => {
        expect(decodeBucketRule(xml(writeXml(encodeBucketRule(rule))))).toEqual(rule);
        expect(decodeStoredRule(xml(writeXml(encodeBucketRule(rule))))).toEqual(rule);
        expect(decodeStoredRule(xml(writeXml(encodeFlatRule(rule))))).toEqual(rule);
      }),
    );
    expect(decodeStoredRule(xml(writeXml(encodeFlatRule(undefined))))).toBeUndefined();
  });

  test('elements come in any order, empty ones count as absent', () => {
    expect(
      decodeBucketRule(
        rule(
          '<KMSDataEncryption>SM4</KMSDataEncryption><KMSMasterKeyID></KMSMasterKeyID><SSEAlgorithm>KMS</SSEAlgorithm>',
        ),
      ),
    ).toEqual({ kind: 'kms', key: 'default', algorithm: 'SM4', layers: 1 });
    expect(
      decodeBucketRule(rule('<SSEAlgorithm>AES256</SSEAlgorithm><KMSDataEncryption>SM4</KMSDataEncryption>')),
    ).toEqual({ kind: 'managed', algorithm: 'AES256' });
  });

  test.each([
    ['<SSEAlgorithm>DES</SSEAlgorithm>', 'InvalidEncryptionAlgorithmError'],
    ['<SSEAlgorithm>aws:kms</SSEAlgorithm>', 'InvalidEncryptionAlgorithmError'],
    ['<SSEAlgorithm>AES256</SSEAlgorithm><KMSMasterKeyID>k</KMSMasterKeyID>', 'InvalidArgument'],
    [
      '<SSEAlgorithm>KMS</SSEAlgorithm><KMSDataEncryption>DES</KMSDataEncryption>',
      'InvalidDataEncryptionAlgorithmError',
    ],
    ['<KMSMasterKeyID>k</KMSMasterKeyID>', 'MalformedXML'],
    ['<SSEAlgorithm>KMS</SSEAlgorithm><SSEAlgorithm>AES256</SSEAlgorithm>', 'MalformedXML'],
    ['<SSEAlgorithm>KMS</SSEAlgorithm><Surprise/>', 'MalformedXML'],
  ])('%s is %s', (inner, code) => {
    expect(() => decodeBucketRule(rule(inner))).toThrow(expect.objectContaining({ code }) as Error);
  });
});

function wishOf(fields: Readonly<Record<string, string>>): Wish {
  return decodeWish(Object.entries(fields));
}

function plain(encryption: Encryption<StoreKeyId>): object {
  return encryption;
}

function rule(inner: string): XmlElement {
  return xml(
    `<ServerSideEncryptionRule><ApplyServerSideEncryptionByDefault>${inner}</ApplyServerSideEncryptionByDefault></ServerSideEncryptionRule>`,
  );
}

function xml(text: string): XmlElement {
  const outcome = parseXml(Buffer.from(text, 'utf8'));
  if (!outcome.ok) throw new Error(outcome.reason);
  return outcome.root;
}
