import { GatewayError } from '../../../model/errors.ts';
import type { StorageRequest } from '../../../model/operations.ts';
import type { BeforeDocument, CallOut, VerifiedRequest } from '../../dialect.ts';
import { askingFirst } from '../../document.ts';
import {
  decodeRepeatedWish,
  decodeWish,
  encryptionFields,
  refuseContext,
  refuseEncryption,
} from '../words/encryption.ts';
import { refuseWithoutEffect } from './header-rules.ts';
import { refuseInternalHeaders } from '../words/metadata.ts';
import { describe, operationOf, refuseUnknown, type OssOperation } from '../operations.ts';
import { callsOut, passthrough } from './passthrough.ts';
import { refuseMisplacedAcl } from '../words/acl-place.ts';
import { BUCKET_DECODERS } from './request-buckets.ts';
import { MULTIPART_DECODERS } from './request-multipart.ts';
import { OBJECT_DECODERS } from './request-objects.ts';
import { decodePassthrough } from './request-passthrough.ts';
import type { Decoder } from './request-decoder.ts';
import { paced } from '../../../wire/paced.ts';
import { trafficLimit } from '../words/traffic-limit.ts';

/** Bytes of an object's key: OSS's limit. */
const MAX_KEY = 1023;
/** Operations that take encryption headers (EC 0005-00000002), and those that repeat them: oss2 lists the parts of an upload with its key id. */
const ACCEPTING: ReadonlySet<OssOperation> = new Set([
  'CreateBucket',
  'PutObject',
  'CopyObject',
  'CreateMultipartUpload',
  'AppendObject',
]);
const REPEATING: ReadonlySet<OssOperation> = new Set([
  'UploadPart',
  'UploadPartCopy',
  'CompleteMultipartUpload',
  'ListParts',
]);

const DECODERS: { readonly [N in OssOperation]: Decoder<N> } = {
  ...BUCKET_DECODERS,
  ...OBJECT_DECODERS,
  ...MULTIPART_DECODERS,
};

/** The model's request. What would make the store call out is refused unless the policy allows it. */
export async function decodeRequest(
  request: VerifiedRequest,
  allowed: readonly CallOut[] = [],
  beforeDocument?: BeforeDocument,
): Promise<StorageRequest> {
  const inQuery = request.wire.query.map(({ name, value }) => [name.toLowerCase(), value ?? ''] as const);
  refuseInternalHeaders([...request.wire.headers, ...inQuery], request.replicator === true);
  const fields = encryptionFields(request.wire);
  const outward = callsOut(request);
  if (outward !== undefined && !allowed.includes(outward)) throw calledOut(request, outward);
  refuseUnknown(request);
  const operation = operationOf(request);
  refuseMisplacedAcl(request, operation);
  // The model has no words for callbacks and processing: dropping them would be a lie.
  if (operation !== undefined && outward !== undefined)
    throw new GatewayError(
      'NotImplemented',
      `${describe(request)} with a ${outward} is not implemented by this gateway.`,
    );
  if (operation === undefined) {
    const outside = passthrough(request);
    if (outside === undefined || request.bucket === undefined)
      throw new GatewayError('NotImplemented', `${describe(request)} is not implemented by this gateway.`);
    refuseEncryption(fields);
    if (outside.access === 'configure') refuseWithoutEffect('Passthrough', request);
    beforeDocument?.('Passthrough', outside.access);
    return await decodePassthrough(request, { operation: 'Passthrough', bucket: request.bucket, ...outside });
  }
  if (request.key !== undefined) refuseKey(request.key);
  refuseWithoutEffect(operation, request);
  if (operation === 'CreateBucket') refuseContext(fields);
  const wish = ACCEPTING.has(operation) ? decodeWish(fields) : { state: 'absent' as const };
  const repeatedWish = REPEATING.has(operation) ? decodeRepeatedWish(fields) : undefined;
  if (!ACCEPTING.has(operation) && !REPEATING.has(operation)) refuseEncryption(fields);
  if (repeatedWish?.state === 'illFormed') throw repeatedWish.error;
  const decode: Decoder<OssOperation> = DECODERS[operation];
  return await decode({
    request: askingFirst(atItsPace(request), operation, beforeDocument),
    wish,
    repeatedWish,
    bucket: request.bucket ?? '',
    key: request.key ?? '',
  });
}

/** A body that the client wants slow is read slowly: what is not read is not sent. */
function atItsPace(request: VerifiedRequest): VerifiedRequest {
  const limit = trafficLimit(request);
  if (limit === undefined) return request;
  return { ...request, body: { ...request.body, bytes: paced(request.body.bytes, limit) } };
}

function calledOut(request: VerifiedRequest, outward: CallOut): GatewayError {
  const website = request.wire.query.some(({ name }) => name === 'website');
  return new GatewayError(
    'AccessDenied',
    website
      ? 'A website configuration may mirror from an origin, and the service does not encrypt what it fetches; the policy does not allow it (fetch).'
      : `The request makes the store call out, which the policy does not allow (${outward}).`,
  );
}

function refuseKey(key: string): void {
  if (Buffer.byteLength(key, 'utf8') > MAX_KEY || key.startsWith('\\') || key.includes('\u0000'))
    throw new GatewayError('InvalidObjectName', 'The specified object is not valid.', {
      details: { Key: key.slice(0, 100) },
    });
}
