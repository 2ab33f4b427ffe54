import type { CallOut } from '../../dialects/dialect.ts';
import type { Policy } from '../../policy/policy.ts';
import type { Call } from '../call/call.ts';

/** What of a call is asked. */
export interface CallOutQuestion {
  readonly dialect: Call['dialect'];
  readonly verified: Call['verified'];
  readonly snapshot: { readonly policy: Pick<Policy, 'allows' | 'ownedDefault'> };
  readonly services: Pick<Call['services'], 'now'>;
}

/**
 * What the bucket's policy lets the store call out for. Nothing is fetched into a bucket whose policy demands encryption,
 * whatever `allow` says: the service does not encrypt what it mirrors from an origin.
 */
export function allowedCallOuts(call: CallOutQuestion): readonly CallOut[] {
  const outward = call.dialect.callsOut?.(call.verified);
  const { bucket } = call.verified;
  if (outward === undefined || bucket === undefined) return [];
  const { policy } = call.snapshot;
  if (!policy.allows(bucket, outward)) return [];
  const demanded = policy.ownedDefault(bucket, call.services.now());
  return outward === 'fetch' && demanded !== undefined && demanded.encryption.kind !== 'none' ? [] : [outward];
}
