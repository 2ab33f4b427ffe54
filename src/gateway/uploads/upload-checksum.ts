import { CHECKSUM_TYPES, type Body, type ChecksumAlgorithm, type UploadChecksum } from '../../model/body.ts';
import { GatewayError } from '../../model/errors.ts';
import type { StorageRequest } from '../../model/operations.ts';
import type { PartInfo } from '../../model/objects.ts';
import type { Place } from '../call/call.ts';
import { wholeChecksum } from '../protect/whole-digests.ts';
import type { UploadClaim } from '../memory/upload-token.ts';

type Create = StorageRequest<'CreateMultipartUpload'>;
type Complete = StorageRequest<'CompleteMultipartUpload'>;

/** What an upload is created with; the type where only the algorithm was named is S3's default. */
export function uploadChecksumOf({ checksumAlgorithm, checksumType }: Create): UploadChecksum {
  if (checksumAlgorithm === undefined) return {};
  return { algorithm: checksumAlgorithm, type: checksumType ?? CHECKSUM_TYPES[checksumAlgorithm][0] };
}

/** A part brings the kind of checksum that its upload was created with, or none; what it repeats of Create says the same. */
export function demandPartChecksum({ algorithm, type }: UploadChecksum, part: PartNames): void {
  const sent = part.body?.checksum?.algorithm;
  if (algorithm !== undefined && sent !== undefined && sent !== algorithm) throw mismatch(algorithm, sent);
  const named = part.checksumAlgorithm;
  if (named !== undefined && named !== (algorithm ?? sent)) throw mismatch(algorithm, named);
  if (part.checksumType !== undefined && type !== undefined && part.checksumType !== type) throw otherMode(type);
}

/** What an upload id says of it. */
export function createdWith(claim: Pick<UploadClaim, 'checksumAlgorithm' | 'checksumType'>): UploadChecksum {
  const { checksumAlgorithm: algorithm, checksumType: type } = claim;
  return { ...(algorithm === undefined ? {} : { algorithm }), ...(type === undefined ? {} : { type }) };
}

/** What a part may say of its checksum. */
type PartNames = Pick<StorageRequest<'UploadPart'>, 'checksumAlgorithm' | 'checksumType'> & {
  readonly body?: Pick<Body, 'checksum'>;
};

/** Complete names the kinds that Create named. Undefined: of this upload's beginning nothing is known. */
export function demandCompleteChecksums(created: UploadChecksum | undefined, request: Complete, place: Place): void {
  const { checksum, checksumType, parts } = request;
  if (created === undefined) return;
  const { algorithm, type } = created;
  const typeKnown = algorithm === undefined || type !== undefined;
  if (checksumType !== undefined && typeKnown && checksumType !== type) throw otherMode(type);
  // Without an algorithm at Create the embedded store may still have what it takes to compare; it says so itself.
  const compared = algorithm !== undefined || !place.backend.capabilities.seals;
  if (checksum !== undefined && compared && checksum.algorithm !== algorithm)
    throw mismatch(algorithm, checksum.algorithm);
  if (algorithm === undefined || parts === 'all') return;
  const odd = parts.find(({ checksumAlgorithm }) => checksumAlgorithm !== undefined && checksumAlgorithm !== algorithm);
  if (odd !== undefined)
    throw new GatewayError(
      'BadDigest',
      `The ${odd.checksumAlgorithm?.toLowerCase() ?? ''} you specified for part ${odd.partNumber} did not match what we received.`,
    );
}

/**
 * The checksum of the whole for a store that keeps none: compared with those of the parts, as Complete lists them. Each of
 * them was compared with its part's bytes before the store got them; the answer claims nothing of it.
 */
export async function compareWhole(
  created: UploadChecksum | undefined,
  request: Complete,
  sizes: () => Promise<readonly PartInfo[]>,
): Promise<void> {
  const { checksum, parts } = request;
  if (checksum === undefined) return;
  const { algorithm } = checksum;
  if (parts === 'all' || parts.some((part) => part.checksum === undefined || part.checksumAlgorithm !== algorithm))
    throw notKept(algorithm);
  const type = request.checksumType ?? created?.type ?? CHECKSUM_TYPES[algorithm][0];
  const stored = new Map((await sizes()).map(({ partNumber, size }) => [partNumber, size]));
  const summed = parts.map(({ partNumber, checksum: value = '' }) => ({
    size: stored.get(partNumber) ?? 0,
    checksum: { algorithm, value },
  }));
  const whole = await wholeChecksum(summed, { algorithm, type });
  if (whole === undefined) throw notKept(algorithm);
  // A composite value may come with or without its number of parts.
  if (whole.value !== checksum.value && whole.value.replace(/-\d+$/, '') !== checksum.value)
    throw new GatewayError('BadDigest', `The ${algorithm} you specified did not match the calculated checksum.`);
}

function otherMode(type: UploadChecksum['type']): GatewayError {
  return new GatewayError(
    'InvalidRequest',
    `The upload was created using the ${type ?? 'null'} checksum mode. The complete request must use the same checksum mode.`,
  );
}

function mismatch(expected: ChecksumAlgorithm | undefined, actual: ChecksumAlgorithm): GatewayError {
  return new GatewayError(
    'InvalidRequest',
    `Checksum Type mismatch occurred, expected checksum Type: ${expected?.toLowerCase() ?? 'null'}, actual checksum Type: ${actual.toLowerCase()}`,
  );
}

/** A checksum that was asked for by name must not be taken and forgotten. */
export function notKept(algorithm: ChecksumAlgorithm): GatewayError {
  return new GatewayError(
    'NotImplemented',
    `The store behind this bucket keeps no checksums: ${algorithm} of a whole object is not implemented there.`,
  );
}
