import type { EncryptionContext } from './encryption-context.ts';
import type { WrappedKey } from './seal.ts';

/** What a wrapped data key is bound to; shown in clear in KMS logs, so it holds no object key. */
export interface WrapContext {
  readonly gw: 'bucketseal/v1';
  readonly tenant: string;
  readonly bucket: string;
  readonly oid: string;
  /** The client's own encryption context; absent where it sent none. */
  readonly client?: EncryptionContext;
}

/** The reserved key of SSE-OSS / SSE-S3: rotating, never named by a client. */
export const MANAGED_KEY = '~managed';

/**
 * Wraps and unwraps data keys. Every method rejects with a `GatewayError`: `KMS.NotFoundException` for an unknown
 * key, `KMS.DisabledException`, `KMS.KMSInvalidStateException`, or `ServiceUnavailable` when the keyring is down.
 */
export interface Keyring {
  readonly type: string;
  /** Creates the keys that do not exist yet; answers which it created. */
  ensure(keyIds: readonly string[]): Promise<readonly string[]>;
  /** `dek` is 32 bytes. */
  wrap(keyId: string, dek: Uint8Array, context: WrapContext): Promise<WrappedKey>;
  /** 32 bytes, or rejects: a wrong context, key or blob is one uniform `InternalError`. */
  unwrap(wrapped: WrappedKey, context: WrapContext): Promise<Uint8Array>;
  /** The same data key under the current version of its key. */
  rewrap(wrapped: WrappedKey, context: WrapContext): Promise<WrappedKey>;
  list(): Promise<readonly KeyInfo[]>;
}

export interface KeyInfo {
  readonly keyId: string;
  readonly versions: number;
  readonly current: string;
  readonly createdAt: string;
  readonly state: 'enabled' | 'disabled' | 'pending-deletion';
}
