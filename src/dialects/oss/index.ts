import type { Dialect } from '../dialect.ts';
import { parseBucketPolicy } from './bucket-policy.ts';
import { claimOf, speaksOss } from './signature/claim.ts';
import { clientEncryptionCopyRefusal } from './words/client-encryption.ts';
import { expresses } from './words/encryption.ts';
import { encodeError, encodeErrorDocument } from './errors.ts';
import { keySpelling } from './words/key-spelling.ts';
import { callsOut, passthrough } from './client/passthrough.ts';
import { decodeRequest } from './client/request.ts';
import { encodeResponse } from './client/response.ts';
import { decodeResponse } from './store/response.ts';
import { encodePassthrough, encodeRequest } from './store/request.ts';
import { signRequest } from './signature/sign.ts';
import { presumeRequest, verifyRequest } from './verification.ts';

/** Alibaba Cloud OSS: signatures V1, V2 and V4, its headers, XML and errors, both faces. */
export const oss: Dialect = {
  name: 'oss',
  traits: {
    crc64: true,
    selfCopyNeedsChange: false,
    minimumPartSize: 100 * 1024,
    wishesIgnored: false,
    showsImpliedRule: true,
    perKeyErrors: false,
    uploadsKeepBucket: true,
    encryptionNeedsTls: false,
    readsErrorsInside200: false,
  },
  speaks: speaksOss,
  claims: claimOf,
  verify: verifyRequest,
  presume: presumeRequest,
  decodeRequest,
  encodeResponse,
  encodeError,
  encodeErrorDocument,
  encodeRequest,
  sign: signRequest,
  decodeResponse,
  passthrough,
  encodePassthrough,
  callsOut,
  copyRefusal: (request, sourceMetadata) =>
    clientEncryptionCopyRefusal(
      request.operation === 'UploadPartCopy'
        ? { operation: 'UploadPartCopy' }
        : {
            operation: 'CopyObject',
            replaced: request.metadataDirective === 'REPLACE' ? request.metadata.user : undefined,
          },
      sourceMetadata.user,
    ),
  keySpelling,
  canExpress: expresses,
  secretNames: [
    'authorization',
    'ossaccesskeyid',
    'security-token',
    'signature',
    'x-oss-credential',
    'x-oss-security-token',
    'x-oss-server-side-encryption-customer-key',
    'x-oss-signature',
  ],
  parseBucketPolicy,
};
