import type { ObservedEncryption } from '../../model/encryption.ts';
import type { PartInfo } from '../../model/objects.ts';
import type { SealHeader } from '../../model/seal.ts';
import type { CustomerKey } from '../../model/encryption.ts';
import type { AccessDecision } from '../../policy/decision.ts';
import { demand, type Call, type Place } from '../call/call.ts';

/** What keeps a plaintext from a reader: a key that needs a grant, or a client's own key. */
export type Guard =
  | { readonly kind: 'open' }
  | { readonly kind: 'grant'; readonly alias: string }
  | { readonly kind: 'customer'; readonly md5: string };

/** Whose digests are asked for: the object's key, its guard, and the key that came with the request. */
export interface DigestQuestion {
  readonly key: string;
  readonly guard: Guard;
  readonly customerKey: CustomerKey | undefined;
}

/** Key grants bind on what the gateway itself sealed; of what a store encrypts, its own word stands. */
export function guardOf(place: Place, encryption: ObservedEncryption | undefined): Guard {
  if (encryption?.kind === 'customer') return { kind: 'customer', md5: encryption.md5 };
  if (encryption?.kind !== 'kms' || place.backend.sealed === undefined) return { kind: 'open' };
  return { kind: 'grant', alias: encryption.key ?? '' };
}

/** The same from the seal, which is authentic where the index's own words need not be. */
export function guardOfSeal({ mode, keyAlias, customerKeyMd5 = '' }: SealHeader): Guard {
  if (mode === 'customer') return { kind: 'customer', md5: customerKeyMd5 };
  return mode === 'kms' ? { kind: 'grant', alias: keyAlias } : { kind: 'open' };
}

/**
 * Digests tell about the plaintext: equal ones betray equal bytes, and short ones the bytes themselves. Whoever may read the bytes
 * may know them, nobody else. The only place that decides it.
 */
export function mayKnowDigests(call: Call, place: Place, question: DigestQuestion): boolean {
  return rightTo(call, place, question).effect === 'allow';
}

/** For who asks for digests by name: the refusal that a read would get (S3: checksum mode needs kms:Decrypt). */
export function demandDigests(call: Call, place: Place, question: DigestQuestion): void {
  demand(rightTo(call, place, question), call.dialect.name);
}

/** The answer without what the client may not know. */
export function withoutDigests<T extends { readonly checksum?: unknown; readonly crc64?: unknown }>(
  result: T,
): Omit<T, 'checksum' | 'crc64'> {
  const { checksum: _checksum, crc64: _crc64, ...rest } = result;
  return rest;
}

export function withoutPartDigests<T extends { readonly parts: readonly PartInfo[] }>(list: T): T {
  return { ...list, parts: list.parts.map(({ checksum: _checksum, ...part }) => part) };
}

function rightTo(call: Call, place: Place, { key, guard, customerKey }: DigestQuestion): AccessDecision {
  const { policy } = call.snapshot;
  const { principal } = call.client;
  const { secure, tlsVersion } = call.wire.connection;
  const { bucket } = place;
  const access = policy.access({ principal, action: 'read', bucket, key, secure, tlsVersion });
  if (access.effect === 'deny') return access;
  switch (guard.kind) {
    case 'open':
      return access;
    case 'grant':
      return policy.mayRead(principal, bucket, guard.alias);
    case 'customer':
      return customerKey?.md5 === guard.md5 ? access : KEY_MISSING;
  }
}

const KEY_MISSING: AccessDecision = {
  effect: 'deny',
  code: 'AccessDenied',
  message:
    'Requests specifying Server Side Encryption with Customer provided keys must provide the correct secret key.',
  rule: undefined,
  reason: "the customer's key did not come with the request",
};
