import { GatewayError } from '../../../model/errors.ts';
import type { ObjectMetadata } from '../../../model/objects.ts';

type User = ObjectMetadata['user'];

const PREFIX = 'client-side-encryption-';
const REQUIRED = ['key', 'start', 'cek-alg', 'wrap-alg'] as const;
/** Cipher block of AES: parts start on one. */
const BLOCK = 16;

/** The metadata of client-side encryption, lower-case names without `x-oss-meta-`; it is carried byte-exact. */
export function clientEncryptionOf(user: User): User {
  return Object.fromEntries(Object.entries(user).filter(([name]) => name.startsWith(PREFIX)));
}

type Kind = 'whole' | 'multipart' | 'part';

/** OSS's error for metadata missing at Put, Initiate and UploadPart. */
const MISSING: Readonly<Record<Kind, string>> = {
  whole: '0005-00000401',
  multipart: '0005-00000402',
  part: '0005-00000406',
};

/** OSS: key, start, cek-alg and wrap-alg come together; an upload in parts also names its sizes. */
export function checkClientEncryption(user: User, kind: Kind): void {
  const names = Object.keys(clientEncryptionOf(user));
  if (names.length === 0) return;
  for (const name of REQUIRED) if (!user[PREFIX + name]) throw missing(name, kind);
  if (kind === 'whole') return;
  const part = sizeOf(user, 'part-size', kind);
  sizeOf(user, 'data-size', kind);
  if (part === 0 || part % BLOCK !== 0)
    throw new GatewayError(
      'InvalidEncryptionRequest',
      'The client-side-encryption-part-size must be a multiple of 16.',
      {
        details: { ArgumentName: `x-oss-meta-${PREFIX}part-size` },
      },
    );
}

/** A part that repeats the metadata: its length is the declared part size, unless it is the last. */
export function checkClientEncryptedPart(
  user: User,
  part: { readonly number: number; readonly length: number | undefined },
): void {
  if (Object.keys(clientEncryptionOf(user)).length === 0) return;
  checkClientEncryption(user, 'part');
  if (part.length === undefined) return;
  const [partSize, dataSize] = [sizeOf(user, 'part-size', 'part'), sizeOf(user, 'data-size', 'part')];
  const last = Math.max(1, Math.ceil(dataSize / partSize));
  const expected = part.number < last ? partSize : dataSize - (last - 1) * partSize;
  if (part.number > last || part.length !== expected)
    throw new GatewayError(
      'InvalidEncryptionRequest',
      'The part size does not match the declared client-side-encryption-part-size.',
      {
        details: { PartNumber: part.number },
      },
    );
}

/** OSS: the parameters are set once, a copy may repeat but not change them; parts are never copied from such an object. */
export function clientEncryptionCopyRefusal(
  target:
    | { readonly operation: 'CopyObject'; readonly replaced: User | undefined }
    | { readonly operation: 'UploadPartCopy' },
  source: User,
): GatewayError | undefined {
  const before = clientEncryptionOf(source);
  if (target.operation === 'UploadPartCopy')
    return Object.keys(before).length === 0
      ? undefined
      : new GatewayError('InvalidEncryptionRequest', 'A part cannot be copied from a client-side encrypted object.');
  if (target.replaced === undefined) return undefined;
  const after = clientEncryptionOf(target.replaced);
  const same =
    Object.keys(after).length === Object.keys(before).length &&
    Object.entries(before).every(([name, value]) => after[name] === value);
  return same
    ? undefined
    : new GatewayError('InvalidEncryptionRequest', 'The parameters of client encryption are allowed to be set once.');
}

function sizeOf(user: User, name: 'part-size' | 'data-size', kind: Kind): number {
  const text = user[PREFIX + name];
  if (text === undefined || !/^\d{1,15}$/.test(text)) throw missing(name, kind);
  return Number(text);
}

function missing(name: string, kind: Kind): GatewayError {
  return new GatewayError('InvalidEncryptionRequest', `The client-side-encryption-${name} is missing or not valid.`, {
    ec: MISSING[kind],
    details: { ArgumentName: `x-oss-meta-${PREFIX}${name}` },
  });
}
