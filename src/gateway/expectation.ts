import { DIALECTS } from '../dialects/index.ts';
import type { DialectName } from '../dialects/dialect.ts';
import type { Backend } from '../model/backend.ts';
import {
  DEFAULT_KEY,
  LITERAL_KEYS,
  type Encryption,
  type KeySpelling,
  type ObservedEncryption,
} from '../model/encryption.ts';

/** What was decided at CreateMultipartUpload; parts and Complete are attested against it. */
export type Expectation =
  | { readonly kind: 'unspecified' }
  | { readonly kind: 'none' }
  | { readonly kind: 'managed'; readonly algorithm: 'AES256' | 'SM4' }
  | { readonly kind: 'kms'; readonly key: string; readonly algorithm: 'AES256' | 'SM4'; readonly layers: 1 | 2 }
  | { readonly kind: 'customer'; readonly md5: string };

/** A decided encryption as parts are attested against it: a customer's key is reduced to its MD5. */
export function expectationOf(encryption: Encryption<string> | { readonly kind: 'unspecified' }): Expectation {
  switch (encryption.kind) {
    case 'unspecified':
    case 'none':
      return { kind: encryption.kind };
    case 'managed':
      return { kind: 'managed', algorithm: encryption.algorithm };
    case 'kms':
      return { kind: 'kms', key: encryption.key, algorithm: encryption.algorithm, layers: encryption.layers };
    case 'customer':
      return { kind: 'customer', md5: encryption.key.md5 };
  }
}

/** Whether the store's report is the decision: same kind, key, algorithm and layers. */
export function honours(expected: Expectation, observed: ObservedEncryption, keys: KeySpelling): boolean {
  switch (expected.kind) {
    case 'unspecified':
    case 'none':
      return true;
    case 'managed':
      return observed.kind === 'managed' && observed.algorithm === expected.algorithm;
    case 'customer':
      return observed.kind === 'customer' && observed.md5 === expected.md5;
    case 'kms':
      return (
        observed.kind === 'kms' &&
        observed.algorithm === expected.algorithm &&
        observed.layers === expected.layers &&
        (expected.key === DEFAULT_KEY || (observed.key !== undefined && isKey(expected.key, observed.key, keys)))
      );
  }
}

/** Whether two decisions are one: compared are kind, key, algorithm and layers. */
export function sameExpectation(one: Expectation, other: Expectation, keys: KeySpelling): boolean {
  switch (one.kind) {
    case 'unspecified':
    case 'none':
      return one.kind === other.kind;
    case 'managed':
      return other.kind === 'managed' && one.algorithm === other.algorithm;
    case 'customer':
      return other.kind === 'customer' && one.md5 === other.md5;
    case 'kms':
      return (
        other.kind === 'kms' &&
        keys.same(one.key, other.key) &&
        one.algorithm === other.algorithm &&
        one.layers === other.layers
      );
  }
}

/** An alias is answered with the key behind it, which only the store can resolve: a named key is all that can be proven. */
function isKey(expected: string, observed: string, keys: KeySpelling): boolean {
  return keys.same(expected, observed) || (keys.isAlias(expected) && observed !== '');
}

/** How a store spells key ids; the embedded one has the gateway's own. */
export function keysAt({ dialect }: Pick<Backend, 'dialect'>): KeySpelling {
  return dialect === undefined ? LITERAL_KEYS : DIALECTS[dialect as DialectName].keySpelling;
}

/** Words for logs and errors; no key material. */
export function describe(encryption: Expectation | ObservedEncryption | undefined): string {
  if (encryption === undefined) return 'nothing';
  switch (encryption.kind) {
    case 'unspecified':
      return "the store's default";
    case 'none':
      return 'none';
    case 'managed':
      return `managed ${encryption.algorithm}`;
    case 'customer':
      return "a customer's key";
    case 'kms':
      return `kms ${encryption.key ?? '(unnamed)'}${encryption.algorithm === 'AES256' ? '' : ` ${encryption.algorithm}`}${encryption.layers === 2 ? ' in two layers' : ''}`;
  }
}
