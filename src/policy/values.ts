import type { Encryption, KeyAlias } from '../model/encryption.ts';
import type { Resolved } from './decision.ts';
import type { AcceptValue, EncryptionValue } from './document.ts';

/** What `accept:` may list: an encryption, or any customer's key. */
export type AcceptEntry = Exclude<Encryption<KeyAlias>, { kind: 'customer' }> | { readonly kind: 'anyCustomer' };

/** A value of the policy file in the model's terms; AES256 and one layer unless it says otherwise. */
export function encryptionOf(value: EncryptionValue): Exclude<Encryption<KeyAlias>, { kind: 'customer' }> {
  if (value === 'none') return { kind: 'none' };
  if (value === 'managed') return { kind: 'managed', algorithm: 'AES256' };
  if ('managed' in value) return { kind: 'managed', algorithm: value.managed };
  return {
    kind: 'kms',
    key: value.kms as KeyAlias,
    algorithm: value.algorithm ?? 'AES256',
    layers: value.layers ?? 1,
  };
}

export function acceptEntryOf(value: AcceptValue): AcceptEntry {
  return value === 'customer' ? { kind: 'anyCustomer' } : encryptionOf(value);
}

/** Words for reasons, findings and traces; never a key's bytes. */
export function describe(encryption: Resolved | AcceptEntry): string {
  switch (encryption.kind) {
    case 'none':
      return 'no encryption';
    case 'unspecified':
      return "the store's own default";
    case 'managed':
      return encryption.algorithm === 'AES256' ? 'managed' : `managed ${encryption.algorithm}`;
    case 'kms':
      return [
        encryption.key === 'default' ? 'kms with the default key' : `kms with key ${encryption.key}`,
        ...(encryption.algorithm === 'AES256' ? [] : [encryption.algorithm]),
        ...(encryption.layers === 1 ? [] : ['two layers']),
      ].join(', ');
    case 'customer':
    case 'anyCustomer':
      return "a customer's key";
  }
}
