import { LITERAL_KEYS } from '../model/encryption.ts';
import type { PolicyWorld } from './compile.ts';
import type { PolicyDocument } from './document.ts';
import { finding, type Finding } from './finding-codes.ts';
import { KEYRING, namedAliases } from './keys.ts';
import { didYouMean } from './suggestion.ts';

/** What is wrong with `keys:` itself, and with the names that rules use. */
export function keyFindings(document: PolicyDocument, world: PolicyWorld): readonly Finding[] {
  return [...declared(document, world), ...shared(document, world), ...named(document, world)];
}

function declared(document: PolicyDocument, world: PolicyWorld): readonly Finding[] {
  const keys = Object.entries(document.keys ?? {});
  return keys.flatMap(([alias, ids]) => [
    ...(alias === 'default'
      ? [finding('alias-reserved', ['keys', alias], '"default" is every default key and cannot be given an id')]
      : []),
    ...Object.entries(ids).flatMap(([store, id]) => [
      ...(store !== KEYRING && !Object.hasOwn(world.stores, store)
        ? [
            finding(
              'key-store-unknown',
              ['keys', alias, store],
              `gateway.yaml has no store "${store}"`,
              didYouMean(store, Object.keys(world.stores)),
            ),
          ]
        : []),
      ...(store !== KEYRING && id !== alias && keys.some(([other]) => other === id)
        ? [
            finding(
              'key-id-ambiguous',
              ['keys', alias, store],
              `"${id}" is the id of "${alias}" at ${store}, and the name of another key`,
            ),
          ]
        : []),
    ]),
  ]);
}

/** Grants are by name: two names for one key would let the holder of either use it. */
function shared(document: PolicyDocument, world: PolicyWorld): readonly Finding[] {
  const owners: { readonly store: string; readonly id: string; readonly alias: string }[] = [];
  const found: Finding[] = [];
  for (const [alias, ids] of Object.entries(document.keys ?? {})) {
    for (const [store, id] of Object.entries({ [KEYRING]: alias, ...ids })) {
      const { same } =
        (Object.hasOwn(world.stores, store) ? world.stores[store]?.keySpelling : undefined) ?? LITERAL_KEYS;
      const owner = owners.find((each) => each.store === store && same(each.id, id))?.alias;
      const path = ['keys', alias, ...(Object.hasOwn(ids, store) ? [store] : [])];
      if (owner === undefined) owners.push({ store, id, alias });
      else found.push(finding('key-id-shared', path, `"${owner}" and "${alias}" are the same key at ${store}`));
    }
  }
  return found;
}

function named(document: PolicyDocument, world: PolicyWorld): readonly Finding[] {
  const known = Object.keys(document.keys ?? {});
  return namedAliases(document)
    .filter(({ alias }) => alias !== 'default' && !known.includes(alias))
    .map(({ alias, path, rule }): Finding => {
      // What `defaults` names is used by any rule.
      const stores = document.buckets.filter((_, i) => rule === undefined || i === rule).map(({ store }) => store);
      const remote = stores.filter(
        (store) => Object.hasOwn(world.stores, store) && world.stores[store]?.seals === false,
      );
      const code = remote.length > 0 ? 'alias-unresolved' : 'alias-undeclared';
      const suggestion = didYouMean(alias, [...known, 'default']);
      const declare = declarationOf(alias, remote);
      return {
        ...finding(code, path, `"keys" has no key "${alias}"`, suggestion ?? `add it to keys: ${declare}`),
        declare,
      };
    });
}

/** A line of `keys:` for a name; at a store of its own keys somebody must fill in the id. */
function declarationOf(alias: string, remote: readonly string[]): string {
  const ids =
    remote.length === 0
      ? `${KEYRING}: ${JSON.stringify(alias)}`
      : [...new Set(remote)].map((store) => `${store}: "<its id at ${store}>"`).join(', ');
  return `${JSON.stringify(alias)}: { ${ids} }`;
}
