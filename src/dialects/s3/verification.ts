import { GatewayError } from '../../model/errors.ts';
import { headersOf, queryOf } from '../../wire/message.ts';
import type { WireRequest } from '../../wire/message.ts';
import type { Claim, Presumed, SignatureForm, VerifiedRequest, VerifyContext } from '../dialect.ts';
import { resolveAddress } from './addressing.ts';
import type { ChunkSignatureSeed } from './signature/chunk-signature.ts';
import { mechanismOf, onlyQueryValue, severalMechanisms, speaksS3 } from './signature/mechanism.ts';
import type { Mechanism } from './signature/mechanism.ts';
import { createBody } from './payload/payload.ts';
import { parsePayloadHash, UNSIGNED_PAYLOAD } from './signature/payload-hash.ts';
import type { PayloadForm } from './signature/payload-hash.ts';
import { signatureV2Unsupported, signedValueV2, verifySignatureV2 } from './signature/v2.ts';
import { verifySignatureV4 } from './signature/v4.ts';
import { partsOfHeader, partsOfQuery } from './signature/signed-parts.ts';
import type { SignedParts } from './signature/signed-parts.ts';

/** Whether a request carries a signature that S3 knows, refused forms included, and for which access key. */
export function claimsS3(wire: WireRequest): Claim | undefined {
  const mechanism = mechanismOf(wire);
  return speaksS3(wire, mechanism) ? { accessKeyId: claimedAccessKey(wire, mechanism) } : undefined;
}

/** Verifies a request's one signature and prepares its payload; throws S3's errors. No byte of the body is read. */
export function verifyS3(wire: WireRequest, context: VerifyContext): VerifiedRequest {
  const mechanism = mechanismOf(wire);
  const authentic = authenticate(wire, mechanism, context);
  const { bucket, key } = authentic.address;
  return {
    wire,
    accessKeyId: authentic.accessKeyId,
    form: authentic.form,
    bucket,
    key,
    body: createBody({ wire, key, form: authentic.payload, seed: authentic.seed, contentMd5: authentic.contentMd5 }),
  };
}

/** What a request says of itself, its signature unchecked. */
export function presumeS3(wire: WireRequest, context: Pick<VerifyContext, 'addressing' | 'signatures'>): Presumed {
  const form = presumedForm(mechanismOf(wire), context);
  refuseForeignHeaders(wire);
  const { bucket, key } = resolveAddress(wire.host, wire.path, context.addressing);
  const hashes = headersOf(wire.headers, 'x-amz-content-sha256');
  const payload = parsePayloadHash(hashes.length === 0 ? UNSIGNED_PAYLOAD : hashes.join(','));
  // Neither hash nor chunk signatures can be held against a signature that was not checked.
  const unproven = payload.kind === 'chunks' ? { ...payload, signed: false } : { ...payload, sha256: undefined };
  const body = createBody({ wire, key, form: unproven, seed: undefined, contentMd5: onlyContentMd5(wire) });
  return { form, bucket, key, body };
}

function presumedForm(mechanism: Mechanism, { signatures }: Pick<VerifyContext, 'signatures'>): SignatureForm {
  switch (mechanism.kind) {
    case 'conflict':
      throw severalMechanisms();
    case 'header-v2':
    case 'asymmetric':
      throw signatureV2Unsupported();
    case 'query-v2':
      if (signatures.sigV2 === 'deny') throw signatureV2Unsupported();
      return 'sigv2-presigned';
    case 'query-v4':
      return 'sigv4-presigned';
    case 'header-v4':
    case 'none':
    case 'foreign':
      return 'sigv4';
  }
}

interface Authentic {
  readonly accessKeyId: string;
  readonly form: SignatureForm;
  readonly address: ReturnType<typeof resolveAddress>;
  readonly payload: PayloadForm;
  readonly seed: ChunkSignatureSeed | undefined;
  readonly contentMd5: string | undefined;
}

function authenticate(wire: WireRequest, mechanism: Mechanism, context: VerifyContext): Authentic {
  switch (mechanism.kind) {
    case 'conflict':
      throw severalMechanisms();
    case 'none':
      throw anonymous(wire);
    case 'foreign':
      throw new GatewayError('InvalidArgument', 'Unsupported Authorization Type', {
        details: { ArgumentName: 'Authorization' },
      });
    case 'header-v2':
    case 'asymmetric':
      throw signatureV2Unsupported();
    case 'header-v4':
      return authenticateV4(wire, partsOfHeader(wire, mechanism.parameters, context.now), context);
    case 'query-v4':
      return authenticateV4(wire, partsOfQuery(wire, context.now), context);
    case 'query-v2':
      return authenticateV2(wire, context);
  }
}

function authenticateV4(wire: WireRequest, parts: SignedParts, context: VerifyContext): Authentic {
  refuseForeignHeaders(wire);
  const signed = parsePayloadHash(parts.payloadHash);
  const seed = verifySignatureV4(wire, parts, context);
  return {
    accessKeyId: parts.scope.accessKeyId,
    form: parts.form,
    address: resolveAddress(wire.host, wire.path, context.addressing),
    payload: parts.form === 'sigv4-presigned' ? withUploadersHash(wire, signed) : signed,
    seed,
    contentMd5: onlyContentMd5(wire),
  };
}

function authenticateV2(wire: WireRequest, context: VerifyContext): Authentic {
  refuseForeignHeaders(wire);
  const address = resolveAddress(wire.host, wire.path, context.addressing);
  return {
    accessKeyId: verifySignatureV2(wire, address, context),
    form: 'sigv2-presigned',
    address,
    payload: withUploadersHash(wire, parsePayloadHash(UNSIGNED_PAYLOAD)),
    seed: undefined,
    contentMd5: signedValueV2(wire, 'content-md5'),
  };
}

/** A digest that the uploader adds to a presigned request is held against the body; how the body is framed is not theirs to choose. */
function withUploadersHash(wire: WireRequest, signed: PayloadForm): PayloadForm {
  const values = headersOf(wire.headers, 'x-amz-content-sha256');
  if (values.length === 0 || signed.kind === 'chunks') return signed;
  const added = parsePayloadHash(values.join(','));
  if (added.kind === 'chunks')
    throw new GatewayError('InvalidRequest', 'The value of x-amz-content-sha256 header is invalid.');
  if (signed.sha256 !== undefined && added.sha256 !== undefined && signed.sha256 !== added.sha256)
    throw new GatewayError('InvalidRequest', 'The value of x-amz-content-sha256 header is invalid.');
  return { kind: 'whole', sha256: signed.sha256 ?? added.sha256 };
}

/** A wish in another vendor's words would be lost, and with it perhaps the encryption that it asked for. */
function refuseForeignHeaders(wire: WireRequest): void {
  const foreign = [...wire.headers.map(([name]) => name), ...wire.query.map(({ name }) => name.toLowerCase())].find(
    (name) => name.startsWith('x-oss-'),
  );
  if (foreign !== undefined)
    throw new GatewayError(
      'InvalidArgument',
      'A request with an AWS signature must not carry headers of another service.',
      {
        details: { ArgumentName: foreign },
      },
    );
}

function onlyContentMd5(wire: WireRequest): string | undefined {
  const values = headersOf(wire.headers, 'content-md5');
  return values.length === 0 ? undefined : values.join(',');
}

function anonymous(wire: WireRequest): GatewayError {
  const form = headersOf(wire.headers, 'content-type').some((value) => /^multipart\/form-data\b/i.test(value));
  return wire.method === 'POST' && form
    ? new GatewayError('NotImplemented', 'PostObject is not implemented.')
    : new GatewayError('AccessDenied', 'Access Denied');
}

function claimedAccessKey(wire: WireRequest, mechanism: Mechanism): string | undefined {
  switch (mechanism.kind) {
    case 'header-v4':
      return keyOfCredential(/\bCredential=([^,\s]+)/.exec(mechanism.parameters)?.[1]);
    case 'query-v4':
    case 'asymmetric':
      return keyOfCredential(onlyQueryValue(wire.query, 'X-Amz-Credential'));
    case 'query-v2':
      return queryOf(wire.query, 'AWSAccessKeyId');
    case 'header-v2':
      return /^AWS\s+([^\s:][^:]*):/.exec(headersOf(wire.headers, 'authorization')[0] ?? '')?.[1];
    case 'conflict':
    case 'none':
    case 'foreign':
      return undefined;
  }
}

function keyOfCredential(credential: string | undefined): string | undefined {
  const key = credential?.split('/').slice(0, -4).join('/');
  return key === '' ? undefined : key;
}
