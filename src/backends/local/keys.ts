import { GatewayError } from '../../model/errors.ts';

/** S3: "up to 1,024 bytes long" in UTF-8; OSS says 1 to 1,023, and its clients check that themselves. */
const MAX_KEY_BYTES = 1024;

/** The bytes of a key that is to be written. Lone surrogates have no UTF-8: two such keys would become one. */
export function keyBytes(key: string): Buffer {
  if (key === '' || !key.isWellFormed() || key.includes('\0'))
    throw new GatewayError('InvalidObjectName', 'The specified object is not valid.', {
      details: { ObjectName: key.toWellFormed() },
    });
  const bytes = Buffer.from(key, 'utf8');
  if (bytes.length > MAX_KEY_BYTES)
    throw new GatewayError('KeyTooLongError', 'Your key is too long', {
      details: { Size: bytes.length, MaxSizeAllowed: MAX_KEY_BYTES },
    });
  return bytes;
}

/** The store keeps no versions: `null` is the only one. */
export function requireCurrent(request: { readonly key: string; readonly versionId?: string }): void {
  if (request.versionId !== undefined && request.versionId !== NULL_VERSION)
    throw new GatewayError('NoSuchVersion', 'The specified version does not exist.', {
      details: { Key: request.key, VersionId: request.versionId },
    });
}

export const NULL_VERSION = 'null';
