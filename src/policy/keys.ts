import type { KeyAlias, KeySpelling } from '../model/encryption.ts';
import type { AcceptValue, EncryptionValue, PolicyDocument, RuleBlocks } from './document.ts';

/** Aliases and the stores' own ids, both ways. */
export interface KeyBook {
  /** Every alias that `keys:` declares, in order of appearance; never `default`. */
  readonly aliases: readonly string[];
  /** The id of an alias at a store; undefined where the store has none for it. */
  idAt(alias: string, store: string): string | undefined;
  /** The alias for a store's own id, in any of its spellings. */
  aliasOf(id: string, store: string): KeyAlias | undefined;
  /** What a client wrote: the alias, or the id of the store that its bucket lies on. */
  resolve(wire: string, store: string): KeyAlias | 'default' | undefined;
  /** Whether two ids name one key at a store. */
  same(one: string, other: string, store: string): boolean;
}

/** The entry of `keys:` that belongs to the gateway's own keyring; no store can have this name. */
export const KEYRING = 'keyring';

export function compileKeys(
  document: PolicyDocument,
  sealing: ReadonlySet<string>,
  spellingAt: (store: string) => KeySpelling,
): KeyBook {
  // Maps, not objects: an alias may be called `constructor`.
  const ids = new Map(Object.entries(document.keys ?? {}).map(([alias, at]) => [alias, new Map(Object.entries(at))]));
  // A name that only a rule uses is a slip of the pen: no key is made for it.
  const aliases = new Set(ids.keys());
  aliases.delete('default');

  const byId = new Map<string, Map<string, string>>();
  for (const [alias, at] of ids)
    for (const [store, id] of at) {
      const known = byId.get(store) ?? new Map<string, string>();
      if (!known.has(id)) known.set(id, alias);
      byId.set(store, known);
    }

  const idAt = (alias: string, store: string): string | undefined => {
    if (store === KEYRING) return ids.get(alias)?.get(KEYRING) ?? alias;
    // The embedded store keeps the alias; a bucket rule may hold an id that no alias names, and it stands for itself.
    if (sealing.has(store) || !aliases.has(alias)) return alias;
    return ids.get(alias)?.get(store);
  };
  const aliasOf = (id: string, store: string): KeyAlias | undefined => {
    const own = byId.get(store)?.get(id) ?? spelledOtherwise(byId.get(store), id, spellingAt(store));
    if (own !== undefined) return own as KeyAlias;
    return (sealing.has(store) || store === KEYRING) && aliases.has(id) ? (id as KeyAlias) : undefined;
  };
  return {
    aliases: [...aliases],
    idAt,
    aliasOf,
    resolve: (wire, store) => {
      if (wire === 'default') return 'default';
      return aliases.has(wire) ? (wire as KeyAlias) : aliasOf(wire, store);
    },
    same: (one, other, store) => spellingAt(store).same(one, other),
  };
}

/** An id that stands for keys in two accounts names neither. */
function spelledOtherwise(
  known: ReadonlyMap<string, string> | undefined,
  id: string,
  spelling: KeySpelling,
): string | undefined {
  const found = new Set([...(known ?? [])].filter(([own]) => spelling.same(own, id)).map(([, alias]) => alias));
  return found.size === 1 ? [...found][0] : undefined;
}

export interface NamedAlias {
  readonly alias: string;
  readonly path: readonly (string | number)[];
  /** Index of the bucket rule; undefined within `defaults`. */
  readonly rule: number | undefined;
}

/** Every place of the file that names a key, `default` included. */
export function namedAliases(document: PolicyDocument): readonly NamedAlias[] {
  const inBlocks = (blocks: RuleBlocks | undefined, at: readonly (string | number)[], rule: number | undefined) => {
    const path = [...at, 'encryption'];
    return [
      ...inValue(blocks?.encryption?.default, [...path, 'default'], rule),
      ...(blocks?.encryption?.accept ?? []).flatMap((value, i) => inValue(value, [...path, 'accept', i], rule)),
    ];
  };
  return [
    ...inBlocks(document.defaults, ['defaults'], undefined),
    ...document.buckets.flatMap((bucket, i) => [
      ...inBlocks(bucket, ['buckets', i], i),
      ...(bucket.prefixes ?? []).flatMap((prefix, j) => inBlocks(prefix, ['buckets', i, 'prefixes', j], i)),
      ...inReplicas(bucket.replicas, i),
    ]),
  ];
}

function inValue(
  value: EncryptionValue | AcceptValue | 'store' | undefined,
  path: readonly (string | number)[],
  rule: number | undefined,
): readonly NamedAlias[] {
  return typeof value === 'object' && 'kms' in value ? [{ alias: value.kms, path: [...path, 'kms'], rule }] : [];
}

function inReplicas(replicas: PolicyDocument['buckets'][number]['replicas'], rule: number): readonly NamedAlias[] {
  if (typeof replicas !== 'object' || replicas.rule !== 'keep-source' || replicas.replicaKey === undefined) return [];
  return [{ alias: replicas.replicaKey, path: ['buckets', rule, 'replicas', 'replicaKey'], rule }];
}
