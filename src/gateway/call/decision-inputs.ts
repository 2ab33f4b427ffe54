import type { Encryption } from '../../model/encryption.ts';
import type { WriteInput } from '../../policy/decision.ts';

/**
 * What a decision was made from, beside bucket, client and store: enough for another policy to be asked the same later
 * (`bucketseal diff --audit`). No key of an object, no key material.
 */
export interface DecisionInputs {
  readonly secure: boolean;
  readonly asked?: AskedInput;
  readonly illFormed?: string;
  readonly wishesIgnored?: true;
  readonly replicator?: true;
  /** The bucket's own rule, where the policy asked for it. */
  readonly bucketRule?: AskedInput;
}

/** An encryption without its key's bytes and without its context. */
export interface AskedInput {
  readonly kind: Encryption['kind'];
  /** As the client, or the policy for a bucket's rule, names it. */
  readonly keyName?: string;
  readonly algorithm?: string;
  readonly layers?: number;
  /** An encryption context came with it: that it was there, never what it says. */
  readonly context?: true;
}

export function inputsOf({ wish, secure, wishesIgnored, principal, bucketRule }: WriteInput): DecisionInputs {
  return {
    secure,
    ...(wish.state === 'wellFormed' ? { asked: asked(wish.encryption) } : {}),
    ...(wish.state === 'illFormed' ? { illFormed: wish.error.code } : {}),
    ...(wishesIgnored ? { wishesIgnored } : {}),
    ...(principal.replicator ? { replicator: true } : {}),
    ...(bucketRule === undefined ? {} : { bucketRule: asked(bucketRule) }),
  };
}

function asked(encryption: Encryption<string>): AskedInput {
  switch (encryption.kind) {
    case 'none':
      return { kind: 'none' };
    case 'managed':
    case 'customer':
      return { kind: encryption.kind, algorithm: encryption.algorithm };
    case 'kms':
      return {
        kind: 'kms',
        keyName: encryption.key,
        algorithm: encryption.algorithm,
        layers: encryption.layers,
        ...(encryption.context === undefined ? {} : { context: true }),
      };
  }
}
