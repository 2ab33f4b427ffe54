import { principalOf, policyFactsOf } from '../config/policy-world.ts';
import type { DeclaredConfig } from '../config/gateway-config.ts';
import type { RequestDescription } from '../config/policy-cases.ts';
import { secret } from '../model/encryption.ts';
import type { Encryption, WireKeyId } from '../model/encryption.ts';
import type { Wish } from '../model/objects.ts';
import { ACTION_OF } from '../model/operations.ts';
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
  const secure = request.secure ?? true;
  const access: AccessInput = {
    principal,
    action: ACTION_OF[operation],
    bucket: request.bucket,
    key: request.key,
    secure,
    tlsVersion: secure ? `TLSv${request.tls ?? '1.3'}` : undefined,
  };
  const route = policy.route(request.bucket);
  const store = route === undefined ? undefined : policyFactsOf(config).stores[route.store];
  if (!DECIDED.includes(operation) || route === undefined || store === undefined)
    return { ok: true, explanation: explain(policy, { access }) };
  const write: WriteInput = {
    principal,
    bucket: request.bucket,
    key: request.key ?? '',
    wish: wishOf(request.encryption),
    wishesIgnored: request.wishesIgnored ?? false,
    bucketRule: bucketRuleOf(request.bucketRule),
    store: { name: route.store, capabilities: store.capabilities },
    canSeal: store.seals,
    bucketsWithoutRule: config.bucketsWithoutRule,
    secure,
    now: at,
  };
  return { ok: true, explanation: explain(policy, { access, write }) };
}

/** The writes whose encryption is decided when they begin. */
const DECIDED: readonly string[] = ['PutObject', 'CopyObject', 'CreateMultipartUpload', 'AppendObject'];

const EVERY_RIGHT: Principal = {
  accessKeyId: '(every right)',
  grants: [{ buckets: ['*'], actions: ['read', 'write', 'delete', 'list', 'configure'] }],
  keys: ['*'],
  replicator: false,
  transport: undefined,
};

function principalFor(config: DeclaredConfig, client: string | undefined): Principal | undefined {
  if (client === undefined) return EVERY_RIGHT;
  const found = config.clients.find(
    ({ name, accessKeyId }) => name === client || (accessKeyId.from === 'clear' && accessKeyId.value === client),
  );
  return found === undefined ? undefined : principalOf(found, client);
}

function isOperation(name: string): name is keyof typeof ACTION_OF {
  return Object.hasOwn(ACTION_OF, name);
}

function wishOf(value: RequestDescription['encryption']): Wish {
  if (value === undefined || value === 'none') return { state: 'absent' };
  const raw = typeof value === 'string' ? value : JSON.stringify(value);
  if (value === 'customer') {
    // Only that there is a key counts here; no policy looks at its bytes.
    const key = { key: secret(new Uint8Array(32)), md5: '' };
    return { state: 'wellFormed', encryption: { kind: 'customer', algorithm: 'AES256', key }, raw };
  }
  return { state: 'wellFormed', encryption: encryptionOf(value) as Encryption as Encryption<WireKeyId>, raw };
}

function bucketRuleOf(value: EncryptionValue | undefined): WriteInput['bucketRule'] {
  if (value === undefined) return undefined;
  const encryption = encryptionOf(value);
  return encryption.kind === 'none' ? undefined : encryption;
}
