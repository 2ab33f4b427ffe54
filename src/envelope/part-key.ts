import { createSecretKey, timingSafeEqual, type KeyObject } from 'node:crypto';
import { expand } from './hkdf.ts';
import { integrityError } from './integrity-error.ts';
import { lengthPrefixed } from './length-prefixed.ts';
import { COMMITMENT_SIZE, MAX_SEGMENTS, PREFIX_SIZE, SALT_SIZE } from './sizes.ts';

/** C2SP chunked-encryption: the one suite there is. */
const SUITE_LABEL = Buffer.from('c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0', 'latin1');
const KEY_SIZE = 32;
export const NONCE_SIZE = 12;

/** What the bytes of one attempt of one part are sealed with. */
export interface PartKey {
  readonly key: KeyObject;
  readonly baseNonce: Uint8Array;
  readonly salt: Uint8Array;
  readonly commitment: Uint8Array;
}

/** Derives the key of a sealed stream from the data key, a salt of 24 bytes and a context that binds where it belongs. */
export function derivePartKey(dataKey: KeyObject | Uint8Array, salt: Uint8Array, context: Uint8Array): PartKey {
  if (salt.length !== SALT_SIZE) throw integrityError('salt of a wrong length');
  const okm = expand(dataKey, Buffer.concat([SUITE_LABEL, salt, context]), KEY_SIZE + NONCE_SIZE + COMMITMENT_SIZE);
  const key = createSecretKey(okm.subarray(0, KEY_SIZE));
  const baseNonce = Buffer.from(okm.subarray(KEY_SIZE, KEY_SIZE + NONCE_SIZE));
  const commitment = Buffer.from(okm.subarray(KEY_SIZE + NONCE_SIZE));
  okm.fill(0);
  return { key, baseNonce, salt: Buffer.from(salt), commitment };
}

/** As `derivePartKey`, but only for the key that the commitment names: another key or context ends here, before any byte. */
export function committedPartKey(
  dataKey: KeyObject | Uint8Array,
  salt: Uint8Array,
  commitment: Uint8Array,
  context: Uint8Array,
): PartKey {
  const derived = derivePartKey(dataKey, salt, context);
  if (commitment.length !== COMMITMENT_SIZE || !timingSafeEqual(derived.commitment, commitment)) {
    throw integrityError('key commitment mismatch');
  }
  return derived;
}

/** The 56 bytes before the first segment. */
export function partPrefix(part: PartKey): Buffer {
  return Buffer.concat([part.salt, part.commitment], PREFIX_SIZE);
}

/** Where the bytes of a part belong; any change of it is another key. `tenant` is reserved and empty. */
export function partContext(place: {
  readonly bucket: string;
  readonly oid: string;
  readonly uploadId: string;
  readonly number: number;
}): Buffer {
  return lengthPrefixed(['bucketseal/v1', 'part', '', place.bucket, place.oid, place.uploadId, String(place.number)]);
}

/** Writes `base XOR u96be(index)` into `nonce`. */
export function segmentNonce(base: Uint8Array, index: number, nonce: Buffer): Buffer {
  if (index >= MAX_SEGMENTS) throw integrityError('more segments than one key may see');
  nonce.set(base);
  const low = index % 0x1_0000_0000;
  const high = (index - low) / 0x1_0000_0000;
  nonce.writeUInt32BE((nonce.readUInt32BE(8) ^ low) >>> 0, 8);
  nonce.writeUInt32BE((nonce.readUInt32BE(4) ^ high) >>> 0, 4);
  return nonce;
}
