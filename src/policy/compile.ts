import type { Capabilities } from '../model/backend.ts';
import { LITERAL_KEYS, type KeyAlias, type KeySpelling, type StoreKeyId } from '../model/encryption.ts';
import { grantMatcher, judgeAccess, judgeKey, judgeTransport } from './access.ts';
import { judgeContinuation } from './continuation.ts';
import type { Route, TransportRule } from './decision.ts';
import type { BucketRuleDocument, PolicyDocument, PrefixDocument, RuleBlocks } from './document.ts';
import { decideWrite } from './evaluate.ts';
import { compileKeys } from './keys.ts';
import { compilePattern } from './pattern.ts';
import type { Policy } from './policy.ts';
import {
  findRule,
  inAudit,
  type CompiledRule,
  type EffectiveRule,
  type Mode,
  type Replicas,
  type RuleSet,
} from './rules.ts';
import { acceptEntryOf, encryptionOf } from './values.ts';

/** Where the parsed document stands in its file. */
export interface PolicySource {
  readonly file: string;
  /** Hash of the file's content. */
  readonly revision: string;
  /** 1-based line of a value. */
  lineOf(path: readonly (string | number)[]): number;
}

/** What the policy needs to know of gateway.yaml. */
export interface PolicyWorld {
  readonly stores: Readonly<Record<string, StoreFacts>>;
  readonly bucketsWithoutRule: 'managed' | 'none';
}

export interface StoreFacts {
  readonly capabilities: Capabilities;
  /** The gateway seals what goes there. */
  readonly seals: boolean;
  readonly type: string;
  /** How the store spells key ids; absent: each in one way. */
  readonly keySpelling?: KeySpelling;
}

/** A policy with its rules open to `explain`. */
export interface CompiledPolicy extends Policy {
  readonly set: RuleSet;
}

/** Compiles a document that its schema accepts. Meaning is judged by `findings`; what is left open here fails closed. */
export function compilePolicy(document: PolicyDocument, source: PolicySource, world: PolicyWorld): CompiledPolicy {
  const sealing = new Set(Object.entries(world.stores).flatMap(([name, store]) => (store.seals ? [name] : [])));
  const keys = compileKeys(document, sealing, (store) => world.stores[store]?.keySpelling ?? LITERAL_KEYS);
  const rules = document.buckets.map((bucket, i) => compileRule(document.defaults ?? {}, bucket, i, source));
  const set: RuleSet = { rules, transport: transportOf([document.defaults ?? {}]), keys };
  const matches = grantMatcher();
  const ruleOf = (bucket: string) => findRule(set, bucket, '')?.rule;
  const route = (bucket: string): Route | undefined => {
    const rule = ruleOf(bucket);
    return rule && { store: rule.store, storeBucket: nameAt(rule, bucket), rule: rule.effective.ref };
  };
  return {
    set,
    revision: source.revision,
    file: source.file,
    aliases: keys.aliases,
    stores: [...new Set(rules.map(({ store }) => store))],
    route,
    bucketAt: (store, storeBucket) =>
      rules
        .filter((rule) => rule.store === store)
        .map((rule) => clientName(rule, storeBucket))
        // A name that an earlier rule takes elsewhere is not this bucket's.
        .find((bucket) => {
          const to = bucket === undefined ? undefined : route(bucket);
          return to?.store === store && to.storeBucket === storeBucket;
        }),
    transport: (input) => judgeTransport(set, input),
    access: (input) => judgeAccess(set, matches, input),
    visible: (principal, bucket) => principal.grants.some((grant) => matches(grant, bucket)),
    reaches: (principal, action, bucket) =>
      principal.grants.some((grant) => grant.actions.includes(action) && matches(grant, bucket)),
    decide: (input) => decideWrite(set, input),
    continues: (input) => judgeContinuation(set, input),
    delegates: (bucket, key, now) => {
      const effective = findRule(set, bucket, key)?.effective;
      return effective !== undefined && (effective.default === 'store' || inAudit(effective, now));
    },
    compares: (bucket, key) => {
      const clients = findRule(set, bucket, key)?.effective.clients;
      return clients === 'strengthen' || clients === 'refuse';
    },
    sameRule: (bucket, one, other) => findRule(set, bucket, one)?.effective === findRule(set, bucket, other)?.effective,
    mayRead: (principal, bucket, alias) => judgeKey(set, principal, bucket, alias),
    ownedDefault: (bucket, now) => {
      const effective = ruleOf(bucket)?.effective;
      if (effective?.default === undefined || effective.default === 'store' || inAudit(effective, now))
        return undefined;
      return { rule: effective.ref, encryption: effective.default };
    },
    bucketRuleMode: (bucket) => ruleOf(bucket)?.effective.bucketRule ?? 'verify',
    replicas: (bucket) => {
      const rule = ruleOf(bucket);
      if (rule === undefined || (rule.replicas === undefined && rule.replicate.length === 0)) return undefined;
      const replicas = rule.replicas ?? { rule: 'target-default' as const };
      if (replicas.rule === 'target-default') return { rule: 'target-default', targets: rule.replicate };
      const { kmsObjects, replicaKey } = replicas;
      return {
        rule: 'keep-source',
        kmsObjects,
        ...(replicaKey === undefined ? {} : { replicaKey }),
        targets: rule.replicate,
      };
    },
    allows: (bucket, call) => ruleOf(bucket)?.allow.includes(call) === true,
    keyAt: (alias, store) => (alias === 'default' ? 'default' : ((keys.idAt(alias, store) ?? alias) as StoreKeyId)),
    aliasOf: (id, store) => keys.aliasOf(id, store),
  };
}

/** The field-by-field merge of blocks, the most specific first; lists replace. */
export function mergeBlocks(blocks: readonly RuleBlocks[]): Omit<EffectiveRule, 'ref'> {
  const encryption = blocks.map((block) => block.encryption ?? {});
  const standard = first(encryption.map((block) => block.default));
  return {
    default: standard === undefined || standard === 'store' ? standard : encryptionOf(standard),
    clients: first(encryption.map((block) => block.clients)) ?? 'choose',
    accept: first(encryption.map((block) => block.accept))?.map(acceptEntryOf),
    by: first(encryption.map((block) => block.by)) ?? 'either',
    bucketRule: first(encryption.map((block) => block.bucketRule)) ?? 'verify',
    transport: transportOf(blocks),
    mode: modeOf(blocks),
  };
}

/** ms of an ISO date (its first moment, UTC) or of a date-time with an offset; undefined for anything else. */
export function untilOf(text: string): number | undefined {
  // A date-time without an offset would be read in the machine's own time zone.
  if (!/^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2}))?$/i.test(text)) return undefined;
  const at = Date.parse(text.toUpperCase());
  return Number.isNaN(at) ? undefined : at;
}

function compileRule(
  defaults: RuleBlocks,
  bucket: BucketRuleDocument,
  index: number,
  source: PolicySource,
): CompiledRule {
  const effective = (
    blocks: readonly RuleBlocks[],
    name: string,
    path: readonly (string | number)[],
  ): EffectiveRule => ({
    ref: { name, file: source.file, line: source.lineOf(path) },
    ...mergeBlocks(blocks),
  });
  const compilePrefix = (prefix: PrefixDocument, j: number) => ({
    prefix: prefix.prefix,
    effective: effective([prefix, bucket, defaults], `${bucket.match} prefix ${prefix.prefix}`, [
      'buckets',
      index,
      'prefixes',
      j,
    ]),
  });
  return {
    pattern: bucket.match,
    matches: compilePattern(bucket.match),
    store: bucket.store,
    name: bucket.name ?? '{bucket}',
    effective: effective([bucket, defaults], bucket.match, ['buckets', index]),
    prefixes: (bucket.prefixes ?? []).map(compilePrefix).sort((a, b) => b.prefix.length - a.prefix.length),
    replicas: replicasOf(bucket),
    replicate: (bucket.replicate ?? []).map((target) => ({
      bucket: target.bucket,
      prefix: target.prefix ?? '',
      deletes: target.deletes ?? false,
    })),
    allow: bucket.allow ?? [],
  };
}

function replicasOf({ replicas }: BucketRuleDocument): Replicas | undefined {
  if (replicas === undefined) return undefined;
  if (replicas === 'target-default' || replicas.rule === 'target-default') return { rule: 'target-default' };
  // Alibaba: KMS objects are replicated only when the rule opts in.
  return {
    rule: 'keep-source',
    kmsObjects: replicas.kmsObjects ?? 'skip',
    replicaKey: replicas.replicaKey as KeyAlias | undefined,
  };
}

function transportOf(blocks: readonly RuleBlocks[]): TransportRule {
  const transport = blocks.map((block) => block.transport ?? {});
  return {
    httpsOnly: first(transport.map((block) => block.httpsOnly)) ?? false,
    minTls: first(transport.map((block) => block.minTls)),
  };
}

function modeOf(blocks: readonly RuleBlocks[]): Mode {
  const mode = first(blocks.map((block) => block.mode)) ?? 'enforce';
  if (mode === 'enforce') return { kind: 'enforce' };
  const until = (typeof mode === 'object' ? mode.audit.until : undefined) ?? first(blocks.map((block) => block.until));
  if (until === undefined) return { kind: 'audit', until: undefined };
  const end = untilOf(until);
  // An end that cannot be read has come: fail closed.
  return end === undefined ? { kind: 'enforce' } : { kind: 'audit', until: end };
}

function first<T>(values: readonly (T | undefined)[]): T | undefined {
  return values.find((value) => value !== undefined);
}

const PLACEHOLDER = '{bucket}';

function nameAt(rule: CompiledRule, bucket: string): string {
  return rule.name.split(PLACEHOLDER).join(bucket);
}

/** The client's name that a rule would have mapped to a store's bucket. */
function clientName(rule: CompiledRule, storeBucket: string): string | undefined {
  const pieces = rule.name.split(PLACEHOLDER);
  if (pieces.length === 1) return rule.pattern.includes('*') ? undefined : rule.pattern;
  const fixed = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const length = (storeBucket.length - fixed) / (pieces.length - 1);
  const start = pieces[0]?.length ?? 0;
  if (!Number.isInteger(length) || length < 1) return undefined;
  return storeBucket.slice(start, start + length);
}
