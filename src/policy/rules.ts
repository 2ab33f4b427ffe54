import type { Encryption, KeyAlias } from '../model/encryption.ts';
import type { RuleRef, TransportRule } from './decision.ts';
import type { By, ClientsMode } from './document.ts';
import type { KeyBook } from './keys.ts';
import type { AcceptEntry } from './values.ts';

/** What binds one place of the key space, all fields merged: the prefix over the bucket over `defaults`. */
export interface EffectiveRule {
  readonly ref: RuleRef;
  /** Undefined only where the file has no default at all; every write is then refused. */
  readonly default: Exclude<Encryption<KeyAlias>, { kind: 'customer' }> | 'store' | undefined;
  readonly clients: ClientsMode;
  readonly accept: readonly AcceptEntry[] | undefined;
  readonly by: By;
  readonly bucketRule: 'verify' | 'set';
  readonly transport: TransportRule;
  readonly mode: Mode;
}

/** `until` in ms since the epoch; undefined: audit mode has no end. */
export type Mode = { readonly kind: 'enforce' } | { readonly kind: 'audit'; readonly until: number | undefined };

export type Replicas =
  | { readonly rule: 'target-default' }
  | {
      readonly rule: 'keep-source';
      readonly kmsObjects: 'replicate' | 'skip';
      readonly replicaKey: KeyAlias | undefined;
    };

export interface CompiledRule {
  readonly pattern: string;
  readonly matches: (bucket: string) => boolean;
  readonly store: string;
  /** The bucket's name at the store, with `{bucket}` for the client's. */
  readonly name: string;
  readonly effective: EffectiveRule;
  /** Longest first. */
  readonly prefixes: readonly { readonly prefix: string; readonly effective: EffectiveRule }[];
  readonly replicas: Replicas | undefined;
  readonly replicate: readonly { readonly bucket: string; readonly prefix: string; readonly deletes: boolean }[];
  readonly allow: readonly string[];
}

export interface RuleSet {
  readonly rules: readonly CompiledRule[];
  /** `defaults.transport`, for buckets that no rule matches. */
  readonly transport: TransportRule;
  readonly keys: KeyBook;
}

export interface FoundRule {
  readonly rule: CompiledRule;
  readonly effective: EffectiveRule;
}

/** The first rule in file order; within it the longest prefix of the key. */
export function findRule(set: RuleSet, bucket: string, key: string): FoundRule | undefined {
  const rule = set.rules.find((candidate) => candidate.matches(bucket));
  if (rule === undefined) return undefined;
  const prefixed = rule.prefixes.find(({ prefix }) => key.startsWith(prefix));
  return { rule, effective: prefixed?.effective ?? rule.effective };
}

/** Without `now` audit mode counts as running. */
export function inAudit(rule: EffectiveRule, now: number | undefined): boolean {
  if (rule.mode.kind !== 'audit') return false;
  return rule.mode.until === undefined || now === undefined || now < rule.mode.until;
}
