import { GatewayError } from '../../model/errors.ts';
import type { OperationName } from '../../model/operations.ts';
import { headerOf, queryOf } from '../../wire/message.ts';
import type { VerifiedRequest } from '../dialect.ts';

/** An operation of this dialect that the model knows; everything else passes through or is refused. */
export type OssOperation = Exclude<OperationName, 'Passthrough' | 'GetObjectAttributes'>;

/** Query names that select an operation; all others are its parameters. */
const SELECTORS: ReadonlySet<string> = new Set(
  (
    'acl append asyncFetch accessPoint accessPointPolicy accessmonitor bucketArchiveDirectRead bucketInfo callback-list cleanRestoredObject ' +
    'cname cors delete dirDelete encryption httpsConfig img inventory lifecycle link live location logging metaQuery ' +
    'objectInfo objectMeta policy policyStatus publicAccessBlock qos qosInfo redundancyTransition referer regionList rename ' +
    'replication replicationLocation replicationProgress requestPayment requesterQosInfo resourceGroup resourcePool ' +
    'resourcePoolInfo responseHeader restore rtc seal select stat style symlink tagging transferAcceleration udf ' +
    'udfImage uploads uploadId versioning versions vod vpcip website worm wormExtend wormId x-oss-process x-oss-async-process ' +
    'x-oss-write-get-object-response'
  ).split(' '),
);

const TABLE: Readonly<Record<string, OssOperation>> = {
  'GET service': 'ListBuckets',
  'PUT bucket': 'CreateBucket',
  'GET bucket': 'ListObjects',
  'HEAD bucket': 'HeadBucket',
  'DELETE bucket': 'DeleteBucket',
  'GET bucket location': 'GetBucketLocation',
  'GET bucket bucketInfo': 'GetBucketInfo',
  'GET bucket stat': 'GetBucketStat',
  'GET bucket acl': 'GetBucketAcl',
  'PUT bucket acl': 'PutBucketAcl',
  'GET bucket versioning': 'GetBucketVersioning',
  'GET bucket versions': 'ListObjectVersions',
  'GET bucket uploads': 'ListMultipartUploads',
  'GET bucket encryption': 'GetBucketEncryption',
  'PUT bucket encryption': 'PutBucketEncryption',
  'DELETE bucket encryption': 'DeleteBucketEncryption',
  'GET bucket policy': 'GetBucketPolicy',
  'PUT bucket policy': 'PutBucketPolicy',
  'DELETE bucket policy': 'DeleteBucketPolicy',
  'GET bucket replication': 'GetBucketReplication',
  'POST bucket replication': 'PutBucketReplication',
  'POST bucket delete': 'DeleteObjects',
  'PUT object': 'PutObject',
  'GET object': 'GetObject',
  'HEAD object': 'HeadObject',
  'DELETE object': 'DeleteObject',
  'HEAD object objectMeta': 'HeadObject',
  'GET object acl': 'GetObjectAcl',
  'PUT object acl': 'PutObjectAcl',
  'GET object tagging': 'GetObjectTagging',
  'PUT object tagging': 'PutObjectTagging',
  'DELETE object tagging': 'DeleteObjectTagging',
  'POST object append': 'AppendObject',
  'POST object uploads': 'CreateMultipartUpload',
  'PUT object uploadId': 'UploadPart',
  'POST object uploadId': 'CompleteMultipartUpload',
  'DELETE object uploadId': 'AbortMultipartUpload',
  'GET object uploadId': 'ListParts',
};

/** The one sub-resource of a request. Two of them would leave it to the server which one is meant. */
export function selectorOf(request: VerifiedRequest): string | undefined {
  const selectors = request.wire.query.map(({ name }) => name).filter((name) => SELECTORS.has(name));
  if (selectors.length > 1)
    throw new GatewayError('InvalidArgument', 'The request names more than one sub-resource.', {
      details: { ArgumentName: selectors[1] ?? '', ArgumentValue: selectors.join('&') },
    });
  return selectors[0];
}

/** Parameters of operations and of signatures, which may stand without a value (the SDKs' lists of what is signed). */
const PARAMETERS: ReadonlySet<string> = new Set(
  (
    'callback callback-var cloudboxes comp continuation-token delimiter dir encoding-type endTime Expires fetch-owner group inventoryId ' +
    'key-marker list-type marker max-keys max-parts max-uploads OSSAccessKeyId part-number-marker partNumber position prefix ' +
    'security-token sequential Signature start-after startTime styleName upload-id-marker version-id-marker versionId withHashContext'
  ).split(' '),
);
/** Parameters that have a meaning on objects only: on a bucket they are what a client with an empty key sends. */
const OF_OBJECTS: ReadonlySet<string> = new Set(['append', 'partNumber', 'position', 'versionId']);

/**
 * A newer SDK's call must not become an older one: a name without a value that nobody here knows may be a sub-resource,
 * and without it `PUT` would create a bucket or an object and `DELETE` would delete one.
 */
export function refuseUnknown(request: VerifiedRequest): void {
  const { method, query } = request.wire;
  if (method !== 'PUT' && method !== 'POST' && method !== 'DELETE') return;
  const strange = query.find(
    ({ name, value }) =>
      (request.key === undefined && OF_OBJECTS.has(name)) ||
      ((value === undefined || value === '') && !SELECTORS.has(name) && !isParameter(name)),
  );
  if (strange === undefined) return;
  const level = request.key === undefined ? 'a bucket' : 'an object';
  throw new GatewayError(
    'NotImplemented',
    `${method} ?${strange.name.slice(0, 64)} of ${level} is not implemented by this gateway.`,
  );
}

function isParameter(name: string): boolean {
  return name === '' || PARAMETERS.has(name) || name.startsWith('response-') || KNOWN_OSS.test(name);
}

const KNOWN_OSS =
  /^x-oss-(signature.*|access-key-id|additional-headers|credential|date|expires|security-token|traffic-limit|request-payer|ac-.*|callback.*|(async-)?process|server-side-.*)$/;

/** The operation, or undefined where the model has none. */
export function operationOf(request: VerifiedRequest): OssOperation | undefined {
  const level = request.bucket === undefined ? 'service' : request.key === undefined ? 'bucket' : 'object';
  const selector = selectorOf(request);
  const name = `${request.wire.method} ${level}${selector === undefined ? '' : ` ${selector}`}`;
  const operation = Object.hasOwn(TABLE, name) ? TABLE[name] : undefined;
  const copies = headerOf(request.wire.headers, 'x-oss-copy-source') !== undefined;
  switch (operation) {
    case 'PutObject':
      return copies ? 'CopyObject' : operation;
    case 'UploadPart':
      return copies ? 'UploadPartCopy' : operation;
    case 'ListObjects':
      return queryOf(request.wire.query, 'list-type') === '2' ? 'ListObjectsV2' : operation;
    case 'PutBucketReplication':
      return queryOf(request.wire.query, 'comp') === 'delete' ? 'DeleteBucketReplication' : operation;
    default:
      if (copies && operation !== undefined)
        throw new GatewayError('InvalidArgument', 'x-oss-copy-source is not supported for this operation.', {
          details: { ArgumentName: 'x-oss-copy-source' },
        });
      return operation;
  }
}

/** A name for a refused request. */
export function describe(request: VerifiedRequest): string {
  const level = request.bucket === undefined ? 'the service' : request.key === undefined ? 'a bucket' : 'an object';
  const selector = selectorOf(request);
  return `${request.wire.method} ${selector === undefined ? 'of' : `?${selector} of`} ${level}`;
}
