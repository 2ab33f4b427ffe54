import type { Encryption, KeyAlias } from '../model/encryption.ts';
import type { Resolved } from './decision.ts';

/** Equality as the policy means it: kind, key, algorithm, layers; context and bucket key never count. */
export function sameEncryption(a: Resolved, b: Resolved): boolean {
  switch (a.kind) {
    case 'none':
    case 'unspecified':
      return b.kind === a.kind;
    case 'managed':
      return b.kind === 'managed' && a.algorithm === b.algorithm;
    case 'kms':
      return b.kind === 'kms' && a.key === b.key && a.algorithm === b.algorithm && a.layers === b.layers;
    case 'customer':
      return b.kind === 'customer' && a.key.md5 === b.key.md5;
  }
}

export type Comparison = 'equal' | 'stronger' | 'weaker' | 'incomparable';

/** How a wish stands to the default: none < managed < kms default key < kms named key. */
export function compareStrength(wish: Encryption<KeyAlias>, standard: Resolved): Comparison {
  if (sameEncryption(wish, standard)) return 'equal';
  const [left, right] = [rankOf(wish), rankOf(standard)];
  if (left === undefined || right === undefined || left === right) return 'incomparable';
  return left > right ? 'stronger' : 'weaker';
}

/** Undefined for a customer's key, which stands outside the order. */
export function rankOf(encryption: Resolved): number | undefined {
  switch (encryption.kind) {
    case 'none':
    // A store's bucket without a rule promises nothing, so that every wish raises it.
    case 'unspecified':
      return 0;
    case 'managed':
      return 1;
    case 'kms':
      return encryption.key === 'default' ? 2 : 3;
    case 'customer':
      return undefined;
  }
}
