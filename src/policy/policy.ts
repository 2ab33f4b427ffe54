import type { BucketRule, Encryption, KeyAlias, ObservedEncryption, StoreKeyId } from '../model/encryption.ts';
import type { ReplicationRules } from '../model/objects.ts';
import type { Continuation, ContinuationInput } from './continuation.ts';
import type { Allowable } from './document.ts';
import type { Action } from '../model/operations.ts';
import type { AccessDecision, AccessInput, Decision, Principal, Route, RuleRef, WriteInput } from './decision.ts';

/** A compiled policy: pure functions over one snapshot of `policy.yaml`. */
export interface Policy {
  /** Hash of the file's content. */
  readonly revision: string;
  readonly file: string;
  /** Aliases that any rule or `keys:` names; the keyring makes sure of them on load. */
  readonly aliases: readonly string[];
  /** The stores that rules name. */
  readonly stores: readonly string[];

  route(bucket: string): Route | undefined;
  /** The client's names for a bucket of a store: the inverse of `route`. */
  bucketAt(store: string, storeBucket: string): string | undefined;
  /** The transport rules alone: judged before a request is decoded or its body read. */
  transport(input: Omit<AccessInput, 'action'>): AccessDecision;
  /** Transport, then grants. */
  access(input: AccessInput): AccessDecision;
  /** Whether the principal holds any grant on the bucket. */
  visible(principal: Principal, bucket: string): boolean;
  /** Whether a grant of the principal allows the action on the bucket or on some key of it. */
  reaches(principal: Principal, action: Action, bucket: string): boolean;
  decide(input: WriteInput): Decision;
  /** The one judgement on whatever continues an object or an upload that was begun before. */
  continues(input: ContinuationInput): Continuation;
  /**
   * Whether the default for this key is `store` (then the gateway asks the bucket's own rule first). Audit mode
   * delegates until `now` (ms) is past its end; without `now` it counts as running.
   */
  delegates(bucket: string, key: string, now?: number): boolean;
  /** Whether a wish is compared with the default here (`strengthen`, `refuse`): then a bucket's own rule must be known. */
  compares(bucket: string, key: string): boolean;
  /** Whether one rule, and the same part of it, is for both keys. */
  sameRule(bucket: string, one: string, other: string): boolean;
  /** Key grants on a read of what the gateway sealed under `alias`. */
  mayRead(principal: Principal, bucket: string, alias: string): AccessDecision;
  /** The effective default of the bucket that the policy owns; undefined where it is `store`, or audit mode runs (as in `delegates`). */
  ownedDefault(
    bucket: string,
    now?: number,
  ): { readonly rule: RuleRef; readonly encryption: Encryption<KeyAlias> } | undefined;
  bucketRuleMode(bucket: string): 'verify' | 'set';
  replicas(bucket: string): ReplicationRules | undefined;
  /** Whether the bucket's rule lists it under `allow:`. */
  allows(bucket: string, what: Allowable): boolean;

  /** The store's own id for an alias; the keyring's under the name `keyring`. `default` stays `default`. */
  keyAt(alias: KeyAlias | 'default', store: string): StoreKeyId | 'default';
  /** The alias for a store's id, or undefined when no alias names it. */
  aliasOf(id: string, store: string): KeyAlias | undefined;
}

/** An encryption in a store's own words. */
export function atStore(policy: Policy, encryption: Encryption<KeyAlias>, store: string): Encryption<StoreKeyId> {
  return encryption.kind === 'kms' ? { ...encryption, key: policy.keyAt(encryption.key, store) } : encryption;
}

/** A bucket rule in the policy's words: an id without an alias stands for itself. */
export function ruleInAliases(policy: Policy, rule: BucketRule, store: string): BucketRule<KeyAlias> {
  if (rule.kind !== 'kms') return rule;
  if (rule.key === 'default') return { ...rule, key: 'default' };
  return { ...rule, key: policy.aliasOf(rule.key, store) ?? (rule.key as string as KeyAlias) };
}

/** The key id to show: the store's own where the client speaks its language, else the alias. */
export function shownEncryption(
  policy: Policy,
  observed: ObservedEncryption,
  store: string,
  sameDialect: boolean,
): ObservedEncryption<string> {
  if (observed.kind !== 'kms' || observed.key === undefined || sameDialect) return observed;
  return { ...observed, key: policy.aliasOf(observed.key, store) ?? observed.key };
}
