import type { BucketRule, Encryption, StoreKeyId } from '../../model/encryption.ts';
import { GatewayError } from '../../model/errors.ts';
import { storeBucketOf, type Call, type Place } from '../call/call.ts';
import { describe, expectationOf, honours, keysAt } from '../expectation.ts';

/** A bucket's own rule, undefined where it has none: stores across the network answer 404 then. */
export async function ruleAtStore(call: Call, place: Place): Promise<BucketRule | undefined> {
  try {
    const { rule } = await place.backend.execute(
      { operation: 'GetBucketEncryption', bucket: place.storeBucket },
      call.context,
    );
    return rule;
  } catch (error) {
    if (error instanceof GatewayError && error.code === 'ServerSideEncryptionConfigurationNotFoundError')
      return undefined;
    throw error;
  }
}

/** Stores that encrypt by bucket only: makes sure, before a write and again after an interval, of the bucket's rule. */
export async function ensureBucketRule(call: Call, place: Place, wanted: Encryption<StoreKeyId>): Promise<void> {
  const { snapshot, services } = call;
  const rule = { what: describe(expectationOf(wanted)), interval: snapshot.bucketRuleInterval };
  await services.checkedRules.once(storeBucketOf(place), rule, () => demandRule(call, place, wanted));
}

async function demandRule(call: Call, place: Place, wanted: Encryption<StoreKeyId>): Promise<void> {
  if (await hasRule(call, place, wanted)) return;
  if (
    call.snapshot.policy.bucketRuleMode(place.bucket) !== 'set' ||
    wanted.kind === 'customer' ||
    wanted.kind === 'none'
  )
    throw new GatewayError(
      'ServiceUnavailable',
      `The bucket behind ${place.bucket} does not encrypt as the policy demands (${describe(expectationOf(wanted))}), and the policy does not let the gateway set its rule.`,
    );
  const rule: BucketRule = wanted;
  await place.backend.execute(
    { operation: 'PutBucketEncryption', bucket: place.storeBucket, rule: rule as never, storeRule: rule },
    call.context,
  );
  if (!(await hasRule(call, place, wanted)))
    throw new GatewayError(
      'EncryptionNotHonoured',
      `The store took the encryption rule of the bucket behind ${place.bucket} but does not show it.`,
    );
}

async function hasRule(call: Call, place: Place, wanted: Encryption<StoreKeyId>): Promise<boolean> {
  const rule = await ruleAtStore(call, place);
  return (
    rule !== undefined &&
    honours(
      expectationOf(wanted),
      rule.kind === 'kms' ? { ...rule, key: rule.key as StoreKeyId } : rule,
      keysAt(place.backend),
    )
  );
}
