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

/** `any`: one value must match. `absent` is the Null operator. */
export interface BucketPolicyCondition {
  readonly operator: 'equals' | 'notEquals' | 'like' | 'notLike' | 'bool' | 'absent';
  readonly subject: 'secureTransport' | 'encryption' | 'kmsKeyId' | 'customerAlgorithm';
  readonly values: readonly string[];
}
