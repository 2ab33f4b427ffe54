import { createHmac } from 'node:crypto';
import { secret } from '../../../model/encryption.ts';
import { GatewayError } from '../../../model/errors.ts';
import type { ErrorDetails } from '../../../model/errors.ts';
import { headersOf } from '../../../wire/message.ts';
import type { WireRequest } from '../../../wire/message.ts';
import type { Credential, VerifyContext } from '../../dialect.ts';
import { canonicalPath, canonicalQuery, canonicalRequest, stringToSign } from './canonical-request.ts';
import type { CanonicalParts } from './canonical-request.ts';
import type { ChunkSignatureSeed } from './chunk-signature.ts';
import { equalSignatures, hexBytes, signatureMismatch, unknownAccessKey } from './comparison.ts';
import type { SignedParts } from './signed-parts.ts';
import { checkSessionToken } from './session-token.ts';
import { rememberSigningKey, signingKey } from './signing-key.ts';

/** Takes the place of an unknown key's secret, so that both take the same way. */
const NOBODY: Credential = { accessKeyId: '', secretAccessKey: secret('-'.repeat(40)) };

/** Bound by the payload-hash line of the canonical request, so it need not be listed. */
const BOUND_OTHERWISE = 'x-amz-content-sha256';

/** Headers whose values must not come back in an error document, where logs would find them. */
const SECRET_HEADERS: ReadonlySet<string> = new Set([
  'x-amz-security-token',
  'x-amz-server-side-encryption-customer-key',
  'x-amz-copy-source-server-side-encryption-customer-key',
]);

/** Verifies a SigV4 signature over the request's head; throws S3's errors. Answers what chunk signatures chain from. */
export function verifySignatureV4(wire: WireRequest, parts: SignedParts, context: VerifyContext): ChunkSignatureSeed {
  const path = canonicalPath(wire.path);
  if (path === undefined) throw new GatewayError('InvalidURI', "Couldn't parse the specified URI.");
  const canonicalParts: CanonicalParts = {
    method: wire.method,
    path,
    // Only a presigned URL carries its own signature; dropped elsewhere, anybody could append it.
    query: canonicalQuery(wire.query, parts.form === 'sigv4-presigned' ? 'X-Amz-Signature' : undefined),
    headers: wire.headers,
    host: hostAsSent(wire),
    signedHeaders: parts.signedHeaders,
    payloadHash: parts.payloadHash,
  };
  const { scope, timestamp } = parts;
  const toSign = stringToSign(timestamp, scope.text, canonicalRequest(canonicalParts));
  const credential = context.credential(scope.accessKeyId);
  const key = signingKey(credential ?? NOBODY, scope.date, scope.region);
  const signature = createHmac('sha256', key).update(toSign, 'latin1').digest('hex');
  const equal = equalSignatures(signature, parts.signature);
  if (credential === undefined) throw unknownAccessKey(scope.accessKeyId);
  if (!equal || !signedHeadersPresent(wire, parts.signedHeaders))
    throw signatureMismatch(mismatchDetails(parts, toSign, canonicalParts));
  rememberSigningKey(credential, scope.date, scope.region, key);
  refuseUnsignedHeaders(wire, parts.signedHeaders);
  checkSessionToken(credential, parts.sessionTokens);
  return { signingKey: key, timestamp, scope: scope.text, signature };
}

/** The case of `Host` is signed as it was sent; a trusted proxy's word replaces it where the two differ. */
function hostAsSent(wire: WireRequest): string {
  const hosts = headersOf(wire.headers, 'host');
  if (hosts.length > 1) throw new GatewayError('BadRequest', 'An error occurred when parsing the HTTP request.');
  const [host] = hosts;
  return host !== undefined && host.toLowerCase() === wire.host ? host : wire.host;
}

/** A signed header that is gone is not the same as one that came empty. */
function signedHeadersPresent(wire: WireRequest, signedHeaders: readonly string[]): boolean {
  return signedHeaders.every((name) => name === 'host' || wire.headers.some(([candidate]) => candidate === name));
}

/** What was added to a signed request on its way (tagging, ACL, encryption, copy source) must not be obeyed. */
function refuseUnsignedHeaders(wire: WireRequest, signedHeaders: readonly string[]): void {
  const mustBeSigned = wire.headers
    .map(([name]) => name)
    .filter((name) => name.startsWith('x-amz-') && name !== BOUND_OTHERWISE);
  const missing = [...new Set(['host', ...mustBeSigned])].filter((name) => !signedHeaders.includes(name));
  if (missing.length > 0)
    throw new GatewayError('AccessDenied', 'There were headers present in the request which were not signed', {
      details: { HeadersNotSigned: missing.join(', ') },
    });
}

function mismatchDetails(parts: SignedParts, toSign: string, canonical: CanonicalParts): ErrorDetails {
  const shown = canonicalRequest({
    ...canonical,
    headers: canonical.headers.map(([name, value]) => [name, SECRET_HEADERS.has(name) ? '[redacted]' : value]),
    query: canonical.query.replace(/(^|&)([^&=]+)=[^&]*/g, (whole, mark: string, name: string) =>
      SECRET_HEADERS.has(name.toLowerCase()) ? `${mark}${name}=[redacted]` : whole,
    ),
  });
  return {
    AWSAccessKeyId: parts.scope.accessKeyId,
    StringToSign: toSign,
    SignatureProvided: parts.signature,
    StringToSignBytes: hexBytes(toSign),
    CanonicalRequest: shown,
    CanonicalRequestBytes: hexBytes(shown),
  };
}
