/** `policy.yaml` as parsed: these names are settled. */
export interface PolicyDocument {
  readonly version: 1;
  readonly keys?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly defaults?: RuleBlocks;
  readonly buckets: readonly BucketRuleDocument[];
}

export interface RuleBlocks {
  readonly encryption?: EncryptionBlock;
  readonly transport?: TransportBlock;
  readonly mode?: ModeBlock;
  /** Ends `mode: audit` (an ISO date or date-time); the same as `mode: { audit: { until } }`. */
  readonly until?: string;
}

export interface BucketRuleDocument extends RuleBlocks {
  readonly match: string;
  readonly store: string;
  readonly name?: string;
  readonly replicas?: ReplicasBlock;
  readonly prefixes?: readonly PrefixDocument[];
  readonly allow?: readonly Allowable[];
  readonly replicate?: readonly { readonly bucket: string; readonly prefix?: string; readonly deletes?: boolean }[];
}

/** What a store may do for somebody else only where the policy says so. */
export type Allowable = 'callback' | 'process' | 'fetch' | 'public-acl';

export interface PrefixDocument extends RuleBlocks {
  readonly prefix: string;
}

export interface EncryptionBlock {
  readonly default?: EncryptionValue | 'store';
  readonly clients?: ClientsMode;
  readonly accept?: readonly AcceptValue[];
  readonly by?: By;
  readonly bucketRule?: 'verify' | 'set';
}

export type ClientsMode = 'choose' | 'strengthen' | 'ignore' | 'refuse';
export type By = 'store' | 'gateway' | 'either';

/** `managed` alone means AES256. */
export type EncryptionValue =
  | 'none'
  | 'managed'
  | { readonly managed: 'AES256' | 'SM4' }
  | { readonly kms: string; readonly algorithm?: 'AES256' | 'SM4'; readonly layers?: 1 | 2 };
export type AcceptValue = Exclude<EncryptionValue, 'none'> | 'customer';

export interface TransportBlock {
  readonly httpsOnly?: boolean;
  readonly minTls?: '1.2' | '1.3';
}

/** `audit` needs `until:` (an ISO date or date-time); without one `check` warns. */
export type ModeBlock = 'enforce' | 'audit' | { readonly audit: { readonly until?: string } };

export type ReplicasBlock =
  | 'target-default'
  | { readonly rule: 'target-default' }
  | { readonly rule: 'keep-source'; readonly kmsObjects?: 'replicate' | 'skip'; readonly replicaKey?: string };
