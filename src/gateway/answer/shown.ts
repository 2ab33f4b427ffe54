import type { ObservedEncryption, StoreKeyId } from '../../model/encryption.ts';
import type { EncryptionContext } from '../../model/encryption-context.ts';
import { shownEncryption } from '../../policy/policy.ts';
import type { Call, Place } from '../call/call.ts';
import type { Protection } from '../decide/decide-write.ts';

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

/**
 * What a write's answer repeats of its encryption. The context was the client's own: it is repeated only where it went
 * with the write, in the store's words where the store has any (AWS adds to it, OSS never repeats one).
 */
export function withContext(
  observed: ObservedEncryption | undefined,
  { seal, encryption }: Pick<Protection, 'seal' | 'encryption'>,
): ObservedEncryption | undefined {
  if (observed?.kind !== 'kms') return observed;
  const { context, ...rest } = observed;
  const sent = contextSent({ seal, encryption });
  return sent === undefined ? rest : { ...rest, context: context ?? sent };
}

/** The client's context as it went with a write that was decided so: bound by the gateway or handed to the store. */
export function contextSent({
  seal,
  encryption,
}: Pick<Protection, 'seal' | 'encryption'>): EncryptionContext | undefined {
  const sent = seal ?? encryption;
  return sent?.kind === 'kms' ? sent.context : undefined;
}

/** The same answer without its encryption: silence that was not proven stays silence. */
export function withoutEncryption<T extends { readonly encryption?: ObservedEncryption }>(
  result: T,
): Omit<T, 'encryption'> {
  const { encryption: _unproven, ...rest } = result;
  return rest;
}
