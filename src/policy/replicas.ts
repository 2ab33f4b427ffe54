import type { Encryption, KeyAlias, WireKeyId } from '../model/encryption.ts';
import type { Resolved } from './decision.ts';
import type { Replicas } from './rules.ts';

export type ReplicaChoice =
  | {
      readonly kind: 'take';
      readonly encryption: Resolved;
      /** The policy's own word (default, replica key): `accept:` does not judge it. */
      readonly named: boolean;
      readonly reason: string;
    }
  | { readonly kind: 'skip'; readonly reason: string };

/**
 * What a replica is encrypted with. JD's rule: the target's default, whatever the source was. Alibaba's: nine rows, the
 * source's method is kept, and what touches a named key is replicated only under `kmsObjects: replicate`.
 */
export function chooseReplica(
  replicas: Replicas,
  source: Encryption<WireKeyId> | undefined,
  standard: Resolved,
): ReplicaChoice {
  if (replicas.rule === 'target-default')
    return { kind: 'take', encryption: standard, named: true, reason: "the target's default applies to replicas" };
  const opted = replicas.kmsObjects === 'replicate';
  if (source === undefined || source.kind === 'none') {
    if (standard.kind === 'kms' && standard.key !== 'default' && !opted)
      return skip("a replica would go under the target's key, and kmsObjects does not say replicate");
    return { kind: 'take', encryption: standard, named: true, reason: "a plain source takes the target's default" };
  }
  switch (source.kind) {
    case 'managed':
      return { kind: 'take', encryption: source, named: false, reason: "the source's method is kept" };
    case 'kms':
      // Only the presence of the source's key counts: its id belongs to another store.
      if (source.key === 'default')
        return {
          kind: 'take',
          encryption: withKey(source, 'default'),
          named: false,
          reason: "the source's method is kept",
        };
      if (!opted) return skip('the source has a KMS key, and kmsObjects does not say replicate');
      if (replicas.replicaKey === undefined) return skip('the source has a KMS key, and there is no replicaKey');
      return {
        kind: 'take',
        encryption: withKey(source, replicas.replicaKey),
        named: true,
        reason: 'a source with a KMS key goes under the replica key',
      };
    case 'customer':
      return skip("a source under a customer's key has no counterpart among the replication rows");
  }
}

function skip(reason: string): ReplicaChoice {
  return { kind: 'skip', reason };
}

function withKey(source: Extract<Encryption<WireKeyId>, { kind: 'kms' }>, key: KeyAlias | 'default'): Resolved {
  return { ...source, key };
}
