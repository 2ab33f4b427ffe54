import type { AskedEncryption, Wish } from './objects.ts';

/** One statement of a stored bucket policy, in no vendor's words: what the gateway enforces itself. */
export interface BucketPolicyStatement {
  readonly effect: 'Allow' | 'Deny';
  /** `*` or access key ids / principals as written. */
  readonly principals: readonly string[];
  /** Vendor-free action patterns: `read`, `write`, `delete`, `list`, `configure`, `*`. */
  readonly actions: readonly string[];
  /** Key patterns under the bucket with `*` and `?`; '' is the bucket itself. */
  readonly resources: readonly string[];
  readonly conditions: readonly BucketPolicyCondition[];
}

/**
 * One value must match. `absent` is the Null operator. Values of `encryption` are words of `askedOf`: `AES256`, `SM4`,
 * `kms`, `kms:2`; anything else stands as it was written.
 */
export interface BucketPolicyCondition {
  readonly operator: 'equals' | 'notEquals' | 'like' | 'notLike' | 'bool' | 'absent';
  readonly subject: 'secureTransport' | 'encryption' | 'kmsKeyId' | 'customerAlgorithm';
  readonly values: readonly string[];
}

/** What a wish asks, in the words that conditions compare. */
export function askedOf(wish: Wish): AskedEncryption {
  if (wish.state === 'absent') return {};
  if (wish.state === 'illFormed') return wish.asked ?? {};
  const { encryption } = wish;
  switch (encryption.kind) {
    case 'none':
      return {};
    case 'managed':
      return { encryption: encryption.algorithm };
    case 'customer':
      return { customerAlgorithm: encryption.algorithm };
    case 'kms':
      return {
        encryption: encryption.layers === 2 ? 'kms:2' : 'kms',
        ...(encryption.key === 'default' ? {} : { kmsKeyId: encryption.key }),
      };
  }
}
