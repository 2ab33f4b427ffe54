export type FindingLevel = 'ERROR' | 'SECURITY_WARNING' | 'WARNING' | 'SUGGESTION';

/** Every code that the second pass can answer; codes are stable. An ERROR keeps the policy from being loaded. */
export const FINDING_CODES = {
  'no-default': { level: 'ERROR', text: 'Neither the rule nor `defaults` says what an object is encrypted with.' },
  'store-unknown': { level: 'ERROR', text: 'The rule names a store that gateway.yaml does not have.' },
  'store-reserved': { level: 'ERROR', text: 'A store cannot be called `keyring`: `keys:` means the gateway by it.' },
  'default-infeasible': { level: 'ERROR', text: 'The default is something that can never be done at the store.' },
  'default-refused': {
    level: 'WARNING',
    text: 'Nobody can do the default at the store yet; writes that rely on it are refused.',
  },
  'accept-infeasible': { level: 'ERROR', text: 'The store, which must encrypt itself, cannot do what `accept` lists.' },
  'accept-refused': {
    level: 'WARNING',
    text: 'Nobody can do at the store what `accept` lists; such writes are refused.',
  },
  'sealing-unavailable': { level: 'ERROR', text: '`by: gateway` is available on the embedded store only.' },
  'bucket-rule-unsatisfiable': {
    level: 'ERROR',
    text: 'The store encrypts by bucket rule only, and the policy asks for something else.',
  },
  'alias-unresolved': {
    level: 'ERROR',
    text: 'A rule on a store of its own keys names a key that `keys:` does not have.',
  },
  'alias-undeclared': {
    level: 'ERROR',
    text: 'A rule on a sealing store, or `keys` of a client, names a key that `keys:` of the policy does not have.',
  },
  'alias-reserved': { level: 'ERROR', text: '`default` is every default key; `keys:` cannot give it another meaning.' },
  'key-id-ambiguous': { level: 'ERROR', text: "A store's id of one key is the name of another." },
  'key-id-shared': { level: 'WARNING', text: 'Two names stand for the same key at a store.' },
  'key-store-unknown': { level: 'WARNING', text: '`keys:` has an id for a store that gateway.yaml does not have.' },
  'replica-key-missing': { level: 'ERROR', text: '`kmsObjects: replicate` needs a `replicaKey`.' },
  'replica-key-unused': { level: 'SUGGESTION', text: '`replicaKey` has no effect without `kmsObjects: replicate`.' },
  'replica-key-infeasible': { level: 'WARNING', text: 'The store cannot encrypt under the replica key.' },
  'replicate-target-without-rule': { level: 'ERROR', text: 'No rule matches the bucket that replicas go to.' },
  'replicate-unavailable': {
    level: 'WARNING',
    text: '`replicate:` is recorded and shown, but this version does not replicate: nothing is copied.',
  },
  'replicate-to-itself': { level: 'ERROR', text: 'A bucket replicates into itself.' },
  'prefix-duplicate': { level: 'ERROR', text: 'The same prefix stands twice in one rule.' },
  'allow-unavailable': {
    level: 'WARNING',
    text: '`allow:` names what is refused whatever the policy says: process, and callback and public-acl at an embedded store.',
  },
  'until-invalid': { level: 'ERROR', text: '`until` is no date.' },
  'plaintext-default': { level: 'SECURITY_WARNING', text: 'Objects that ask for nothing are stored in plaintext.' },
  'plaintext-without-rule': {
    level: 'SECURITY_WARNING',
    text: 'Under `default: store` a bucket without a rule of its own stores plaintext.',
  },
  'http-with-kms': { level: 'WARNING', text: 'Objects under KMS keys may travel over plain HTTP.' },
  'http-with-customer-key': {
    level: 'WARNING',
    text: "Customers' keys are accepted, and plain HTTP is open: a client may send its key in clear before it is refused.",
  },
  'audit-without-until': { level: 'WARNING', text: 'Audit mode has no end.' },
  'until-without-audit': { level: 'SUGGESTION', text: '`until` has no effect without audit mode.' },
  'clients-below-default': { level: 'WARNING', text: 'Under `clients: choose` a client may go below the default.' },
  'accept-without-effect': { level: 'SUGGESTION', text: '`accept` has no effect where clients cannot choose.' },
  'min-tls-without-https': { level: 'SUGGESTION', text: '`minTls` does not bind connections without TLS.' },
  'rule-unreachable': { level: 'WARNING', text: 'An earlier rule takes every bucket that this one matches.' },
  'rules-overlap': { level: 'WARNING', text: 'Some buckets match two rules; the first one decides.' },
  'rule-narrows': { level: 'SUGGESTION', text: 'An earlier rule takes some of the buckets that this one matches.' },
  'name-shared': { level: 'WARNING', text: 'Several buckets of the clients lie in one bucket of the store.' },
  'writer-lacks-key': { level: 'WARNING', text: "A client may write, but does not hold the default's key." },
} as const satisfies Readonly<Record<string, { readonly level: FindingLevel; readonly text: string }>>;

export type FindingCode = keyof typeof FINDING_CODES;
export type Path = readonly (string | number)[];

/** One diagnostic about a policy's meaning. */
export interface Finding {
  readonly level: FindingLevel;
  readonly code: FindingCode;
  readonly message: string;
  readonly path: Path;
  readonly suggestion?: string;
  /** The line under `keys:` that would make the name a key. */
  readonly declare?: string;
}

export function finding(code: FindingCode, path: Path, message: string, suggestion?: string): Finding {
  const { level } = FINDING_CODES[code];
  return { level, code, message, path, ...(suggestion === undefined ? {} : { suggestion }) };
}
