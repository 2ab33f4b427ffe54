import { CHECKSUM_ALGORITHMS } from '../../../model/body.ts';
import type { ChecksumAlgorithm } from '../../../model/body.ts';
import { GatewayError } from '../../../model/errors.ts';
import { DIGEST_SIZE } from '../../../wire/digests.ts';
import type { DigestName, Digests } from '../../../wire/digests.ts';
import { headerOf, headersOf } from '../../../wire/message.ts';
import type { HeaderLines } from '../../../wire/message.ts';

/** The checksum that a client names: its value stands in a header, or will come in the trailer. */
export interface DeclaredChecksum {
  readonly algorithm: ChecksumAlgorithm;
  /** The header's value, base64; undefined for a trailer. */
  readonly value: string | undefined;
}

const CHECKSUM_HEADER = /^x-amz-checksum-(?!algorithm$|mode$|type$)(.+)$/;

/** Reads `x-amz-checksum-*`, `x-amz-trailer` and `x-amz-sdk-checksum-algorithm`; throws where they contradict. */
export function declaredChecksum(headers: HeaderLines): DeclaredChecksum | undefined {
  const inHeader = headers.filter(([name]) => CHECKSUM_HEADER.test(name));
  const trailers = headersOf(headers, 'x-amz-trailer');
  if (inHeader.length + trailers.length > 1)
    throw invalid('Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.');
  const [header] = inHeader;
  const [trailer] = trailers;
  const declared =
    header !== undefined
      ? { algorithm: algorithmOfHeader(header[0]), value: header[1] }
      : trailer !== undefined
        ? { algorithm: algorithmOfTrailer(trailer), value: undefined }
        : undefined;
  checkSdkAlgorithm(headers, declared);
  if (declared?.value !== undefined) checkChecksumForm(declared.algorithm, declared.value, 'header');
  return declared;
}

/** The trailer or header name of an algorithm. */
export function checksumHeader(algorithm: ChecksumAlgorithm): string {
  return `x-amz-checksum-${algorithm.toLowerCase()}`;
}

/** Throws unless the value is canonical base64 of the algorithm's length. */
export function checkChecksumForm(
  algorithm: ChecksumAlgorithm,
  value: string,
  place: 'header' | 'trailing header',
): void {
  if (!isBase64Of(value, DIGEST_SIZE[algorithm]))
    throw invalid(`Value for ${checksumHeader(algorithm)} ${place} is invalid.`);
}

/** Reads a Content-MD5 value; throws InvalidDigest when it is none. */
export function checkContentMd5(value: string | undefined): string | undefined {
  if (value !== undefined && !isBase64Of(value, DIGEST_SIZE.MD5))
    throw new GatewayError('InvalidDigest', 'The Content-MD5 you specified was invalid.');
  return value;
}

/** What a payload must digest to. */
export interface ExpectedDigests {
  /** lower-case hex */
  readonly sha256: string | undefined;
  /** base64 */
  readonly md5: string | undefined;
  readonly checksum: { readonly algorithm: ChecksumAlgorithm; readonly value: () => string | undefined } | undefined;
}

export function wantedDigests({ sha256, md5, checksum }: ExpectedDigests): readonly DigestName[] {
  return [
    ...(sha256 === undefined ? [] : (['SHA256'] as const)),
    ...(md5 === undefined ? [] : (['MD5'] as const)),
    ...(checksum === undefined ? [] : [checksum.algorithm]),
  ];
}

/** Judges the digests of a payload that has ended, in S3's words. */
export function judgeDigests(digests: Digests, { sha256, md5, checksum }: ExpectedDigests): void {
  const computed = digests.value('SHA256')?.toString('hex');
  if (sha256 !== undefined && computed !== sha256)
    throw new GatewayError(
      'XAmzContentSHA256Mismatch',
      "The provided 'x-amz-content-sha256' header does not match what was computed.",
      { details: { ClientComputedContentSHA256: sha256, S3ComputedContentSHA256: computed ?? '' } },
    );
  const computedMd5 = digests.value('MD5')?.toString('base64');
  if (md5 !== undefined && computedMd5 !== md5)
    throw new GatewayError('BadDigest', 'The Content-MD5 you specified did not match what we received.', {
      details: { ExpectedDigest: md5, CalculatedDigest: computedMd5 ?? '' },
    });
  if (checksum !== undefined && digests.value(checksum.algorithm)?.toString('base64') !== checksum.value())
    throw new GatewayError(
      'BadDigest',
      `The ${checksum.algorithm} you specified did not match the calculated checksum.`,
    );
}

function algorithmOfHeader(name: string): ChecksumAlgorithm {
  const algorithm = knownAlgorithm(CHECKSUM_HEADER.exec(name)?.[1] ?? '');
  // Ignoring a checksum that cannot be computed would pretend that it was checked.
  if (algorithm === undefined)
    throw new GatewayError('NotImplemented', 'A header you provided implies functionality that is not implemented.', {
      details: { Header: name },
    });
  return algorithm;
}

function algorithmOfTrailer(value: string): ChecksumAlgorithm {
  const algorithm = knownAlgorithm(CHECKSUM_HEADER.exec(value.trim().toLowerCase())?.[1] ?? '');
  if (algorithm === undefined) throw invalid('The value specified in the x-amz-trailer header is not supported');
  return algorithm;
}

function checkSdkAlgorithm(headers: HeaderLines, declared: DeclaredChecksum | undefined): void {
  const named = headerOf(headers, 'x-amz-sdk-checksum-algorithm');
  if (named === undefined) return;
  if (declared === undefined)
    throw invalid(
      'x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found.',
    );
  if (named.toUpperCase() !== declared.algorithm)
    throw invalid('Value for x-amz-sdk-checksum-algorithm header is invalid.');
}

function knownAlgorithm(name: string): ChecksumAlgorithm | undefined {
  return CHECKSUM_ALGORITHMS.find((algorithm) => algorithm.toLowerCase() === name);
}

function isBase64Of(value: string, length: number): boolean {
  const bytes = Buffer.from(value, 'base64');
  return bytes.length === length && bytes.toString('base64') === value;
}

function invalid(message: string): GatewayError {
  return new GatewayError('InvalidRequest', message);
}
