import { CHECKSUM_ALGORITHMS } from '../../../model/body.ts';
import { GatewayError } from '../../../model/errors.ts';
import type { OperationName } from '../../../model/operations.ts';
import { inFamily } from '../words/encryption-family.ts';
import { checksumHeader, type Fields } from './parameters.ts';

/**
 * Refuses what a write would take without effect: S3's headers that the model has no word for, headers of other operations, and
 * whatever a newer SDK may mean by a name that stands nowhere here. What another rule judges (encryption, ACLs, owners) passes.
 */
export function refuseWithoutEffect(operation: OperationName, fields: Fields): void {
  const own = TAKEN[operation];
  if (own === undefined) return;
  const found = fields.headers.find(([name, value]) => !isTaken(name, value.toLowerCase(), own));
  if (found !== undefined)
    throw new GatewayError(
      'NotImplemented',
      `A header you provided implies functionality that is not implemented: ${found[0]}`,
      { details: { Header: found[0] } },
    );
}

function isTaken(name: string, value: string, own: readonly string[]): boolean {
  if (CONDITIONS.includes(name)) return own.includes(name);
  // A part of an object must not become the whole of it (RFC 9110, 14.4).
  if (name === 'content-range') return false;
  if (!name.startsWith('x-amz-') || inFamily(name) || ELSEWHERE.test(name)) return true;
  return own.includes(name) || NO_WISH[name] === value;
}

/** A condition that is not judged is a protection that is dropped. */
const CONDITIONS: readonly string[] = ['if-match', 'if-none-match'];

/**
 * Of the request itself (signature, payload, tracing), or judged by rules of their own. Two ask for nothing that could be lost:
 * `request-payer` agrees to pay where nobody charges, and metadata on a part is Create's to set, as at S3.
 */
const ELSEWHERE =
  /^x-amz-(date|content-sha256|security-token|decoded-content-length|trailer|sdk-checksum-algorithm|user-agent|region-set|request-payer|meta-.*|acl|grant-.*|(source-)?expected-bucket-owner|replication-status)$/;

/** Values that ask for what holds anyway. */
const NO_WISH: Readonly<Record<string, string>> = {
  'x-amz-bucket-object-lock-enabled': 'false',
  'x-amz-object-ownership': 'bucketownerenforced',
  'x-amz-bucket-namespace': 'global',
};

const SUMS = CHECKSUM_ALGORITHMS.map((algorithm) => checksumHeader(algorithm));
/** Leave to delete what is locked (versitygw's and backup tools' default): without it the store keeps what it has locked. */
const BYPASS = 'x-amz-bypass-governance-retention';
const CHOICE = ['x-amz-checksum-algorithm', 'x-amz-checksum-type'];
const OBJECT = ['x-amz-tagging', 'x-amz-storage-class', 'x-amz-website-redirect-location', ...CONDITIONS];
const SOURCE = [
  'x-amz-copy-source',
  ...['match', 'none-match', 'modified-since', 'unmodified-since'].map((name) => `x-amz-copy-source-if-${name}`),
];

/** What each write understands (S3 API model's header bindings). A read without a header's effect is still the same object. */
const TAKEN: Readonly<Partial<Record<OperationName, readonly string[]>>> = {
  PutObject: [...OBJECT, ...SUMS, ...CHOICE],
  CopyObject: [...OBJECT, ...SOURCE, 'x-amz-metadata-directive', 'x-amz-tagging-directive', 'x-amz-checksum-algorithm'],
  CreateMultipartUpload: [...OBJECT, ...CHOICE],
  // minio-go repeats on parts what Create was told.
  UploadPart: [...SUMS, ...CHOICE],
  UploadPartCopy: [...SOURCE, 'x-amz-copy-source-range', ...CHOICE],
  CompleteMultipartUpload: [...CONDITIONS, ...SUMS, 'x-amz-checksum-type', 'x-amz-mp-object-size'],
  AbortMultipartUpload: [],
  // Conditions on a delete have an answer of their own.
  DeleteObject: [...CONDITIONS, BYPASS],
  DeleteObjects: [...SUMS, BYPASS],
  PutObjectTagging: SUMS,
  DeleteObjectTagging: [],
  PutObjectAcl: SUMS,
  CreateBucket: SUMS,
  DeleteBucket: [],
  PutBucketAcl: SUMS,
  PutBucketEncryption: SUMS,
  DeleteBucketEncryption: [],
  // Who may change the policy is the gateway's to say: nobody locks himself out by one.
  PutBucketPolicy: [...SUMS, 'x-amz-confirm-remove-self-bucket-access'],
  DeleteBucketPolicy: [],
  // What crosses to the store.
  Passthrough: [
    ...SUMS,
    'x-amz-bucket-object-lock-token',
    'x-amz-confirm-remove-self-bucket-access',
    'x-amz-mfa',
    'x-amz-skip-destination-validation',
    'x-amz-transition-default-minimum-object-size',
  ],
};
