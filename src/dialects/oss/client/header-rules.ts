import { GatewayError } from '../../../model/errors.ts';
import { headerOf } from '../../../wire/message.ts';
import type { VerifiedRequest } from '../../dialect.ts';
import type { OssOperation } from '../operations.ts';

/**
 * Refuses what a write would take without effect: OSS's headers that the model has no word for, headers of other operations, and
 * names that stand nowhere here. What another rule judges (encryption, ACLs, calls outward) passes.
 */
export function refuseWithoutEffect(operation: OssOperation | 'Passthrough', request: VerifiedRequest): void {
  const own = TAKEN[operation];
  if (own === undefined) return;
  const found = request.wire.headers.find(([name, value]) => !isTaken(request, own, name, value));
  if (found !== undefined)
    throw new GatewayError(
      'NotImplemented',
      `A header you provided implies functionality that is not implemented: ${found[0]}`,
      { details: { Header: found[0] } },
    );
}

function isTaken(request: VerifiedRequest, own: readonly string[], name: string, value: string): boolean {
  if (CONDITIONS.includes(name)) return own.includes(name) || isEchoed(request, name, value);
  // A part of an object must not become the whole of it (RFC 9110, 14.4).
  if (name === 'content-range') return false;
  if (!name.startsWith('x-oss-') || ELSEWHERE.test(name) || own.includes(name)) return true;
  return own.includes(COPY_SOURCE) && isEcho(request, name, value);
}

const COPY_SOURCE = 'x-oss-copy-source';

/** ali-oss `copy` sends every header twice, the second time as a condition on the source: the same words say nothing more. */
function isEcho({ wire }: VerifiedRequest, name: string, value: string): boolean {
  return name.startsWith(`${COPY_SOURCE}-`) && headerOf(wire.headers, name.slice(COPY_SOURCE.length + 1)) === value;
}

/** The first of the two: what it means stands in the second, and OSS has no condition on a copy's target. */
function isEchoed({ wire }: VerifiedRequest, name: string, value: string): boolean {
  return headerOf(wire.headers, `${COPY_SOURCE}-${name}`) === value;
}

/** A condition that is not judged is a protection that is dropped. */
const CONDITIONS: readonly string[] = ['if-match', 'if-none-match'];

/**
 * Of the request itself (signature, tracing), or judged by rules of their own. Two ask for nothing that could be lost: `request-payer`
 * agrees to pay where nobody charges, and metadata on a part is the initiate's to set.
 */
const ELSEWHERE =
  /^x-oss-(date|content-sha256|security-token|user-agent|additional-headers|request-payer|traffic-limit|meta-.*|acl|object-acl|process|async-process|callback|callback-var|replication-.*|.*server-side-.*)$/;

const WRITE = ['x-oss-tagging', 'x-oss-storage-class', 'x-oss-forbid-overwrite', ...CONDITIONS];
const SOURCE = [
  COPY_SOURCE,
  ...['match', 'none-match', 'modified-since', 'unmodified-since'].map((name) => `${COPY_SOURCE}-if-${name}`),
];
/** ali-oss repeats the initiate's headers on every part and on Complete; there they ask for nothing new. */
const REPEATED = ['x-oss-tagging', 'x-oss-storage-class', 'x-oss-forbid-overwrite'];

/** What each write understands (OSS API reference). A read without a header's effect is still the same object. */
const TAKEN: Readonly<Partial<Record<OssOperation | 'Passthrough', readonly string[]>>> = {
  PutObject: WRITE,
  AppendObject: WRITE,
  CopyObject: [
    ...SOURCE,
    'x-oss-tagging',
    'x-oss-storage-class',
    'x-oss-forbid-overwrite',
    'x-oss-metadata-directive',
    'x-oss-tagging-directive',
  ],
  CreateMultipartUpload: WRITE,
  UploadPart: REPEATED,
  UploadPartCopy: [...REPEATED, ...SOURCE, 'x-oss-copy-source-range'],
  CompleteMultipartUpload: [...REPEATED, ...CONDITIONS, 'x-oss-complete-all'],
  AbortMultipartUpload: [],
  DeleteObject: [],
  DeleteObjects: [],
  PutObjectTagging: [],
  DeleteObjectTagging: [],
  PutObjectAcl: [],
  CreateBucket: [],
  DeleteBucket: [],
  PutBucketAcl: [],
  PutBucketEncryption: [],
  DeleteBucketEncryption: [],
  PutBucketPolicy: [],
  DeleteBucketPolicy: [],
  Passthrough: [],
};
