import { createHmac, timingSafeEqual } from 'node:crypto';
import type { ChecksumAlgorithm } from '../model/body.ts';
import type { Encryption } from '../model/encryption.ts';

/** What was decided at CreateMultipartUpload; parts and Complete are attested against it. */
export type Expectation =
  | { readonly kind: 'unspecified' }
  | { readonly kind: 'none' }
  | { readonly kind: 'managed'; readonly algorithm: 'AES256' | 'SM4' }
  | { readonly kind: 'kms'; readonly key: string; readonly algorithm: 'AES256' | 'SM4'; readonly layers: 1 | 2 }
  | { readonly kind: 'customer'; readonly md5: string };

export interface UploadToken {
  readonly storeUploadId: string;
  /** Undefined for a bare id of the store (ListMultipartUploads shows those): then nothing is known of its Create. */
  readonly expected: Expectation | undefined;
  /** What Create named for its parts. */
  readonly checksumAlgorithm?: ChecksumAlgorithm;
}

/**
 * Upload ids of remote stores carry what was decided, authenticated, so that any gateway can take any part and
 * attest it without shared state.
 */
export interface UploadTokens {
  issue(
    bucket: string,
    key: string,
    storeUploadId: string,
    expected: Expectation,
    checksumAlgorithm?: ChecksumAlgorithm,
  ): string;
  /** A token made for another object or tampered with is undefined. */
  read(bucket: string, key: string, uploadId: string): UploadToken | undefined;
}

type Claim = Expectation & Pick<UploadToken, 'checksumAlgorithm'>;

const MARK = 'bsl1';
const MAC_BYTES = 18;

/** `key` is 32 bytes, the same in every gateway that shares a keyring. */
export function createUploadTokens(key: Uint8Array): UploadTokens {
  const mac = (bucket: string, object: string, id: string, claim: string): Buffer =>
    createHmac('sha256', key)
      .update(JSON.stringify([MARK, bucket, object, id, claim]))
      .digest()
      .subarray(0, MAC_BYTES);
  return {
    issue(bucket, object, storeUploadId, expected, checksumAlgorithm) {
      const id = Buffer.from(storeUploadId, 'utf8').toString('base64url');
      const claim = Buffer.from(JSON.stringify({ ...expected, checksumAlgorithm }), 'utf8').toString('base64url');
      return [MARK, id, claim, mac(bucket, object, id, claim).toString('base64url')].join('.');
    },
    read(bucket, object, uploadId) {
      const [mark, id, claim, given, ...rest] = uploadId.split('.');
      if (mark !== MARK || id === undefined || claim === undefined || given === undefined || rest.length > 0)
        return { storeUploadId: uploadId, expected: undefined };
      const theirs = Buffer.from(given, 'base64url');
      const ours = mac(bucket, object, id, claim);
      if (theirs.length !== ours.length || !timingSafeEqual(theirs, ours)) return undefined;
      const { checksumAlgorithm, ...expected } = JSON.parse(Buffer.from(claim, 'base64url').toString('utf8')) as Claim;
      return {
        storeUploadId: Buffer.from(id, 'base64url').toString('utf8'),
        expected,
        ...(checksumAlgorithm === undefined ? {} : { checksumAlgorithm }),
      };
    },
  };
}

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
