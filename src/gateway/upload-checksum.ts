import { CHECKSUM_TYPES, type Body, type ChecksumAlgorithm, type UploadChecksum } from '../model/body.ts';
import { GatewayError } from '../model/errors.ts';
import type { StorageRequest } from '../model/operations.ts';
import type { Place } from './call.ts';
import type { UploadClaim } from './upload-token.ts';

type Create = StorageRequest<'CreateMultipartUpload'>;
type Complete = StorageRequest<'CompleteMultipartUpload'>;

/** What an upload is created with; the type where only the algorithm was named is S3's default. */
export function uploadChecksumOf({ checksumAlgorithm, checksumType }: Create): UploadChecksum {
  if (checksumAlgorithm === undefined) return {};
  return { algorithm: checksumAlgorithm, type: checksumType ?? CHECKSUM_TYPES[checksumAlgorithm][0] };
}

/**
 * SDKs name an algorithm by themselves, and a store that keeps none still gets parts whose checksums were verified here. Who names
 * a type wants a checksum of the whole: that must not be taken and forgotten.
 */
export function demandKeptChecksum(place: Place, { checksumType }: Create): void {
  if (checksumType !== undefined && !place.backend.capabilities.checksumHeaders) throw notKept('x-amz-checksum-type');
}

/** What an upload id says of it. */
export function createdWith(claim: Pick<UploadClaim, 'checksumAlgorithm' | 'checksumType'>): UploadChecksum {
  const { checksumAlgorithm: algorithm, checksumType: type } = claim;
  return { ...(algorithm === undefined ? {} : { algorithm }), ...(type === undefined ? {} : { type }) };
}

/** A part brings the kind of checksum that its upload was created with, or none. */
export function demandPartChecksum({ algorithm }: UploadChecksum, body: Pick<Body, 'checksum'>): void {
  const sent = body.checksum?.algorithm;
  if (algorithm !== undefined && sent !== undefined && sent !== algorithm) throw mismatch(algorithm, sent);
}

/** Complete names the kinds that Create named. Undefined: of this upload's beginning nothing is known. */
export function demandCompleteChecksums(created: UploadChecksum | undefined, request: Complete, place: Place): void {
  const { checksum, checksumType, parts } = request;
  if (checksum !== undefined && !place.backend.capabilities.checksumHeaders)
    throw notKept(`x-amz-checksum-${checksum.algorithm.toLowerCase()}`);
  if (created === undefined) return;
  const { algorithm, type } = created;
  const typeKnown = algorithm === undefined || type !== undefined;
  if (checksumType !== undefined && typeKnown && checksumType !== type)
    throw new GatewayError(
      'InvalidRequest',
      `The upload was created using the ${type ?? 'null'} checksum mode. The complete request must use the same checksum mode.`,
    );
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

function mismatch(expected: ChecksumAlgorithm | undefined, actual: ChecksumAlgorithm): GatewayError {
  return new GatewayError(
    'InvalidRequest',
    `Checksum Type mismatch occurred, expected checksum Type: ${expected?.toLowerCase() ?? 'null'}, actual checksum Type: ${actual.toLowerCase()}`,
  );
}

/** A checksum that was asked for by name must not be taken and forgotten. */
export function notKept(header: string): GatewayError {
  return new GatewayError(
    'NotImplemented',
    `The store behind this bucket keeps no checksums: ${header} is not implemented there.`,
    { details: { Header: header } },
  );
}
