import { openMessage, sealMessage } from './aead.ts';
import { expand, extract } from './hkdf.ts';
import { integrityError } from './integrity-error.ts';
import type { RandomBytes } from './random-bytes.ts';
import { DATA_KEY_SIZE } from './sizes.ts';

const SALT_SIZE = 32;
const KEY_SIZE = 32;
const NONCE_SIZE = 12;

/** Seals short texts in an index's columns. `context` says which row and column: a value moved elsewhere does not open. */
export interface ColumnCipher {
  seal(text: string, context: string): Buffer;
  /** Throws the uniform integrity error. */
  open(blob: Uint8Array, context: string): string;
}

/** `key` is 32 bytes. Every value has its own key and nonce, derived from a random salt, so there is no nonce budget. */
export function createColumnCipher(key: Uint8Array, randomBytes: RandomBytes): ColumnCipher {
  if (key.length !== DATA_KEY_SIZE) throw new RangeError('A column key is 32 bytes.');
  const root = Buffer.from(key);
  return {
    seal(text, context) {
      const salt = randomBytes(SALT_SIZE);
      const row = deriveRow(root, salt, context);
      return Buffer.concat([salt, sealMessage(row.key, row.nonce, Buffer.from(text, 'utf8'))]);
    },
    open(blob, context) {
      const row = deriveRow(root, blob.subarray(0, SALT_SIZE), context);
      const opened = openMessage(row.key, row.nonce, blob.subarray(SALT_SIZE));
      if (opened === undefined) throw integrityError('an index column is not authentic');
      return opened.toString('utf8');
    },
  };
}

function deriveRow(root: Uint8Array, salt: Uint8Array, context: string) {
  const okm = expand(
    extract(salt, root),
    Buffer.from(`bucketseal/v1 column\0${context}`, 'utf8'),
    KEY_SIZE + NONCE_SIZE,
  );
  return { key: okm.subarray(0, KEY_SIZE), nonce: okm.subarray(KEY_SIZE) };
}
