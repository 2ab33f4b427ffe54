import type { Dialect, DialectName, DialectTraits, VerifiedRequest } from '../dialect.ts';
import type { BucketEncryptionWords } from './words/bucket-encryption.ts';
import { parseBucketPolicy } from './bucket-policy.ts';
import type { ObjectEncryptionWords } from './words/encryption.ts';
import { encodeError, encodeErrorDocument } from './errors.ts';
import { expectedOwners } from './words/expected-owner.ts';
import { keySpelling } from './words/key-spelling.ts';
import { encodePassthrough, passthrough } from './client/passthrough.ts';
import type { ReplicationWords } from './words/replication.ts';
import { decodeRequest } from './client/request.ts';
import { encodeResponse } from './client/response.ts';
import { signS3 } from './signature/sign.ts';
import { claimsS3, presumeS3, verifyS3 } from './verification.ts';
import { encodeRequest } from './store/request.ts';
import { decodeResponse } from './store/response.ts';

/** What sets one speaker of S3 apart from the others. Everything else is shared. */
export interface S3Variant {
  readonly name: DialectName;
  readonly traits: DialectTraits;
  readonly object: ObjectEncryptionWords;
  readonly bucket: BucketEncryptionWords;
  readonly replication: ReplicationWords;
  /** Refuses what this speaker does not take at all, before it is decoded. */
  readonly refuse?: (request: VerifiedRequest) => void;
}

/** A dialect of the S3 family. */
export function createS3Variant(variant: S3Variant): Dialect {
  const { name, traits, object, bucket, replication } = variant;
  const error: Dialect['encodeError'] = (failure, context) => encodeError(failure, context, name);
  return {
    name,
    traits,
    claims: claimsS3,
    verify: verifyS3,
    presume: presumeS3,
    decodeRequest: async (request, _allowed, beforeDocument) => {
      variant.refuse?.(request);
      return decodeRequest(request, { object, bucket }, beforeDocument);
    },
    encodeResponse: (request, result, context) =>
      encodeResponse(request, result, context, { object, bucket, replication, error }),
    encodeError: error,
    encodeErrorDocument: (failure, context) => encodeErrorDocument(failure, context, name),
    encodeRequest: (request, target) => encodeRequest(request, target, { object, bucket }),
    sign: signS3,
    decodeResponse: (request, response) => decodeResponse(request, response, { object, bucket }),
    passthrough,
    encodePassthrough,
    expectedOwners,
    keySpelling,
    canExpress: object.canExpress,
    secretNames: SECRET_NAMES,
    parseBucketPolicy,
  };
}

const SECRET_NAMES: readonly string[] = [
  'authorization',
  'awsaccesskeyid',
  'signature',
  'x-amz-credential',
  'x-amz-security-token',
  'x-amz-signature',
  'x-amz-server-side-encryption-customer-key',
  'x-amz-server-side-encryption-customer-key-md5',
  'x-amz-copy-source-server-side-encryption-customer-key',
  'x-amz-copy-source-server-side-encryption-customer-key-md5',
  'x-amz-server-side-encryption-context',
];
