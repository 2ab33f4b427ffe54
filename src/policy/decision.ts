import type { Capabilities } from '../model/backend.ts';
import type { BucketRule, Encryption, KeyAlias } from '../model/encryption.ts';
import type { ErrorCode } from '../model/errors.ts';
import type { Wish } from '../model/objects.ts';
import type { Action } from '../model/operations.ts';

/** Where a rule stands, so that every refusal can name it. */
export interface RuleRef {
  /** `orders-*`, or `orders-* prefix public/`. */
  readonly name: string;
  readonly file: string;
  readonly line: number;
}

export interface Grant {
  /** Anchored patterns with `*`. */
  readonly buckets: readonly string[];
  readonly prefixes?: readonly string[];
  readonly actions: readonly Action[];
}

export interface TransportRule {
  readonly httpsOnly: boolean;
  readonly minTls: '1.2' | '1.3' | undefined;
}

/** The authenticated client, as far as the policy asks. */
export interface Principal {
  readonly accessKeyId: string;
  readonly grants: readonly Grant[];
  /** Aliases that it may use; `*` for all. */
  readonly keys: readonly string[];
  readonly replicator: boolean;
  readonly transport: Partial<TransportRule> | undefined;
}

/** The facts that transport and grants are judged on. */
export interface AccessInput {
  readonly principal: Principal;
  readonly action: Action;
  readonly bucket: string;
  /** Undefined for the bucket itself; for a list its `prefix`. */
  readonly key: string | undefined;
  readonly secure: boolean;
  /** `TLSv1.2`, `TLSv1.3`; undefined where only a trusted peer says `https`. */
  readonly tlsVersion: string | undefined;
}

/** The facts that a write's encryption is decided on. Nothing else is: no clock, no I/O. */
export interface WriteInput {
  readonly principal: Principal;
  readonly bucket: string;
  /** '' for a bucket-level decision (PutBucketEncryption, CreateBucket). */
  readonly key: string;
  readonly wish: Wish;
  /** The dialect of the client has no per-object wishes (JD): the wish is recorded as ignored. */
  readonly wishesIgnored: boolean;
  /** The bucket's own rule at the store, asked only where the default is `store`; undefined: it has none. */
  readonly bucketRule: BucketRule<KeyAlias> | undefined;
  readonly store: { readonly name: string; readonly capabilities: Capabilities };
  /** Seal on this store is possible for the gateway (it has a keyring and the store keeps sealed content). */
  readonly canSeal: boolean;
  readonly bucketsWithoutRule: 'managed' | 'none';
  readonly secure: boolean;
  /** ms since the epoch; ends audit mode. */
  readonly now: number;
}

/** The policy's refusal, in the model's codes; `reason` names what was asked and what the rule says. */
export interface Denial {
  readonly effect: 'deny';
  readonly code: ErrorCode;
  readonly message: string;
  readonly rule: RuleRef | undefined;
  readonly reason: string;
  readonly details?: Readonly<Record<string, string>>;
  readonly ec?: string;
  /** Another code for one dialect: dialect name → code. */
  readonly codes?: Readonly<Record<string, ErrorCode>>;
  readonly wording?: Readonly<Record<string, string>>;
}

/** `unspecified`: the default is `store` at a remote store, no header is sent and the store's word is passed on. */
export type Resolved = Encryption<KeyAlias> | { readonly kind: 'unspecified' };

export interface Allowance {
  readonly effect: 'allow';
  readonly encryption: Resolved;
  readonly by: 'store' | 'gateway';
  readonly rule: RuleRef;
  readonly reason: string;
  /** The client's wish was overridden (raised, ignored): recorded, counted. */
  readonly overridden: boolean;
  /** The bucket's own rule decided (`default: store`): what begins so goes on so. */
  readonly underBucketRule?: true;
  /** Set in audit mode: what `enforce` would have answered. */
  readonly wouldHave?: Denial | { readonly effect: 'change'; readonly encryption: Resolved };
}

export type Decision = Allowance | Denial;

/** Transport and grants passed. */
export interface AccessAllowed {
  readonly effect: 'allow';
}
export type AccessDecision = AccessAllowed | Denial;

/** Where a bucket's objects go. */
export interface Route {
  readonly store: string;
  /** The bucket's name at the store. */
  readonly storeBucket: string;
  readonly rule: RuleRef;
}
