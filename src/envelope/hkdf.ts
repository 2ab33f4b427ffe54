import { createHmac, type KeyObject } from 'node:crypto';

const HASH = 'sha512';
const HASH_SIZE = 64;

/** HKDF-Expand with SHA-512 (RFC 5869). `hkdfSync` always extracts first and caps `info` at 1024 bytes, so it is no help. */
export function expand(key: KeyObject | Uint8Array, info: Uint8Array, length: number): Buffer {
  const okm = Buffer.allocUnsafe(Math.ceil(length / HASH_SIZE) * HASH_SIZE);
  for (let counter = 1, offset = 0; offset < length; counter += 1, offset += HASH_SIZE) {
    const hmac = createHmac(HASH, key);
    if (offset > 0) hmac.update(okm.subarray(offset - HASH_SIZE, offset));
    okm.set(hmac.update(info).update(Uint8Array.of(counter)).digest(), offset);
  }
  return okm.subarray(0, length);
}

/** HKDF-Extract with SHA-512. */
export function extract(salt: Uint8Array, inputKey: Uint8Array): Buffer {
  return createHmac(HASH, salt).update(inputKey).digest();
}
