import { createHmac } from 'node:crypto';
import { GatewayError } from '../../../model/errors.ts';
import { headersOf } from '../../../wire/message.ts';
import type { QueryParameter, WireRequest } from '../../../wire/message.ts';
import type { VerifyContext } from '../../dialect.ts';
import type { Address } from '../addressing.ts';
import { onlyQueryValue } from './mechanism.ts';
import { equalSignatures, hexBytes, signatureMismatch, unknownAccessKey } from './comparison.ts';
import { isoSeconds } from './signed-parts.ts';
import { checkSessionToken } from './session-token.ts';
import { isSignedSubresource, uncoveredByV2 } from './subresources.ts';

/** Takes the place of an unknown key's secret, so that both take the same way. */
const NOBODY_SECRET = '-'.repeat(40);

/** AWS's refusal of every SigV2 request but the presigned one. */
export function signatureV2Unsupported(): GatewayError {
  return new GatewayError(
    'InvalidRequest',
    'The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.',
  );
}

/** Verifies a SigV2 presigned URL (`AWSAccessKeyId`, `Signature`, `Expires`); answers the access key. */
export function verifySignatureV2(wire: WireRequest, address: Address, context: VerifyContext): string {
  if (context.signatures.sigV2 === 'deny') throw signatureV2Unsupported();
  const [accessKeyId, provided, expires] = ['AWSAccessKeyId', 'Signature', 'Expires'].map((name) =>
    onlyQueryValue(wire.query, name),
  );
  if (accessKeyId === undefined || provided === undefined || expires === undefined)
    throw new GatewayError(
      'AccessDenied',
      'Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters',
    );
  if (!/^\d{1,11}$/.test(expires))
    throw new GatewayError('AccessDenied', `Invalid date (should be seconds since epoch): ${expires}`);
  const end = Number(expires) * 1000;
  if (context.now > end)
    throw new GatewayError('AccessDenied', 'Request has expired', {
      details: { Expires: isoSeconds(end), ServerTime: isoSeconds(context.now) },
    });
  const uncovered = uncoveredByV2(wire.query);
  // `?encryption` appended to a URL for its bucket would turn it into another operation.
  if (uncovered !== undefined)
    throw new GatewayError(
      'InvalidRequest',
      'A parameter of this request is not covered by its signature. Please use AWS4-HMAC-SHA256.',
      { details: { ArgumentName: uncovered } },
    );
  refuseAmbiguousValues(wire);
  const credential = context.credential(accessKeyId);
  const secretKey = credential?.secretAccessKey.reveal() ?? NOBODY_SECRET;
  const candidates = resourcePaths(wire, address).map((path) => stringToSignV2(wire, path, expires));
  const equal = candidates
    .map((candidate) => createHmac('sha1', secretKey).update(candidate, 'latin1').digest('base64'))
    .map((signature) => equalSignatures(signature, provided))
    .includes(true);
  if (credential === undefined) throw unknownAccessKey(accessKeyId);
  if (!equal) {
    const shown = (candidates[0] ?? '').replace(
      /^(x-amz-(?:security-token|[a-z-]*customer-key)):.*$/gm,
      '$1:[redacted]',
    );
    throw signatureMismatch({
      AWSAccessKeyId: accessKeyId,
      StringToSign: shown,
      SignatureProvided: provided,
      StringToSignBytes: hexBytes(shown),
    });
  }
  checkSessionToken(credential, signedValues(wire, 'x-amz-security-token'));
  return accessKeyId;
}

/** The one value of a header that SigV2 clients may also put into the query (boto moves them there). */
export function signedValueV2(wire: WireRequest, name: string): string | undefined {
  return signedValues(wire, name)[0];
}

function stringToSignV2(wire: WireRequest, path: string, expires: string): string {
  // Grouped once: looking through the whole query for each of its names would cost its length squared.
  const queried = Map.groupBy(wire.query, ({ name }) => name.toLowerCase());
  const names = new Set([...wire.headers.map(([name]) => name), ...queried.keys()]);
  const amz = [...names]
    .filter((name) => name.startsWith('x-amz-'))
    .sort()
    .map((name) => `${name}:${signedValues(wire, name, queried.get(name) ?? []).join(',')}\n`)
    .join('');
  return [
    wire.method,
    signedValues(wire, 'content-md5').join(','),
    signedValues(wire, 'content-type').join(','),
    expires,
    amz + canonicalResource(wire, path),
  ].join('\n');
}

/** From the headers or, as boto presigns, from the query; both would be one value signed and another obeyed. */
function signedValues(
  wire: WireRequest,
  name: string,
  query: readonly QueryParameter[] = wire.query.filter((parameter) => parameter.name.toLowerCase() === name),
): readonly string[] {
  const headers = headersOf(wire.headers, name).map((value) => value.trim());
  if (headers.length > 0 && query.length > 0 && query.some(({ value }) => asLatin1(value ?? '') !== headers[0]))
    throw new GatewayError('InvalidArgument', 'A signed value was given in the query and in a header.', {
      details: { ArgumentName: name },
    });
  return query.length > 0 ? query.map(({ value }) => asLatin1(value ?? '')) : headers;
}

/** UTF-8 text as latin1 text of its bytes, which is how header values come. */
function asLatin1(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

/** The path as sent, under the bucket that the host names. Of a bucket alone, botocore signs `/bucket/` for `/bucket`. */
function resourcePaths(wire: WireRequest, address: Address): readonly string[] {
  if (address.style === 'virtual') return [`/${address.bucket ?? ''}${wire.path}`];
  const alone = address.bucket !== undefined && address.key === undefined && !wire.path.endsWith('/');
  return alone ? [wire.path, `${wire.path}/`] : [wire.path];
}

/** The sub-resources with decoded values, as SigV2 wants them. */
function canonicalResource(wire: WireRequest, path: string): string {
  const subresources = wire.query
    .filter(({ name }) => isSignedSubresource(name))
    .map(({ name, value }) => (value === undefined ? name : `${name}=${asLatin1(value)}`))
    .sort()
    .join('&');
  return subresources === '' ? path : `${path}?${subresources}`;
}

/** SigV2 signs decoded values: a line feed could forge a header line, `&versionId=` in a value another sub-resource. */
function refuseAmbiguousValues({ query }: WireRequest): void {
  const ambiguous = query.find(
    ({ name, value = '' }) =>
      /[\r\n]/.test(name + value) ||
      (isSignedSubresource(name) &&
        value
          .split('&')
          .slice(1)
          .some((part) => isSignedSubresource(part.split('=', 1)[0] ?? ''))),
  );
  if (ambiguous !== undefined)
    throw new GatewayError('InvalidArgument', 'A value of this request can be read in two ways.', {
      details: { ArgumentName: ambiguous.name },
    });
}
