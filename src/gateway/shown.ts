import type { ObservedEncryption, StoreKeyId } from '../model/encryption.ts';
import { shownEncryption } from '../policy/policy.ts';
import type { Call, Place } from './call.ts';

/** An observed encryption as this client may see it: key ids in its store's words or as the alias. */
export function shown(call: Call, place: Place, observed: ObservedEncryption): ObservedEncryption {
  return shownEncryption(
    call.snapshot.policy,
    observed,
    place.backend.name,
    place.sameDialect,
  ) as ObservedEncryption<StoreKeyId>;
}

/** The same for answers that may be silent: the field is left out. */
export function shownIn(
  call: Call,
  place: Place,
  observed: ObservedEncryption | undefined,
): { readonly encryption?: ObservedEncryption } {
  return observed === undefined ? {} : { encryption: shown(call, place, observed) };
}

/** The same answer without its encryption: silence that was not proven stays silence. */
export function withoutEncryption<T extends { readonly encryption?: ObservedEncryption }>(
  result: T,
): Omit<T, 'encryption'> {
  const { encryption: _unproven, ...rest } = result;
  return rest;
}
