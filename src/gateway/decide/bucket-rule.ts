import type { BucketRule, Encryption, StoreKeyId } from '../../model/encryption.ts';
import { GatewayError } from '../../model/errors.ts';
import { describe, honours, keysAt } from '../answer/attest.ts';
import type { Call, Place } from '../call/call.ts';
import { expectationOf } from '../memory/upload-token.ts';

/** Stores that encrypt by bucket only: makes sure, before a write and again after an interval, of the bucket's rule. */
export interface BucketRuleGuard {
  ensure(call: Call, place: Place, wanted: Encryption<StoreKeyId>): Promise<void>;
  /** A reload or a changed rule forgets what was checked. */
  forget(): void;
}

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

const LIMIT = 10_000;

export function createBucketRuleGuard(now: () => number): BucketRuleGuard {
  const checked = new Map<string, { readonly until: number; readonly what: string }>();
  let forgotten = 0;
  return {
    async ensure(call, place, wanted) {
      const id = JSON.stringify([place.backend.name, place.storeBucket]);
      const what = describe(expectationOf(wanted));
      const known = checked.get(id);
      if (known !== undefined && known.until > now() && known.what === what) return;
      checked.delete(id);
      const before = forgotten;
      await demandRule(call, place, wanted);
      // The rule was changed while it was read: what was seen may be gone.
      if (forgotten !== before) return;
      const oldest = checked.size >= LIMIT ? checked.keys().next().value : undefined;
      if (oldest !== undefined) checked.delete(oldest);
      checked.set(id, { until: now() + call.snapshot.bucketRuleInterval, what });
    },
    forget: () => {
      forgotten += 1;
      checked.clear();
    },
  };
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
