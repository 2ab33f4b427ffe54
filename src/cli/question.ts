import { principalOf, policyFactsOf } from '../config/policy-world.ts';
import type { DeclaredConfig } from '../config/gateway-config.ts';
import type { RequestDescription } from '../config/policy-cases.ts';
import { secret } from '../model/encryption.ts';
import type { Encryption, WireKeyId } from '../model/encryption.ts';
import type { Wish } from '../model/objects.ts';
import { ACTION_OF, type Action } from '../model/operations.ts';
import type { CompiledPolicy } from '../policy/compile.ts';
import type { AccessInput, Principal, WriteInput } from '../policy/decision.ts';
import type { EncryptionValue } from '../policy/document.ts';
import { explain } from '../policy/explain.ts';
import type { Explanation } from '../policy/explain.ts';
import { encryptionOf } from '../policy/values.ts';

/** Operations that a policy question may name. */
export const OPERATIONS: readonly string[] = Object.keys(ACTION_OF);

export type Answer =
  { readonly ok: true; readonly explanation: Explanation } | { readonly ok: false; readonly reason: string };

/** Puts a described request to the policy: the functions that live requests run. */
export function ask(policy: CompiledPolicy, config: DeclaredConfig, request: RequestDescription, now: number): Answer {
  const principal = principalFor(config, request.client);
  if (principal === undefined) return { ok: false, reason: `gateway.yaml has no client "${request.client ?? ''}"` };
  const at = request.at === undefined ? now : Date.parse(request.at);
  if (Number.isNaN(at)) return { ok: false, reason: `"${request.at ?? ''}" is no date` };
  const operation = request.operation ?? 'PutObject';
  if (!isOperation(operation)) return { ok: false, reason: `"${operation}" is no operation` };
  const explanation = askFacts(policy, config, {
    principal,
    action: ACTION_OF[operation],
    decided: DECIDED.includes(operation),
    bucket: request.bucket,
    key: request.key,
    wish: wishOf(request.encryption),
    wishesIgnored: request.wishesIgnored ?? false,
    bucketRule: bucketRuleOf(request.bucketRule),
    secure: request.secure ?? true,
    tls: request.tls ?? '1.3',
    now: at,
  });
  return { ok: true, explanation };
}

/** A request in the words that the policy's functions take. */
export interface RequestFacts extends Pick<
  WriteInput,
  'principal' | 'bucket' | 'wish' | 'wishesIgnored' | 'bucketRule' | 'secure' | 'now'
> {
  readonly action: Action;
  /** Whether the operation's encryption is decided when it begins. */
  readonly decided: boolean;
  readonly key: string | undefined;
  readonly tls: '1.2' | '1.3';
}

/** Puts understood facts to the policy. */
export function askFacts(policy: CompiledPolicy, config: DeclaredConfig, facts: RequestFacts): Explanation {
  const { principal, action, decided, bucket, key, wish, wishesIgnored, bucketRule, secure, tls, now } = facts;
  const tlsVersion = secure ? `TLSv${tls}` : undefined;
  const access: AccessInput = { principal, action, bucket, key, secure, tlsVersion };
  const write = decided
    ? writeInputOf(policy, config, { principal, bucket, key: key ?? '', wish, wishesIgnored, bucketRule, secure, now })
    : undefined;
  return explain(policy, write === undefined ? { access } : { access, write });
}

/** A write at the store that its bucket is routed to; undefined where no rule serves it. */
function writeInputOf(
  policy: CompiledPolicy,
  config: DeclaredConfig,
  input: Omit<WriteInput, 'store' | 'canSeal' | 'bucketsWithoutRule'>,
): WriteInput | undefined {
  const route = policy.route(input.bucket);
  const store = route === undefined ? undefined : policyFactsOf(config).stores[route.store];
  if (route === undefined || store === undefined) return undefined;
  return {
    ...input,
    store: { name: route.store, capabilities: store.capabilities },
    canSeal: store.seals,
    bucketsWithoutRule: config.bucketsWithoutRule,
  };
}

/** The writes whose encryption is decided when they begin. */
export const DECIDED: readonly string[] = ['PutObject', 'CopyObject', 'CreateMultipartUpload', 'AppendObject'];

/** Somebody who may do everything. */
export const EVERY_RIGHT: Principal = {
  accessKeyId: '(every right)',
  grants: [{ buckets: ['*'], actions: ['read', 'write', 'delete', 'list', 'configure'] }],
  keys: ['*'],
  replicator: false,
  transport: undefined,
};

export function principalFor(config: DeclaredConfig, client: string | undefined): Principal | undefined {
  if (client === undefined) return EVERY_RIGHT;
  const found = config.clients.find(
    ({ name, accessKeyId }) => name === client || (accessKeyId.from === 'clear' && accessKeyId.value === client),
  );
  return found === undefined ? undefined : liveOf(found, client);
}

/** A client's rights without its secret, under the name that it is asked by. */
export function liveOf(client: DeclaredConfig['clients'][number], accessKeyId: string): Principal {
  const principal = principalOf(client, accessKeyId);
  return { ...principal, transport: principal.transport && { minTls: undefined, ...principal.transport } };
}

function isOperation(name: string): name is keyof typeof ACTION_OF {
  return Object.hasOwn(ACTION_OF, name);
}

export function wishOf(value: RequestDescription['encryption']): Wish {
  if (value === undefined || value === 'none') return { state: 'absent' };
  const raw = typeof value === 'string' ? value : JSON.stringify(value);
  if (value === 'customer') {
    // Only that there is a key counts here; no policy looks at its bytes.
    const key = { key: secret(new Uint8Array(32)), md5: '' };
    return { state: 'wellFormed', encryption: { kind: 'customer', algorithm: 'AES256', key }, raw };
  }
  return { state: 'wellFormed', encryption: encryptionOf(value) as Encryption as Encryption<WireKeyId>, raw };
}

export function bucketRuleOf(value: EncryptionValue | undefined): WriteInput['bucketRule'] {
  if (value === undefined) return undefined;
  const encryption = encryptionOf(value);
  return encryption.kind === 'none' ? undefined : encryption;
}
