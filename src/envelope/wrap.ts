import { timingSafeEqual } from 'node:crypto';
import { openMessage, sealMessage } from './aead.ts';
import { expand, extract } from './hkdf.ts';
import { lengthPrefixed } from './length-prefixed.ts';
import type { RandomBytes } from './random-bytes.ts';
import { DATA_KEY_SIZE, TAG_SIZE } from './sizes.ts';

const SALT_SIZE = 32;
const COMMITMENT_SIZE = 32;
const KEY_SIZE = 32;
const NONCE_SIZE = 12;
const WRAPPED_SIZE = SALT_SIZE + COMMITMENT_SIZE + DATA_KEY_SIZE + TAG_SIZE;
const MASTER_KEY_SIZE = 32;

/** What a wrapped key is bound to: a label for the kind of wrap and the fields of its context. */
export interface WrapBinding {
  readonly label: 'bucketseal/v1 wrap' | 'bucketseal/v1 ssec';
  readonly fields: readonly string[];
}

/**
 * Wraps a data key: `salt(32) || commitment(32) || AES-256-GCM(key)`. The fresh salt gives every wrap its own key, so
 * a master key has no nonce budget.
 */
export function wrapKey(
  master: Uint8Array,
  binding: WrapBinding,
  dataKey: Uint8Array,
  randomBytes: RandomBytes,
): Buffer {
  if (master.length !== MASTER_KEY_SIZE || dataKey.length !== DATA_KEY_SIZE) {
    throw new RangeError('Master keys and data keys are 32 bytes.');
  }
  const salt = randomBytes(SALT_SIZE);
  const derived = derive(master, binding, salt);
  const wrapped = Buffer.concat([salt, derived.commitment, sealMessage(derived.key, derived.nonce, dataKey)]);
  derived.key.fill(0);
  return wrapped;
}

/** The data key, or undefined for another master key, another binding or altered bytes: the caller cannot tell which. */
export function unwrapKey(master: Uint8Array, binding: WrapBinding, wrapped: Uint8Array): Buffer | undefined {
  if (master.length !== MASTER_KEY_SIZE || wrapped.length !== WRAPPED_SIZE) return undefined;
  const derived = derive(master, binding, wrapped.subarray(0, SALT_SIZE));
  const commitment = wrapped.subarray(SALT_SIZE, SALT_SIZE + COMMITMENT_SIZE);
  const opened = timingSafeEqual(commitment, derived.commitment)
    ? openMessage(derived.key, derived.nonce, wrapped.subarray(SALT_SIZE + COMMITMENT_SIZE))
    : undefined;
  derived.key.fill(0);
  return opened;
}

function derive(master: Uint8Array, binding: WrapBinding, salt: Uint8Array) {
  const prk = extract(salt, master);
  const info = Buffer.concat([Buffer.from(`${binding.label}\0`, 'latin1'), lengthPrefixed(binding.fields)]);
  const okm = expand(prk, info, KEY_SIZE + NONCE_SIZE + COMMITMENT_SIZE);
  prk.fill(0);
  return {
    key: okm.subarray(0, KEY_SIZE),
    nonce: okm.subarray(KEY_SIZE, KEY_SIZE + NONCE_SIZE),
    commitment: okm.subarray(KEY_SIZE + NONCE_SIZE),
  };
}
