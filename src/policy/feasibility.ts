import type { Capabilities } from '../model/backend.ts';
import type { Resolved } from './decision.ts';
import type { By } from './document.ts';
import { sameEncryption } from './rank.ts';
import type { AcceptEntry } from './values.ts';

/**
 * Who can do an encryption at a store. `cause` of an impossible one: the algorithm or layers have no counterpart, the
 * key has no id there, or the store (or who may encrypt) does not allow it.
 */
export type Feasibility =
  | { readonly kind: 'native' }
  | { readonly kind: 'sealed' }
  | { readonly kind: 'impossible'; readonly cause: Obstacle['cause']; readonly reason: string };

export interface Obstacle {
  readonly cause: 'algorithm' | 'key' | 'store';
  readonly reason: string;
}

export interface FeasibilityQuestion {
  readonly encryption: Resolved | AcceptEntry;
  readonly by: By;
  readonly capabilities: Capabilities;
  readonly canSeal: boolean;
  /** The store's id of a named key; undefined: it has none. */
  readonly keyId: string | undefined;
  /** Whether two ids name one key at the store. */
  readonly sameKey: (one: string, other: string) => boolean;
  /** For stores that encrypt by bucket rule only: what the bucket's rule is; undefined where the rule itself is asked about. */
  readonly bucketDefault: Resolved | undefined;
}

export function feasibility(question: FeasibilityQuestion): Feasibility {
  const { by } = question;
  const native = nativeObstacle(question);
  // Plaintext has nothing to seal, whoever encrypts.
  if (question.encryption.kind === 'none') return native === undefined ? { kind: 'native' } : impossible(native);
  if (by !== 'gateway' && native === undefined) return { kind: 'native' };
  if (by === 'store') return impossible(native ?? NO_SEAL);
  const seal = sealObstacle(question);
  if (seal === undefined) return { kind: 'sealed' };
  // The seal's obstacle is the better answer where the gateway must seal; else the store's own.
  return impossible(question.canSeal || native === undefined ? seal : native);
}

/** Why the store itself cannot, or undefined. A sealing store has no encryption of its own, whatever it declares. */
function nativeObstacle(question: FeasibilityQuestion): Obstacle | undefined {
  const { encryption, capabilities } = question;
  if (capabilities.seals)
    return encryption.kind === 'none' ? undefined : store('the store has no encryption of its own');
  if (!capabilities.perObject && question.bucketDefault !== undefined && !isBucketsOwn(question))
    return store('the store encrypts by the rule of the bucket only, and that rule says otherwise');
  switch (encryption.kind) {
    case 'none':
    case 'unspecified':
      return undefined;
    case 'managed':
      if (capabilities.managed.includes(encryption.algorithm)) return undefined;
      return encryption.algorithm === 'AES256'
        ? store('the store has no managed keys')
        : algorithm(`the store has no managed ${encryption.algorithm}`);
    case 'customer':
    case 'anyCustomer':
      return capabilities.customerKey ? undefined : store("the store takes no customer's key");
    case 'kms':
      return kmsObstacle(question, encryption);
  }
}

/** Why the gateway cannot seal it, or undefined: the envelope is AES-256-GCM in one layer. */
function sealObstacle(question: Pick<FeasibilityQuestion, 'encryption' | 'canSeal'>): Obstacle | undefined {
  const { encryption, canSeal } = question;
  if (!canSeal) return NO_SEAL;
  if (encryption.kind === 'unspecified') return store('there is no encryption to seal with');
  if ((encryption.kind === 'managed' || encryption.kind === 'kms') && encryption.algorithm !== 'AES256')
    return algorithm(`the gateway does not seal with ${encryption.algorithm}`);
  if (encryption.kind === 'kms' && encryption.layers !== 1) return algorithm('the gateway seals in one layer only');
  return undefined;
}

const NO_SEAL: Obstacle = { cause: 'store', reason: 'the gateway cannot seal on this store' };

function kmsObstacle(
  { capabilities, keyId, sameKey }: FeasibilityQuestion,
  encryption: Extract<Resolved, { kind: 'kms' }>,
): Obstacle | undefined {
  if (capabilities.kms === 'none') return store('the store has no KMS');
  if (encryption.key === 'default') {
    if (!capabilities.kmsDefaultKey) return store('the store takes KMS with a named key only');
  } else {
    if (keyId === undefined) return { cause: 'key', reason: `the store has no id for the key ${encryption.key}` };
    if (capabilities.kms !== 'any' && !capabilities.kms.some((known) => sameKey(known, keyId)))
      return { cause: 'key', reason: `the store does not have the key ${encryption.key}` };
  }
  if (!capabilities.kmsAlgorithms.includes(encryption.algorithm))
    return algorithm(`the store has no ${encryption.algorithm} under KMS`);
  if (!capabilities.layers.includes(encryption.layers)) return algorithm('the store does not encrypt in two layers');
  if (encryption.context !== undefined && !capabilities.context) return store('the store takes no encryption context');
  if (encryption.bucketKey === true && !capabilities.bucketKey) return store('the store has no bucket keys');
  return undefined;
}

function isBucketsOwn({ encryption, bucketDefault }: FeasibilityQuestion): boolean {
  if (bucketDefault === undefined || encryption.kind === 'anyCustomer') return false;
  return sameEncryption(encryption, bucketDefault);
}

function impossible(obstacle: Obstacle): Feasibility {
  return { kind: 'impossible', ...obstacle };
}

function store(reason: string): Obstacle {
  return { cause: 'store', reason };
}

function algorithm(reason: string): Obstacle {
  return { cause: 'algorithm', reason };
}
