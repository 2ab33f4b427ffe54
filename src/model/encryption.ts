import type { EncryptionContext } from './encryption-context.ts';

/** The algorithm that encrypts the data itself. SM4 exists at Alibaba OSS only. */
export type DataAlgorithm = 'AES256' | 'SM4';

declare const brand: unique symbol;

/** A key id as a client wrote it: an alias of the policy, or the id that a store uses. Not yet resolved. */
export type WireKeyId = string & { readonly [brand]: 'WireKeyId' };
/** A name from the policy's `keys:`. The name `default` is the store's (or the keyring's) default key. */
export type KeyAlias = string & { readonly [brand]: 'KeyAlias' };
/** A key id in the words of one store: a CMK id, an ARN, a MinIO key name. */
export type StoreKeyId = string & { readonly [brand]: 'StoreKeyId' };

/** The default key, wherever a key is named: nobody chose one. */
export const DEFAULT_KEY = 'default';

/** How a language of stores spells the ids of KMS keys. */
export interface KeySpelling {
  /** The id alone, without the address that may stand before it. */
  readonly plain: (id: string) => string;
  /** Whether two spellings name one key; symmetric. */
  readonly same: (one: string, other: string) => boolean;
  /** The id only points at a key, and which one the store alone knows. */
  readonly isAlias: (id: string) => boolean;
}

/** Where ids have one spelling each: the gateway's own keys. */
export const LITERAL_KEYS: KeySpelling = {
  plain: (id) => id,
  same: (one, other) => one === other,
  isAlias: () => false,
};

/** A customer's own key (SSE-C). `key` is the 32 raw bytes; it never leaves the request that brought it. */
export interface CustomerKey {
  readonly key: Secret<Uint8Array>;
  /** base64 of the MD5 of the key, as the client sent it and as answers repeat it. */
  readonly md5: string;
}

/**
 * How an object is protected at rest, in no vendor's words. `K` says in whose words the key is named:
 * the wish of a client carries a `WireKeyId`, a decision a `KeyAlias`, a request to a store a `StoreKeyId`.
 */
export type Encryption<K extends string = KeyAlias> =
  | { readonly kind: 'none' }
  | { readonly kind: 'managed'; readonly algorithm: DataAlgorithm }
  | KmsEncryption<K>
  | { readonly kind: 'customer'; readonly algorithm: 'AES256'; readonly key: CustomerKey };

export interface KmsEncryption<K extends string = KeyAlias> {
  readonly kind: 'kms';
  readonly key: K | typeof DEFAULT_KEY;
  readonly algorithm: DataAlgorithm;
  /** 2 is DSSE-KMS. */
  readonly layers: 1 | 2;
  readonly context?: EncryptionContext;
  /** S3 Bucket Keys; absent means that the client did not say. */
  readonly bucketKey?: boolean;
}

export type EncryptionKind = Encryption['kind'];

/**
 * What an answer says of an object's encryption. A customer's key is known by its MD5 only, and a KMS key may go
 * unnamed (`key: undefined`).
 */
export type ObservedEncryption<K extends string = StoreKeyId> =
  | { readonly kind: 'none' }
  | { readonly kind: 'managed'; readonly algorithm: DataAlgorithm }
  | {
      readonly kind: 'kms';
      readonly key: K | undefined;
      readonly algorithm: DataAlgorithm;
      readonly layers: 1 | 2;
      readonly context?: EncryptionContext;
      readonly bucketKey?: boolean;
    }
  | { readonly kind: 'customer'; readonly algorithm: 'AES256'; readonly md5: string };

/** A bucket's default encryption (`?encryption`). A customer's key cannot be a default. */
export type BucketRule<K extends string = StoreKeyId> = Exclude<Encryption<K>, { kind: 'customer' | 'none' }>;

/** A value that prints as `[redacted]` wherever it is printed; `reveal` is the only way to it. */
export interface Secret<T = string> {
  reveal(): T;
  toString(): string;
  toJSON(): string;
}

const REDACTED = '[redacted]';

/** Wraps a value so that string conversion, JSON and `util.inspect` print `[redacted]`. */
export function secret<T>(value: T): Secret<T> {
  return Object.freeze({
    reveal: () => value,
    toString: () => REDACTED,
    toJSON: () => REDACTED,
    [Symbol.for('nodejs.util.inspect.custom')]: () => REDACTED,
  });
}
