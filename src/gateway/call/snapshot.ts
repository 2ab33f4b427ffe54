import type { Addressing, Credential, DialectName, SignatureOptions } from '../../dialects/dialect.ts';
import type { Directory } from '../../backends/directory.ts';
import type { Keyring } from '../../model/keyring.ts';
import type { Principal } from '../../policy/decision.ts';
import type { Distrust } from '../memory/distrust.ts';
import type { PassthroughSigner } from '../../backends/passthrough.ts';
import type { Policy } from '../../policy/policy.ts';

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
  readonly passthroughs: ReadonlyMap<string, PassthroughSigner>;
  readonly keyring: Keyring;
  readonly addressing: Addressing;
  readonly bucketsWithoutRule: 'managed' | 'none';
  /** 12 digits: who owns every bucket. */
  readonly owner: string;
  readonly listeners: ReadonlyMap<string, ListenerRules>;
  /** Host without port → the dialect that the name pins. */
  readonly hosts: ReadonlyMap<string, DialectName>;
  /** (store, bucket, operation, kind) tuples that were caught lying under what this snapshot says of store and bucket. */
  readonly distrust: Distrust;
  /** ms after which a client that cannot be kept waiting with white space is told that the outcome is not known yet. */
  readonly slowHead: number;
  /** ms for which a store's bucket rule counts as checked. */
  readonly bucketRuleInterval: number;
  /** ms after which an upload is continued by nobody. */
  readonly uploadLifetime: number;
}
