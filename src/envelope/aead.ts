import { createCipheriv, createDecipheriv, type KeyObject } from 'node:crypto';
import { TAG_SIZE } from './sizes.ts';

const CIPHER = 'aes-256-gcm';
/** Without it Node takes tags of 4 bytes too (DEP0182). */
const OPTIONS = { authTagLength: TAG_SIZE } as const;

type Key = KeyObject | Uint8Array;

/** Seals one message; answers ciphertext and tag. A (key, nonce) pair must never see two messages. */
export function sealMessage(key: Key, nonce: Uint8Array, plaintext: Uint8Array): Buffer {
  const sealed = Buffer.allocUnsafe(plaintext.length + TAG_SIZE);
  sealMessageInto(key, nonce, plaintext, sealed, 0);
  return sealed;
}

/** Seals one message into a buffer at an offset; answers the offset after its tag. */
export function sealMessageInto(
  key: Key,
  nonce: Uint8Array,
  plaintext: Uint8Array,
  into: Uint8Array,
  offset: number,
): number {
  const cipher = createCipheriv(CIPHER, key, nonce, OPTIONS);
  if (plaintext.length > 0) into.set(cipher.update(plaintext), offset);
  cipher.final();
  into.set(cipher.getAuthTag(), offset + plaintext.length);
  return offset + plaintext.length + TAG_SIZE;
}

/**
 * Opens one message; undefined when it is not authentic. The only way to plaintext in this code base: `update` returns
 * bytes that nobody has verified, so nothing leaves before `final` has agreed.
 */
export function openMessage(key: Key, nonce: Uint8Array, sealed: Uint8Array): Buffer | undefined {
  if (sealed.length < TAG_SIZE) return undefined;
  const body = sealed.length - TAG_SIZE;
  const decipher = createDecipheriv(CIPHER, key, nonce, OPTIONS);
  decipher.setAuthTag(sealed.subarray(body));
  const plaintext = decipher.update(sealed.subarray(0, body));
  try {
    decipher.final();
  } catch {
    plaintext.fill(0);
    return undefined;
  }
  return plaintext;
}
