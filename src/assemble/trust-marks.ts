import { createHash } from 'node:crypto';
import type { GatewayConfig } from '../config/gateway-config.ts';
import type { TrustMark } from '../gateway/memory/distrust.ts';
import type { KeyAlias } from '../model/encryption.ts';
import type { CompiledPolicy } from '../policy/compile.ts';
import type { CompiledRule, EffectiveRule } from '../policy/rules.ts';

/**
 * The store's block and the policy of the bucket, without what has no part in how objects are encrypted: whose credentials
 * the gateway has (they rotate), and where in its file a rule stands.
 */
export function trustMarks(config: GatewayConfig, policy: CompiledPolicy): TrustMark {
  return (store, bucket) => {
    const { credentials: _rotated, ...block } = { credentials: undefined, ...config.stores[store] };
    const client = policy.bucketAt(store, bucket);
    const rules = policy.set.rules.filter((rule) => rule.store === store);
    const own = client === undefined ? undefined : rules.find((rule) => rule.matches(client));
    const marked = own === undefined ? rules : [own];
    return createHash('sha256')
      .update(JSON.stringify([block, marked.map((rule) => ruleMark(rule, store, policy))]))
      .digest('base64');
  };
}

function ruleMark(rule: CompiledRule, store: string, policy: CompiledPolicy): unknown {
  const { effective, prefixes, matches: _function, ...rest } = rule;
  const blocks = [effective, ...prefixes.map((prefix) => prefix.effective)];
  const replicaKey = rule.replicas?.rule === 'keep-source' ? rule.replicas.replicaKey : undefined;
  const named = [...blocks.flatMap(aliasesIn), ...(replicaKey === undefined ? [] : [replicaKey])];
  return [
    rest,
    blocks.map(({ ref: _place, ...block }) => block),
    prefixes.map(({ prefix }) => prefix),
    named.map((alias) => policy.keyAt(alias, store)),
  ];
}

function aliasesIn({ default: standard, accept }: EffectiveRule): readonly (KeyAlias | 'default')[] {
  return [...(typeof standard === 'object' ? [standard] : []), ...(accept ?? [])].flatMap((encryption) =>
    encryption.kind === 'kms' ? [encryption.key] : [],
  );
}
