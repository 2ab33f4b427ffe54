import type { CompiledPolicy, PolicyWorld } from './compile.ts';
import type { Principal } from './decision.ts';
import type { PolicyDocument } from './document.ts';
import { finding, type Finding, type Path } from './finding-codes.ts';
import { keyFindings } from './findings-keys.ts';
import { placeFindings, placesOf } from './findings-places.ts';
import { KEYRING } from './keys.ts';
import { covers, intersects } from './pattern.ts';
import { didYouMean } from './suggestion.ts';

/** The second pass: what a well-formed policy means, in file order. Without `clients`, findings about writers are left out. */
export function findings(
  document: PolicyDocument,
  policy: CompiledPolicy,
  world: PolicyWorld & { readonly clients?: readonly Principal[] },
): readonly Finding[] {
  const all = [
    ...keyFindings(document, world),
    ...placesOf(document).flatMap((place) => placeFindings(place, policy, world)),
    ...document.buckets.flatMap((_, i) => ruleFindings(document, policy, world, i)),
    ...overlapFindings(document),
  ];
  // A prefix inherits what its bucket says, and buckets what `defaults` says: one finding for one place of the file.
  const seen = new Set<string>();
  const unresolved = all.filter(({ code }) => code === 'alias-unresolved').map(({ path }) => JSON.stringify(path));
  return all.filter(({ code, path, message }) => {
    // That a store has no id for a key that does not exist is the same mistake told twice.
    if (code !== 'alias-unresolved' && unresolved.includes(JSON.stringify([...path, 'kms']))) return false;
    const id = JSON.stringify([code, path, message]);
    if (seen.has(id)) return false;
    seen.add(id);
    return true;
  });
}

function ruleFindings(
  document: PolicyDocument,
  policy: CompiledPolicy,
  world: PolicyWorld,
  index: number,
): readonly Finding[] {
  const rule = document.buckets[index];
  if (rule === undefined) return [];
  const path: Path = ['buckets', index];
  const found: Finding[] = [];
  const add = (...args: Parameters<typeof finding>) => void found.push(finding(...args));

  if (rule.store === KEYRING) add('store-reserved', [...path, 'store'], 'a store cannot be called "keyring"');
  if (!Object.hasOwn(world.stores, rule.store))
    add(
      'store-unknown',
      [...path, 'store'],
      `gateway.yaml has no store "${rule.store}"`,
      didYouMean(rule.store, Object.keys(world.stores)),
    );
  if (rule.name !== undefined && !rule.name.includes('{bucket}') && rule.match.includes('*'))
    add(
      'name-shared',
      [...path, 'name'],
      `every bucket that "${rule.match}" matches lies in "${rule.name}"`,
      'use {bucket} in the name',
    );
  for (const [j, prefix] of (rule.prefixes ?? []).entries())
    if (rule.prefixes?.slice(0, j).some((earlier) => earlier.prefix === prefix.prefix) === true)
      add('prefix-duplicate', [...path, 'prefixes', j, 'prefix'], `the prefix "${prefix.prefix}" stands here twice`);
  if (rule.replicate !== undefined && rule.replicate.length > 0)
    add('replicate-unavailable', [...path, 'replicate'], 'this version does not replicate: nothing is copied');
  for (const [j, call] of (rule.allow ?? []).entries())
    if (call === 'process' || (call !== 'fetch' && world.stores[rule.store]?.seals === true))
      add(
        'allow-unavailable',
        [...path, 'allow', j],
        `requests with a ${call} are refused at "${rule.store}", although it is allowed here`,
      );
  for (const [j, target] of (rule.replicate ?? []).entries()) {
    const at = [...path, 'replicate', j, 'bucket'];
    if (policy.route(target.bucket) === undefined)
      add('replicate-target-without-rule', at, `no rule matches the target "${target.bucket}"`);
    if (target.bucket === rule.match) add('replicate-to-itself', at, `"${target.bucket}" replicates into itself`);
  }
  if (typeof rule.replicas === 'object' && rule.replicas.rule === 'keep-source') {
    const { kmsObjects, replicaKey } = rule.replicas;
    if (kmsObjects === 'replicate' && replicaKey === undefined)
      add('replica-key-missing', [...path, 'replicas'], 'kmsObjects: replicate needs a replicaKey');
    if (kmsObjects !== 'replicate' && replicaKey !== undefined)
      add('replica-key-unused', [...path, 'replicas', 'replicaKey'], 'replicaKey has no effect here');
  }
  return found;
}

function overlapFindings(document: PolicyDocument): readonly Finding[] {
  return document.buckets.flatMap((rule, j): readonly Finding[] => {
    const path = ['buckets', j, 'match'];
    const earlier = document.buckets.slice(0, j).map(({ match }) => match);
    const hiding = earlier.find((match) => covers(match, rule.match));
    if (hiding !== undefined)
      return [
        finding(
          'rule-unreachable',
          path,
          `no bucket reaches this rule: "${hiding}" stands before it and matches all of "${rule.match}"`,
          'move it before the wider rule',
        ),
      ];
    // A closing `*` is meant to take the rest.
    if (/^\*+$/.test(rule.match)) return [];
    return earlier
      .filter((match) => intersects(match, rule.match))
      .map((match) =>
        covers(rule.match, match)
          ? finding(
              'rule-narrows',
              path,
              `"${match}" stands before this rule and takes its buckets from "${rule.match}"`,
            )
          : finding('rules-overlap', path, `"${match}" and "${rule.match}" share buckets; "${match}" decides for them`),
      );
  });
}
