import type { Addressing, Credential, DialectName, SignatureOptions } from '../dialects/dialect.ts';
import type { Directory } from '../backends/directory.ts';
import type { Keyring } from '../model/keyring.ts';
import type { Principal } from '../policy/decision.ts';
import type { LaneSigner } from './lane.ts';
import type { Policy } from '../policy/policy.ts';

/** A client of the configuration: who it is, how it signs, and the language it is pinned to. */
export interface Client {
  readonly principal: Principal;
  readonly credential: Credential;
  readonly dialect: DialectName | undefined;
}

export interface ListenerRules {
  readonly dialect: DialectName | undefined;
  readonly signatures: SignatureOptions;
}

/** Everything that a reload swaps. A request lives and dies with the snapshot it began with. */
export interface Snapshot {
  readonly revision: string;
  readonly policy: Policy;
  readonly shadow: Policy | undefined;
  readonly clients: ReadonlyMap<string, Client>;
  readonly directory: Directory;
  /** By store name. */
  readonly lanes: ReadonlyMap<string, LaneSigner>;
  readonly keyring: Keyring;
  readonly addressing: Addressing;
  readonly bucketsWithoutRule: 'managed' | 'none';
  readonly listeners: ReadonlyMap<string, ListenerRules>;
  /** Host without port → the dialect that the name pins. */
  readonly hosts: ReadonlyMap<string, DialectName>;
  /** (store, bucket, operation, kind) tuples that were caught lying; a reload begins with none. */
  readonly distrust: Distrust;
  /** ms for which a store's bucket rule counts as checked. */
  readonly bucketRuleInterval: number;
  /** ms after which an upload is continued by nobody. */
  readonly uploadLifetime: number;
}

/** Remembers which stores did not do as they said. */
export interface Distrust {
  add(tuple: DistrustTuple): void;
  has(tuple: DistrustTuple): boolean;
  clear(store: string): void;
  readonly size: number;
}

export interface DistrustTuple {
  readonly store: string;
  readonly bucket: string;
  readonly operation: string;
  readonly kind: string;
}

/** Bounded by stores × buckets × operations × kinds in use; the oldest go first past the limit. */
const DISTRUST_LIMIT = 10_000;

export function createDistrust(): Distrust {
  const tuples = new Map<string, DistrustTuple>();
  const idOf = (tuple: DistrustTuple): string =>
    JSON.stringify([tuple.store, tuple.bucket, tuple.operation, tuple.kind]);
  return {
    add(tuple) {
      const oldest = tuples.size >= DISTRUST_LIMIT ? tuples.keys().next().value : undefined;
      if (oldest !== undefined) tuples.delete(oldest);
      tuples.set(idOf(tuple), tuple);
    },
    has: (tuple) => tuples.has(idOf(tuple)),
    clear(store) {
      for (const [id, tuple] of tuples) if (tuple.store === store) tuples.delete(id);
    },
    get size() {
      return tuples.size;
    },
  };
}
