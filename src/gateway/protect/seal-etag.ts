import { createHash, createHmac, type KeyObject } from 'node:crypto';
import type { SealHeader } from '../../model/seal.ts';
import { lengthPrefixed } from '../../envelope/length-prefixed.ts';

const OPAQUE_SIZE = 16;

/**
 * ETag of a sealed put or part: the plaintext's MD5 under managed keys, as SDKs expect of SSE-S3; else an opaque 32 hex,
 * because an MD5 tells equal plaintexts apart. Equal bytes of one upload's part keep their ETag, so a retried part
 * completes under the ETag of either attempt.
 */
export function sealedEtag(mode: SealHeader['mode'], macKey: KeyObject, part: number, md5: string): string {
  return mode === 'managed' ? md5 : opaque(macKey, ['put', String(part), md5]);
}

/** ETag of a completed upload: `32 hex-N`. `md5s` are the parts' in order, hex. */
export function completedEtag(mode: SealHeader['mode'], macKey: KeyObject, md5s: readonly string[]): string {
  const hash =
    mode === 'managed'
      ? createHash('md5')
          .update(Buffer.from(md5s.join(''), 'hex'))
          .digest('hex')
      : opaque(macKey, ['multipart', ...md5s]);
  return `${hash}-${md5s.length}`;
}

/** ETag of an object that was appended to: opaque, as OSS's are. `salts` name the appended attempts. */
export function appendedEtag(macKey: KeyObject, salts: readonly string[]): string {
  return opaque(macKey, ['append', ...salts]);
}

function opaque(macKey: KeyObject, fields: readonly string[]): string {
  return createHmac('sha512', macKey)
    .update(lengthPrefixed(['bucketseal/v1', 'etag', ...fields]))
    .digest()
    .subarray(0, OPAQUE_SIZE)
    .toString('hex');
}
