import { createHmac } from 'node:crypto';
import { expect, test } from 'vitest';
import { createUploadTokens } from '../../../src/gateway/memory/upload-token.ts';

const KEY = Buffer.alloc(32, 7);
const tokens = createUploadTokens(KEY);
const CLAIM = {
  storeUploadId: 'VXBsb2FkIElE~.-_ with "anything"',
  expected: { kind: 'kms', key: 'arn:aws:kms:eu-west-1:1:key/k', algorithm: 'AES256', layers: 1 },
  checksumAlgorithm: 'CRC32C',
  alias: 'orders',
  initiated: 1_800_000_000_000,
} as const;

test('an id carries what was decided, under which name, and when', () => {
  const id = tokens.issue('bucket', 'a key', CLAIM);
  expect(id).toMatch(/^bsl2\.[\w-]+\.[\w-]+\.[\w-]+$/);
  expect(tokens.read('bucket', 'a key', id)).toEqual({ kind: 'issued', ...CLAIM });
});

test('no letter of it can be changed, and it is of one object and of one keyring', () => {
  const id = tokens.issue('bucket', 'key', CLAIM);
  for (let at = id.indexOf('.') + 1; at < id.length - 1; at++) {
    if (id[at] === '.') continue;
    const forged = id.slice(0, at) + (id[at] === 'A' ? 'B' : 'A') + id.slice(at + 1);
    expect(tokens.read('bucket', 'key', forged), `at ${at}`).toBeUndefined();
  }
  expect(tokens.read('bucket', 'other', id)).toBeUndefined();
  expect(tokens.read('other', 'key', id)).toBeUndefined();
  expect(createUploadTokens(Buffer.alloc(32, 8)).read('bucket', 'key', id)).toBeUndefined();
  // The older form says less: an id that is made to look like it must not pass for one.
  expect(tokens.read('bucket', 'key', id.replace('bsl2', 'bsl1'))).toBeUndefined();
});

test('an id of release 0.1.0 is read as it was', () => {
  const id = Buffer.from('store-id').toString('base64url');
  const claim = Buffer.from('{"kind":"managed","algorithm":"AES256","checksumAlgorithm":"SHA256"}').toString(
    'base64url',
  );
  const mac = createHmac('sha256', KEY)
    .update(JSON.stringify(['bsl1', 'bucket', 'key', id, claim]))
    .digest()
    .subarray(0, 18);
  expect(tokens.read('bucket', 'key', `bsl1.${id}.${claim}.${mac.toString('base64url')}`)).toEqual({
    kind: 'issued',
    storeUploadId: 'store-id',
    expected: { kind: 'managed', algorithm: 'AES256' },
    checksumAlgorithm: 'SHA256',
  });
});

test.each(['2~abc', 'bsl1', 'bsl2.only.three', 'bsl3.a.b.c', 'bsl2.a.b.c.d', ''])('%j is a store’s own id', (id) => {
  expect(tokens.read('bucket', 'key', id)).toEqual({ kind: 'bare', storeUploadId: id });
});
