import { GatewayError } from '../../model/errors.ts';
import { headerOf, headersOf, queryOf, type WireRequest } from '../../wire/message.ts';
import { decodeComponent } from '../../wire/percent-encoding.ts';
import type { Credential, Presumed, VerifiedRequest, VerifyContext } from '../dialect.ts';
import { candidateResources, type Resource } from './addressing.ts';
import { parametersOf, sameSecret, type Parameter, type Signable } from './signature/canonical-request.ts';
import { claimOf, presentedSignature, type Presented } from './signature/claim.ts';
import { bodyOf } from './payload/payload.ts';
import { isAmbiguousV1, isSignedV1, signatureV1, stringToSignV1 } from './signature/v1.ts';
import { signatureV2, stringToSignV2 } from './signature/v2.ts';
import { canonicalRequestV4, signatureV4, stringToSignV4, UNSIGNED_PAYLOAD } from './signature/v4.ts';
import { signedTime } from './signature/validity.ts';

/** Stands in for the secret of an unknown access key, so that both take the same path. */
const NOBODY: Credential = {
  accessKeyId: '',
  secretAccessKey: { reveal: () => 'unknown', toString: () => '', toJSON: () => '' },
};
/** Two lines of these would be read differently by the signature and by the decoder. */
const SINGLE = [
  'content-length',
  'content-md5',
  'content-type',
  'date',
  'host',
  'range',
  'x-oss-content-sha256',
  'x-oss-copy-source',
  'x-oss-date',
  'x-oss-security-token',
  'security-token',
];

/** What must not come back in an error document, where logs would find it: header lines, and parameters of the resource. */
const SECRETS = /((?:^|[\n?&])(?:(?:x-oss-)?security-token|x-oss-server-side-encryption-customer-key)[:=])[^\n&]*/g;

/** Opens a request: its identity, its bucket and its key are what the signature covers, and nothing else. */
export function verifyRequest(wire: WireRequest, context: VerifyContext): VerifiedRequest {
  const presented = presentedSignature(wire);
  const parameters = refuseConfusion(wire);
  refuseForm(wire, presented, context, parameters);
  const time = signedTime(wire, presented, context.now);
  const known = context.credential(presented.accessKeyId);
  const resources = candidateResources(wire, context.addressing, context.candidateBuckets(presented.accessKeyId));
  const attempts = attemptsOf(wire, presented, resources, parameters, time);
  const secret = (known ?? NOBODY).secretAccessKey.reveal();
  const opened = attempts.find((attempt) => sameSecret(attempt.sign(secret), presented.signature));
  if (known === undefined) {
    throw new GatewayError('InvalidAccessKeyId', 'The OSS Access Key Id you provided does not exist in our records.', {
      details: { OSSAccessKeyId: presented.accessKeyId },
    });
  }
  if (opened === undefined) throw mismatch(presented, attempts[0]?.stringToSign ?? '');
  checkToken(wire, presented, known);
  const { bucket, key } = opened.resource;
  return { wire, accessKeyId: known.accessKeyId, form: presented.form, bucket, key, body: bodyOf(wire) };
}

/** What a request says of itself, its signature unchecked: the likeliest of the resources that the target can mean. */
export function presumeRequest(wire: WireRequest, context: Pick<VerifyContext, 'addressing' | 'signatures'>): Presumed {
  const presented = claimOf(wire) === undefined ? undefined : presentedSignature(wire);
  const parameters = refuseConfusion(wire);
  if (presented !== undefined) refuseForm(wire, presented, context, parameters);
  const [resource] = candidateResources(wire, context.addressing, []);
  return { form: presented?.form ?? 'oss-v4', bucket: resource?.bucket, key: resource?.key, body: bodyOf(wire) };
}

interface Attempt {
  readonly resource: Resource;
  readonly stringToSign: string;
  readonly sign: (secret: string) => string;
}

/** One attempt for each resource that the target can mean; V1 has two for its two lists of sub-resources. */
function attemptsOf(
  wire: WireRequest,
  presented: Presented,
  resources: readonly Resource[],
  parameters: readonly Parameter[],
  time: string,
): readonly Attempt[] {
  const { additionalHeaders } = presented;
  const signable = (resource: Resource): Signable => ({
    ...resource,
    method: wire.method,
    headers: wire.headers,
    parameters,
  });
  switch (presented.form) {
    case 'oss-v1':
    case 'oss-v1-url': {
      const bare = parameters.every(({ name }) => isSignedV1(name, 'union') === isSignedV1(name, 'minimal'));
      const lists = bare ? (['union'] as const) : (['union', 'minimal'] as const);
      return lists.flatMap((list) =>
        resources.map((resource) => {
          const stringToSign = stringToSignV1({ ...signable(resource), date: time, list });
          return { resource, stringToSign, sign: (secret) => signatureV1(secret, stringToSign) };
        }),
      );
    }
    case 'oss-v2':
    case 'oss-v2-url':
      return resources.map((resource) => {
        const stringToSign = stringToSignV2({ ...signable(resource), date: time, additionalHeaders });
        return { resource, stringToSign, sign: (secret) => signatureV2(secret, stringToSign) };
      });
    case 'oss-v4':
    case 'oss-v4-url':
      return resources.map((resource) => {
        const canonical = canonicalRequestV4({ ...signable(resource), additionalHeaders });
        const stringToSign = stringToSignV4(time, presented.scope, canonical);
        return { resource, stringToSign, sign: (secret) => signatureV4(secret, presented.scope, stringToSign) };
      });
  }
}

function refuseConfusion(wire: WireRequest): readonly Parameter[] {
  // OSS signatures cover no x-amz-* header: whoever forwards the request could add one.
  const foreign = wire.headers.find(([name]) => name.startsWith('x-amz-') || name.startsWith('x-aws-'));
  if (foreign !== undefined)
    throw argument(`The header ${foreign[0]} belongs to another protocol than the signature.`, foreign[0]);
  const doubled = SINGLE.find((name) => headersOf(wire.headers, name).length > 1);
  if (doubled !== undefined) throw argument(`The header ${doubled} is given more than once.`, doubled);
  const parameters = parametersOf(wire.query);
  if (parameters === undefined) throw new GatewayError('InvalidURI', "Couldn't parse the specified URI.");
  const names = new Set<string>();
  for (const { name } of parameters) {
    if (names.has(name)) throw argument(`The parameter ${name} is given more than once.`, name);
    names.add(name);
  }
  const hash = headerOf(wire.headers, 'x-oss-content-sha256');
  if (hash !== undefined && hash !== UNSIGNED_PAYLOAD)
    throw new GatewayError('InvalidArgument', 'x-oss-content-sha256 must be UNSIGNED-PAYLOAD.', {
      ec: '0002-00000214',
      details: { ArgumentName: 'x-oss-content-sha256', ArgumentValue: hash },
    });
  return parameters;
}

function refuseForm(
  wire: WireRequest,
  presented: Presented,
  context: Pick<VerifyContext, 'signatures'>,
  parameters: readonly Parameter[],
): void {
  if (presented.form !== 'oss-v1' && presented.form !== 'oss-v1-url') return;
  if (context.signatures.ossV1 === 'deny')
    throw new GatewayError(
      'AccessDenied',
      'Signature version 1 is switched off at this endpoint. Please use OSS4-HMAC-SHA256.',
    );
  const path = decodeComponent(wire.path);
  if (path === undefined) throw new GatewayError('InvalidURI', "Couldn't parse the specified URI.");
  const ambiguous = isAmbiguousV1(path, parameters);
  if (ambiguous === 'key')
    throw new GatewayError(
      'InvalidObjectName',
      'Signature version 1 cannot tell this name from a request for a sub-resource. Please use OSS4-HMAC-SHA256.',
    );
  if (ambiguous === 'parameter')
    throw argument('Signature version 1 cannot cover this parameter unambiguously.', 'query');
  // V1 covers `x-oss-*` as spelt here only, but in any spelling such a name counts as a header: whoever has a URL could add one.
  const uncovered = parameters.find(({ name }) => /^x-oss-/i.test(name) && !name.startsWith('x-oss-'));
  if (uncovered !== undefined) throw argument('Signature version 1 does not cover this parameter.', uncovered.name);
}

/** STS: the token travels in a header or, for a URL, in the query; Python v2 names the header `security-token` and does not sign it. */
function checkToken(wire: WireRequest, presented: Presented, credential: Credential): void {
  const inUrl = presented.form.endsWith('-url');
  const inHeader = headerOf(wire.headers, 'x-oss-security-token') ?? headerOf(wire.headers, 'security-token');
  const inQuery = queryOf(wire.query, 'x-oss-security-token') ?? queryOf(wire.query, 'security-token');
  if (inUrl && inHeader !== undefined)
    throw new GatewayError('InvalidRequest', 'Security-token must be provided by query string parameter.');
  const token = inUrl ? inQuery : (inHeader ?? inQuery);
  const expected = credential.sessionToken?.reveal();
  if (expected === undefined && token === undefined) return;
  if (expected === undefined || token === undefined || !sameSecret(token, expected))
    throw new GatewayError('InvalidSecurityToken', 'The security token you provided is invalid.');
}

function mismatch(presented: Presented, stringToSign: string): GatewayError {
  const bytes = Buffer.from(stringToSign.replace(SECRETS, '$1[redacted]'), 'latin1');
  return new GatewayError(
    'SignatureDoesNotMatch',
    'The request signature we calculated does not match the signature you provided. Check your key and signing method.',
    {
      details: {
        OSSAccessKeyId: presented.accessKeyId,
        SignatureProvided: presented.signature,
        StringToSign: bytes.toString('utf8'),
        StringToSignBytes: bytes.toString('hex').replace(/../g, '$& ').trimEnd().toUpperCase(),
      },
    },
  );
}

function argument(message: string, name: string): GatewayError {
  return new GatewayError('InvalidArgument', message, { details: { ArgumentName: name } });
}
