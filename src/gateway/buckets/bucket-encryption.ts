import type { BucketRule, Encryption, KeyAlias, StoreKeyId, WireKeyId } from '../../model/encryption.ts';
import { GatewayError } from '../../model/errors.ts';
import type { StorageRequest, StorageResult } from '../../model/operations.ts';
import type { Policy } from '../../policy/policy.ts';
import { ruleAtStore } from '../decide/bucket-rule.ts';
import { enter, type Call, type Place } from '../call/call.ts';
import { inexpressibleAt } from '../decide/inexpressible.ts';
import { shown } from '../answer/shown.ts';

/** The policy owns the rule where its default is not `store`; else the bucket's own rule at the store counts. */
export async function getBucketEncryption(
  call: Call,
  request: StorageRequest<'GetBucketEncryption'>,
): Promise<StorageResult<'GetBucketEncryption'>> {
  const place = enter(call, 'configure', request.bucket);
  return { rule: await effectiveRule(call, place) };
}

/** The rule as this client may see it, undefined where there is none. */
export async function effectiveRule(call: Call, place: Place): Promise<BucketRule | undefined> {
  const { policy } = call.snapshot;
  const owned = policy.ownedDefault(place.bucket, call.services.now());
  if (owned !== undefined) return shownRule(call, place, owned.encryption);
  const rule = await ruleAtStore(call, place);
  if (rule !== undefined) return shownStoreRule(call, place, rule);
  const implied =
    place.backend.capabilities.seals &&
    call.snapshot.bucketsWithoutRule === 'managed' &&
    call.dialect.traits.showsImpliedRule;
  return implied ? { kind: 'managed', algorithm: 'AES256' } : undefined;
}

export async function putBucketEncryption(call: Call, request: StorageRequest<'PutBucketEncryption'>): Promise<object> {
  const place = enter(call, 'configure', request.bucket);
  const storeRule = judgedRule(call, place, request.rule);
  if (storeRule === undefined) return {};
  await place.backend.execute({ ...request, bucket: place.storeBucket, storeRule }, call.context);
  call.services.checkedRules.forget();
  return {};
}

/** What the store is to be told; undefined where the policy itself already sets this rule. Throws for what is refused. */
export function judgedRule(call: Call, place: Place, rule: BucketRule<WireKeyId>): BucketRule | undefined {
  const { policy } = call.snapshot;
  const wanted = resolveRule(policy, rule, place);
  const owned = policy.ownedDefault(place.bucket, call.services.now());
  if (owned !== undefined) {
    if (sameRule(owned.encryption, wanted)) return undefined;
    throw ownedByPolicy(call, place);
  }
  demandGrant(call, wanted);
  const storeRule: BucketRule =
    wanted.kind === 'kms' ? { ...wanted, key: policy.keyAt(wanted.key, place.backend.name) } : wanted;
  demandFeasible(place, storeRule);
  const reason = inexpressibleAt(call, place, storeRule);
  if (reason !== undefined) throw new GatewayError('InvalidEncryptionAlgorithmError', reason);
  return storeRule;
}

export async function deleteBucketEncryption(
  call: Call,
  request: StorageRequest<'DeleteBucketEncryption'>,
): Promise<object> {
  const place = enter(call, 'configure', request.bucket);
  if (call.snapshot.policy.ownedDefault(place.bucket, call.services.now()) !== undefined)
    throw ownedByPolicy(call, place);
  const result = await place.backend.execute({ ...request, bucket: place.storeBucket }, call.context);
  call.services.checkedRules.forget();
  return result;
}

/** A client's key id, alias or the store's own, as an alias; an id that nobody knows is refused. */
function resolveRule(policy: Policy, rule: BucketRule<WireKeyId>, place: Place): BucketRule<KeyAlias> {
  if (rule.kind !== 'kms' || rule.key === 'default') return rule as BucketRule<KeyAlias>;
  const named = policy.aliases.find((alias) => alias === rule.key) ?? policy.aliasOf(rule.key, place.backend.name);
  if (named === undefined)
    throw new GatewayError('KMS.NotFoundException', `Invalid keyId '${rule.key}'`, { ec: '0005-00000208' });
  return { ...rule, key: named as KeyAlias };
}

/** Compared are kind, key, algorithm and layers; context and bucket key never count. */
function sameRule(one: Encryption<KeyAlias>, other: Encryption<KeyAlias>): boolean {
  if (one.kind === 'managed' && other.kind === 'managed') return one.algorithm === other.algorithm;
  return (
    one.kind === 'kms' &&
    other.kind === 'kms' &&
    one.key === other.key &&
    one.algorithm === other.algorithm &&
    one.layers === other.layers
  );
}

function demandGrant(call: Call, rule: BucketRule<KeyAlias>): void {
  const { keys } = call.client.principal;
  if (rule.kind === 'kms' && rule.key !== 'default' && !keys.includes('*') && !keys.includes(rule.key))
    throw new GatewayError('AccessDenied', `The client may not use the key ${rule.key}.`);
}

/** The embedded store's rule is carried out by the gateway's envelope: AES-256, one layer. Others judge for themselves. */
function demandFeasible(place: Place, rule: BucketRule): void {
  if (place.backend.capabilities.seals && (rule.algorithm !== 'AES256' || (rule.kind === 'kms' && rule.layers !== 1)))
    throw new GatewayError(
      'InvalidEncryptionAlgorithmError',
      'The encryption that the rule asks for is not available on this store.',
    );
}

function shownRule(call: Call, place: Place, encryption: Encryption<KeyAlias>): BucketRule | undefined {
  switch (encryption.kind) {
    case 'none':
    case 'customer':
      return undefined;
    case 'managed':
      return encryption;
    case 'kms': {
      const key = place.sameDialect
        ? call.snapshot.policy.keyAt(encryption.key, place.backend.name)
        : (encryption.key as string as StoreKeyId);
      return { ...encryption, key };
    }
  }
}

function shownStoreRule(call: Call, place: Place, rule: BucketRule): BucketRule {
  if (rule.kind !== 'kms' || rule.key === 'default') return rule;
  const visible = shown(call, place, { ...rule, key: rule.key });
  return visible.kind === 'kms' ? { ...rule, key: visible.key ?? 'default' } : rule;
}

function ownedByPolicy(call: Call, place: Place): GatewayError {
  const rule = call.snapshot.policy.ownedDefault(place.bucket, call.services.now())?.rule ?? place.route.rule;
  return new GatewayError(
    'AccessDenied',
    `Access denied by policy rule "${rule.name}": the encryption of ${place.bucket} is set by the policy.`,
  );
}
