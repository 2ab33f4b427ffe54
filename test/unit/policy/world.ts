import type { Capabilities } from '../../../src/model/backend.ts';
import { secret, type Encryption, type WireKeyId } from '../../../src/model/encryption.ts';
import { GatewayError } from '../../../src/model/errors.ts';
import type { Wish } from '../../../src/model/objects.ts';
import { compilePolicy, type CompiledPolicy, type PolicyWorld } from '../../../src/policy/compile.ts';
import type { Principal, WriteInput } from '../../../src/policy/decision.ts';
import type { PolicyDocument } from '../../../src/policy/document.ts';

export const FULL: Capabilities = {
  managed: ['AES256', 'SM4'],
  kms: 'any',
  kmsAlgorithms: ['AES256', 'SM4'],
  layers: [1, 2],
  customerKey: true,
  kmsDefaultKey: true,
  context: true,
  bucketKey: true,
  perObject: true,
  copyWithEncryption: true,
  conditionalCopy: true,
  keys: 'exact',
  bucketEncryption: true,
  payload: 'unsigned',
  minimumPartSize: 0,
  checksumHeaders: false,
  needsContentLength: false,
  tlsOnly: false,
  seals: false,
  append: false,
  tagging: true,
  bucketInfo: true,
  completesAll: true,
};

/** A server like Ceph RGW: one named key and nothing else. */
export const PARTIAL: Capabilities = {
  ...FULL,
  managed: [],
  kms: ['orders-at-partial'],
  kmsAlgorithms: ['AES256'],
  layers: [1],
  customerKey: false,
  kmsDefaultKey: false,
  context: false,
  bucketKey: false,
};

/** The embedded store: the gateway seals. */
export const SEALING: Capabilities = {
  ...FULL,
  managed: [],
  kms: 'none',
  customerKey: false,
  layers: [1],
  seals: true,
};

/** A store that encrypts by bucket rule only, under its default key. */
export const BY_RULE: Capabilities = {
  ...FULL,
  managed: [],
  kms: [],
  kmsAlgorithms: ['AES256'],
  layers: [1],
  customerKey: false,
  perObject: false,
};

export const CAPABILITIES = { full: FULL, partial: PARTIAL, local: SEALING, byrule: BY_RULE } as const;
export type StoreName = keyof typeof CAPABILITIES;

export const WORLD: PolicyWorld = {
  stores: {
    full: { capabilities: FULL, seals: false, type: 'full' },
    partial: { capabilities: PARTIAL, seals: false, type: 'partial' },
    local: { capabilities: SEALING, seals: true, type: 'local' },
    byrule: { capabilities: BY_RULE, seals: false, type: 'by-rule' },
  },
  bucketsWithoutRule: 'managed',
};

export const KEYS = {
  orders: { full: 'orders-at-full', partial: 'orders-at-partial' },
  other: { full: 'other-at-full' },
  copies: { full: 'copies-at-full' },
};

/** Lines: the document has one thing a line; a bucket rule i stands on line 10 + i. */
export function compile(document: PolicyDocument, world: PolicyWorld = WORLD): CompiledPolicy {
  return compilePolicy(
    document,
    { file: 'policy.yaml', revision: 'r1', lineOf: (path) => 10 + Number(path[1] ?? 0) + 100 * Number(path[3] ?? 0) },
    world,
  );
}

export function principal(overrides: Partial<Principal> = {}): Principal {
  return {
    accessKeyId: 'AK',
    grants: [{ buckets: ['*'], actions: ['read', 'write', 'delete', 'list', 'configure'] }],
    keys: ['*'],
    replicator: false,
    transport: undefined,
    ...overrides,
  };
}

export function writeInput(store: StoreName, overrides: Partial<WriteInput> = {}): WriteInput {
  return {
    principal: principal(),
    bucket: 'b',
    key: 'k',
    wish: { state: 'absent' },
    wishesIgnored: false,
    bucketRule: undefined,
    store: { name: store, capabilities: CAPABILITIES[store] },
    canSeal: store === 'local',
    bucketsWithoutRule: 'managed',
    secure: true,
    now: 1_000,
    ...overrides,
  };
}

export function wishFor(encryption: Encryption<WireKeyId>): Wish {
  return { state: 'wellFormed', encryption, raw: encryption.kind };
}

export function kms(key: string, more: { algorithm?: 'AES256' | 'SM4'; layers?: 1 | 2 } = {}): Wish {
  return wishFor({ kind: 'kms', key: key as WireKeyId, algorithm: 'AES256', layers: 1, ...more });
}

export const MANAGED: Wish = wishFor({ kind: 'managed', algorithm: 'AES256' });
export const MANAGED_SM4: Wish = wishFor({ kind: 'managed', algorithm: 'SM4' });
export const CUSTOMER: Wish = wishFor({
  kind: 'customer',
  algorithm: 'AES256',
  key: { key: secret(new Uint8Array(32)), md5: 'cLyL2tf9nd+xqrdPcLBXbg==' },
});
export const ILL_FORMED: Wish = {
  state: 'illFormed',
  raw: 'AES128',
  error: new GatewayError('InvalidArgument', 'The encryption method specified is not supported', {
    details: { ArgumentValue: 'AES128' },
  }),
};
