import { describe, expect, test } from 'vitest';
import { equalSignatures } from '../../../../src/dialects/s3/signature/comparison.ts';
import { deriveSigningKey, rememberSigningKey, signingKey } from '../../../../src/dialects/s3/signature/signing-key.ts';
import { keyFor } from './independent-signer.ts';
import { credentialOf } from './signed-requests.ts';

describe('signing keys', () => {
  test('are derived as SigV4 says', () => {
    expect(deriveSigningKey('secret', '20261121', 'r')).toEqual(keyFor('secret', '20261121/r/s3/aws4_request'));
  });

  test('are remembered for a known credential only after somebody proved them', () => {
    const credential = credentialOf('CLIENT', 'secret');
    const first = signingKey(credential, '20261121', 'r');
    expect(signingKey(credential, '20261121', 'r')).not.toBe(first);
    rememberSigningKey(credential, '20261121', 'r', first);
    expect(signingKey(credential, '20261121', 'r')).toBe(first);
    expect(signingKey(credentialOf('CLIENT', 'other'), '20261121', 'r')).not.toEqual(first);
  });

  test('made-up regions push out the oldest, never grow the memory', () => {
    const credential = credentialOf('CLIENT', 'secret');
    const keys = Array.from({ length: 50 }, (_, index) => {
      const key = deriveSigningKey('secret', '20261121', `r${index}`);
      rememberSigningKey(credential, '20261121', `r${index}`, key);
      return key;
    });
    const kept = keys.filter((key, index) => signingKey(credential, '20261121', `r${index}`) === key);
    expect(kept.length).toBe(8);
    expect(kept).toContain(keys[49]);
  });
});

describe('comparing signatures', () => {
  test.each([
    ['abcd', 'abcd', true],
    ['abcd', 'abce', false],
    ['abcd', 'abc', false],
    ['abcd', 'abcde', false],
    ['abcd', '', false],
    ['abcd', 'abc\u0164', false],
    ['abcd', 'abc\u0464', false],
  ])('%j and %j: %s', (expected, provided, equal) => {
    expect(equalSignatures(expected, provided)).toBe(equal);
  });
});
