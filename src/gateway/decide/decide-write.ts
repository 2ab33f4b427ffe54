import type { Encryption, KeyAlias, StoreKeyId } from '../../model/encryption.ts';
import { GatewayError } from '../../model/errors.ts';
import type { Wish } from '../../model/objects.ts';
import type { OperationName } from '../../model/operations.ts';
import type { Allowance, Decision, Denial, WriteInput } from '../../policy/decision.ts';
import { atStore, ruleInAliases, type Policy } from '../../policy/policy.ts';
import { denialError, type Call, type Place } from '../call/call.ts';
import { inputsOf, type DecisionInputs } from '../call/decision-inputs.ts';
import { demandFitTransfer } from './encrypted-transfer.ts';
import { ensureBucketRule, ruleAtStore } from './bucket-rule.ts';
import { inexpressibleAt } from './inexpressible.ts';
import { type Expectation, describe, expectationOf } from '../expectation.ts';

/** A write's decision made ready: who encrypts, in the store's words, and what the answer must prove. */
export interface Protection {
  readonly decision: Allowance;
  /** By the gateway, before the bytes leave it. */
  readonly seal: Exclude<Encryption<KeyAlias>, { kind: 'none' }> | undefined;
  /** What the store is told; undefined when no header is sent. */
  readonly encryption: Encryption<StoreKeyId> | undefined;
  readonly expected: Expectation;
  /** What is written goes on with something that somebody else may have begun. */
  readonly begunElsewhere?: boolean;
}

export interface Intent {
  readonly operation: OperationName;
  readonly key: string;
  readonly wish: Wish;
}

/** Asks the policy, records its answer, and throws where it refuses or where the store is no longer believed. */
export async function protectWrite(call: Call, place: Place, intent: Intent): Promise<Protection> {
  let inputs: DecisionInputs | undefined;
  const decision = await decide(call, place, intent, call.snapshot.policy, (input) => {
    inputs = inputsOf(input);
  });
  const shadow = await shadowAnswer(call, place, intent, (policy) => decide(call, place, intent, policy));
  record(call, place, intent, { decision, inputs, shadow });
  if (decision.effect === 'deny') throw refusal(call, place, intent.wish, decision);
  const { encryption } = decision;
  demandFitTransfer(call, place, encryption.kind);
  const native =
    encryption.kind === 'unspecified' ? undefined : atStore(call.snapshot.policy, encryption, place.backend.name);
  const protection: Protection = {
    decision,
    seal:
      decision.by === 'gateway' && encryption.kind !== 'unspecified' && encryption.kind !== 'none'
        ? encryption
        : undefined,
    encryption: decision.by === 'store' && native !== undefined && native.kind !== 'none' ? native : undefined,
    expected: expectationOf(native ?? { kind: 'unspecified' }),
  };
  demandShortContext(protection.seal);
  assertBelieved(call, place, intent.operation, protection.encryption?.kind);
  if (protection.encryption !== undefined && !place.backend.capabilities.perObject)
    await ensureBucketRule(call, place, protection.encryption);
  return protection;
}

/** Bytes of JSON: what is sealed at a store has to fit beside the record, in what the store takes as metadata. */
const MAX_SEALED_CONTEXT = 512;

function demandShortContext(seal: Protection['seal']): void {
  const context = seal?.kind === 'kms' ? seal.context : undefined;
  if (context === undefined) return;
  const size = Buffer.byteLength(JSON.stringify(context), 'utf8');
  if (size > MAX_SEALED_CONTEXT)
    throw new GatewayError(
      'MetadataTooLarge',
      `The encryption context has ${size} bytes, and with what the gateway seals it keeps ${MAX_SEALED_CONTEXT} at most.`,
      { details: { Size: size, MaxSizeAllowed: MAX_SEALED_CONTEXT } },
    );
}

/** The policy's answer alone: nothing is recorded. `observe` sees what the policy was asked. */
export async function decide(
  call: Call,
  place: Place,
  intent: Intent,
  policy: Policy,
  observe?: (input: WriteInput) => void,
): Promise<Decision> {
  const { key, wish } = intent;
  const facts = await factsOf(call, place, policy, { key, named: wish.state === 'wellFormed' });
  const input: WriteInput = { ...facts, wish };
  observe?.(input);
  return policy.decide(input);
}

/** What a policy is asked about a write beside the wish; `named`: an encryption is, and may have to be compared. */
export async function factsOf(
  call: Call,
  place: Place,
  policy: Policy,
  { key, named }: { readonly key: string; readonly named: boolean },
): Promise<Omit<WriteInput, 'wish'>> {
  const { capabilities } = place.backend;
  // The embedded store leaves its rule to the gateway; elsewhere the store applies it, and only a comparison needs it.
  const needed = capabilities.seals || (named && policy.compares(place.bucket, key));
  const delegated = needed && policy.delegates(place.bucket, key, call.services.now());
  const rule = delegated && capabilities.bucketEncryption ? await ruleAtStore(call, place) : undefined;
  return {
    principal: call.client.principal,
    bucket: place.bucket,
    key,
    wishesIgnored: call.dialect.traits.wishesIgnored,
    bucketRule: rule === undefined ? undefined : ruleInAliases(policy, rule, place.backend.name),
    store: { name: place.backend.name, capabilities: place.backend.capabilities },
    canSeal: place.backend.capabilities.seals,
    bucketsWithoutRule: call.snapshot.bucketsWithoutRule,
    secure: call.wire.connection.secure,
    now: call.services.now(),
  };
}

/** A wish that the store's language has no word for is refused with both names: it is never rounded down. */
function refusal(call: Call, place: Place, wish: Wish, denial: Denial): GatewayError {
  const { name } = call.dialect;
  const own = denialError(denial, name);
  const reason = wish.state === 'wellFormed' ? inexpressibleAt(call, place, wish.encryption) : undefined;
  if (own.code === 'AccessDenied' || reason === undefined) return own;
  return new GatewayError(own.code, `${own.message} ${reason}`, {
    details: own.details,
    ...(own.ec === undefined ? {} : { ec: own.ec }),
    wording: { ...own.wording, [name]: `${own.wording[name] ?? own.message} ${reason}` },
  });
}

/** A store that lied about this kind of write is refused before a byte is sent, until it is trusted again. */
export function assertBelieved(
  call: Call,
  place: Place,
  operation: OperationName,
  kind: Expectation['kind'] | undefined,
): void {
  if (kind === undefined) return;
  const tuple = { store: place.backend.name, bucket: place.storeBucket, operation, kind };
  if (call.snapshot.distrust.has(tuple))
    throw new GatewayError(
      'EncryptionNotHonoured',
      `The store ${tuple.store} did not honour ${tuple.kind} encryption on ${operation} before; nothing was sent.`,
    );
}

/** What the shadow policy would have answered, from its transport rules on; it never stands in the way of a request. */
export async function shadowAnswer(
  call: Call,
  place: Place,
  intent: Pick<Intent, 'operation' | 'key'>,
  ask: (shadow: Policy) => Promise<Decision>,
): Promise<string | undefined> {
  const { shadow } = call.snapshot;
  if (shadow === undefined) return undefined;
  const { principal } = call.client;
  const { secure, tlsVersion } = call.wire.connection;
  const { bucket } = place;
  try {
    const access = shadow.access({ principal, action: 'write', bucket, key: intent.key, secure, tlsVersion });
    if (access.effect === 'deny') return answerOf(access);
    const route = shadow.route(bucket);
    if (route !== undefined && (route.store !== place.backend.name || route.storeBucket !== place.storeBucket))
      return `route to ${route.storeBucket} at ${route.store}`;
    return answerOf(await ask(shadow));
  } catch (error) {
    call.services.signals.failure({ requestId: call.context.requestId, operation: intent.operation, error });
    return undefined;
  }
}

export interface Answered {
  readonly decision: Decision;
  readonly inputs: DecisionInputs | undefined;
  readonly shadow: string | undefined;
  /** Of a continuation: what was begun, and what would be demanded today. */
  readonly continued?: { readonly recorded: string; readonly demanded: string };
}

/** The audit's line for a decision. */
export function record(call: Call, place: Place, intent: Intent, answered: Answered): void {
  const { decision, inputs, shadow, continued } = answered;
  const { wish } = intent;
  call.services.signals.decision({
    requestId: call.context.requestId,
    accessKeyId: call.client.principal.accessKeyId,
    operation: intent.operation,
    bucket: place.bucket,
    key: intent.key,
    dialect: call.dialect.name,
    store: place.backend.name,
    wish: wish.state === 'absent' ? '' : wish.raw,
    wishIgnored: wish.state === 'absent' ? (wish.ignored ?? '') : '',
    rule: decision.rule === undefined ? '' : `${decision.rule.file}:${decision.rule.line} ${decision.rule.name}`,
    effect: decision.effect,
    decided: decision.effect === 'allow' ? wordsOf(decision) : decision.code,
    by: decision.effect === 'allow' ? decision.by : '',
    reason: decision.reason,
    overridden: decision.effect === 'allow' && decision.overridden,
    wouldHave: decision.effect === 'allow' ? wouldHave(decision) : undefined,
    shadow: shadow === answerOf(decision) ? undefined : shadow,
    policyRevision: call.snapshot.policy.revision,
    inputs,
    ...continued,
  });
}

function answerOf(decision: Decision): string {
  return decision.effect === 'deny' ? `deny ${decision.code}` : `allow ${wordsOf(decision)} by ${decision.by}`;
}

function wordsOf(decision: Allowance): string {
  return describe(expectationOf(decision.encryption));
}

function wouldHave(decision: Allowance): string | undefined {
  const other = decision.wouldHave;
  if (other === undefined) return undefined;
  return other.effect === 'deny' ? `deny ${other.code}` : `change to ${describe(expectationOf(other.encryption))}`;
}
