import { GatewayError } from '../../../model/errors.ts';
import type { StorageRequest } from '../../../model/operations.ts';
import { demandAclPlace } from './acl-wish.ts';
import type { BeforeDocument, VerifiedRequest } from '../../dialect.ts';
import { askingFirst } from '../../document.ts';
import type { BucketEncryptionWords } from '../words/bucket-encryption.ts';
import type { ObjectEncryptionWords } from '../words/encryption.ts';
import { refuseWithoutEffect } from './header-rules.ts';
import { isIn, LISTS, MULTIPART, OBJECTS, operationOf } from '../operations.ts';
import { fieldsOf, refuseUnmodelled } from './parameters.ts';
import { decodeBucketOperation } from './request-buckets.ts';
import { decodeListOperation } from './request-lists.ts';
import { decodeMultipartOperation } from './request-multipart.ts';
import { decodeObjectOperation } from './request-objects.ts';
import { decodePassthrough } from './request-passthrough.ts';

/** The words that a variant of S3 may choose for itself. */
export interface RequestWords {
  readonly object: ObjectEncryptionWords;
  readonly bucket: BucketEncryptionWords;
}

/** A client's request in the model. Small XML bodies are read here, bounded. */
export async function decodeRequest(
  request: VerifiedRequest,
  words: RequestWords,
  beforeDocument?: BeforeDocument,
): Promise<StorageRequest> {
  const fields = fieldsOf(request);
  // A presigner may have moved `x-amz-copy-source` into the query: it makes a copy there too.
  const recognised = operationOf({
    ...request.wire,
    headers: fields.headers,
    bucket: request.bucket,
    key: request.key,
  });
  checkKey(request.key);
  if (recognised.operation === 'Passthrough') {
    if (recognised.access === 'configure') refuseWithoutEffect('Passthrough', fields);
    beforeDocument?.('Passthrough', recognised.access);
    return await decodePassthrough(request, recognised, fields);
  }
  refuseUnmodelled(fields);
  const { operation } = recognised;
  demandAclPlace(operation, fields, request.wire.method);
  const { body } = askingFirst(request, operation, beforeDocument);
  const encryption = words.object.decodeClient(request, operation);
  refuseWithoutEffect(operation, fields);
  if (isIn(LISTS, operation)) return decodeListOperation(operation, fields, encryption);
  if (isIn(MULTIPART, operation)) return decodeMultipartOperation(operation, { ...fields, body }, encryption);
  if (isIn(OBJECTS, operation)) return decodeObjectOperation(operation, { ...fields, body }, encryption);
  return decodeBucketOperation(operation, { ...fields, body }, words.bucket);
}

// S3: a key is at most 1,024 bytes of UTF-8.
const MAX_KEY_BYTES = 1024;

function checkKey(key: string | undefined): void {
  if (key === undefined) return;
  const size = Buffer.byteLength(key, 'utf8');
  if (size > MAX_KEY_BYTES)
    throw new GatewayError('KeyTooLongError', 'Your key is too long', {
      details: { Size: size, MaxSizeAllowed: MAX_KEY_BYTES },
    });
}
