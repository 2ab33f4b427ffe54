import { createHash, createHmac, type KeyObject } from 'node:crypto';
import type { SealHeader } from '../../model/seal.ts';
import { lengthPrefixed } from '../../envelope/length-prefixed.ts';

const OPAQUE_SIZE = 16;

/** One sealed attempt as ETags are made of it: hex MD5 ('' where it is not taken) and salt. */
export interface EtagSource {
  readonly md5: string;
  readonly salt: string;
}

/** Whether a mode's ETags need the plaintext's MD5: only where SDKs expect it, since MD5 costs more than sealing does. */
export function etagNeedsMd5(mode: SealHeader['mode']): boolean {
  return mode === 'managed';
}

/**
 * ETag of a sealed put or part: the plaintext's MD5 under managed keys, as SDKs expect of SSE-S3; else an opaque 32 hex
 * of the attempt's salt, because an MD5 tells equal plaintexts apart.
 */
export function sealedEtag(mode: SealHeader['mode'], macKey: KeyObject, part: number, source: EtagSource): string {
  return etagNeedsMd5(mode) ? source.md5 : opaque(macKey, ['put', String(part), source.salt]);
}

/** ETag of a completed upload: `32 hex-N`, of its parts in order. */
export function completedEtag(mode: SealHeader['mode'], macKey: KeyObject, parts: readonly EtagSource[]): string {
  const hash = etagNeedsMd5(mode)
    ? createHash('md5')
        .update(Buffer.from(parts.map(({ md5 }) => md5).join(''), 'hex'))
        .digest('hex')
    : opaque(macKey, ['multipart', ...parts.map(({ salt }) => salt)]);
  return `${hash}-${parts.length}`;
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
