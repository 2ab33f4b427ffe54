import { GatewayError } from '../../model/errors.ts';
import type { OperationName } from '../../model/operations.ts';
import { headerOf } from '../../wire/message.ts';
import type { HeaderLines, QueryParameter } from '../../wire/message.ts';
import { isKnownParameter } from './signature/subresources.ts';

/** What names an operation: method, kind of path, query names, a few headers. */
export interface OperationInput {
  readonly method: string;
  readonly bucket: string | undefined;
  readonly key: string | undefined;
  readonly query: readonly QueryParameter[];
  readonly headers: HeaderLines;
}

export type Recognised =
  | { readonly operation: Exclude<OperationName, 'Passthrough'> }
  | { readonly operation: 'Passthrough'; readonly subresource: string; readonly access: 'read' | 'configure' };

/** The operation of a request. What the model does not cover is NotImplemented, naming S3's operation. */
export function operationOf(input: OperationInput): Recognised {
  const kind = input.bucket === undefined ? 'service' : input.key === undefined ? 'bucket' : 'object';
  const subresource = subresourceOf(input, kind);
  if (kind !== 'service') refuseUnknown(input, kind);
  const operation = subresource === '' ? plain(input, kind) : TABLE[kind][`${input.method} ${subresource}`];
  if (operation !== undefined) return refine(operation, input, subresource);
  if (kind === 'bucket' && PASSTHROUGH.has(subresource)) {
    if (input.method === 'GET') return { operation: 'Passthrough', subresource, access: 'read' };
    if ((input.method === 'PUT' || input.method === 'DELETE') && subresource !== 'policyStatus')
      return { operation: 'Passthrough', subresource, access: 'configure' };
  }
  throw outOfModel(input, kind, subresource);
}

type Kind = 'service' | 'bucket' | 'object';
type Modelled = Exclude<OperationName, 'Passthrough'>;

const TABLE: Readonly<Record<Kind, Readonly<Record<string, Modelled>>>> = {
  service: {},
  bucket: {
    'GET acl': 'GetBucketAcl',
    'PUT acl': 'PutBucketAcl',
    'GET encryption': 'GetBucketEncryption',
    'PUT encryption': 'PutBucketEncryption',
    'DELETE encryption': 'DeleteBucketEncryption',
    'GET location': 'GetBucketLocation',
    'GET policy': 'GetBucketPolicy',
    'PUT policy': 'PutBucketPolicy',
    'DELETE policy': 'DeleteBucketPolicy',
    'GET replication': 'GetBucketReplication',
    'PUT replication': 'PutBucketReplication',
    'DELETE replication': 'DeleteBucketReplication',
    'GET uploads': 'ListMultipartUploads',
    'GET versioning': 'GetBucketVersioning',
    'GET versions': 'ListObjectVersions',
    'POST delete': 'DeleteObjects',
  },
  object: {
    'GET acl': 'GetObjectAcl',
    'PUT acl': 'PutObjectAcl',
    'GET attributes': 'GetObjectAttributes',
    'GET tagging': 'GetObjectTagging',
    'PUT tagging': 'PutObjectTagging',
    'DELETE tagging': 'DeleteObjectTagging',
    'POST uploads': 'CreateMultipartUpload',
    'PUT uploadId': 'UploadPart',
    'POST uploadId': 'CompleteMultipartUpload',
    'DELETE uploadId': 'AbortMultipartUpload',
    'GET uploadId': 'ListParts',
  },
};

/** Bucket sub-resources that may cross unchanged between two S3 speakers. */
const PASSTHROUGH: ReadonlySet<string> = new Set([
  'accelerate',
  'analytics',
  'cors',
  'intelligent-tiering',
  'inventory',
  'lifecycle',
  'logging',
  'metrics',
  'notification',
  'object-lock',
  'ownershipControls',
  'policyStatus',
  'publicAccessBlock',
  'requestPayment',
  'tagging',
  'versioning',
  'website',
]);

/** Query names that select an operation (S3 API model); all others are parameters or mean nothing. */
const SUBRESOURCES: Readonly<Record<Kind, ReadonlySet<string>>> = {
  service: new Set(),
  bucket: new Set([
    ...PASSTHROUGH,
    'abac',
    'acl',
    'delete',
    'encryption',
    'location',
    'metadataAnnotationTable',
    'metadataConfiguration',
    'metadataInventoryTable',
    'metadataJournalTable',
    'metadataTable',
    'policy',
    'replication',
    'replication-metrics',
    'session',
    'uploads',
    'versions',
  ]),
  object: new Set([
    'acl',
    'annotation',
    'attributes',
    'encryption',
    'legal-hold',
    'object-lock',
    'renameObject',
    'restore',
    'retention',
    'select',
    'tagging',
    'torrent',
    'uploadId',
    'uploads',
  ]),
};

/** S3's names for what the model does not cover. */
const OUT_OF_MODEL: Readonly<Record<string, string>> = {
  'bucket GET session': 'CreateSession',
  'bucket POST ': 'PostObject',
  'bucket POST metadataConfiguration': 'CreateBucketMetadataConfiguration',
  'bucket POST metadataTable': 'CreateBucketMetadataTableConfiguration',
  'object POST restore': 'RestoreObject',
  'object POST select': 'SelectObjectContent',
  'object PUT encryption': 'UpdateObjectEncryption',
  'object PUT renameObject': 'RenameObject',
  'object GET torrent': 'GetObjectTorrent',
  'object GET legal-hold': 'GetObjectLegalHold',
  'object PUT legal-hold': 'PutObjectLegalHold',
  'object GET retention': 'GetObjectRetention',
  'object PUT retention': 'PutObjectRetention',
  'object POST ': 'PostObject',
};

function subresourceOf(input: OperationInput, kind: Kind): string {
  const named = [...new Set(input.query.map(({ name }) => name))].filter((name) => SUBRESOURCES[kind].has(name));
  const [first, second] = named;
  // Two of them would let one layer authorise the first and the next layer execute the second.
  if (second !== undefined)
    throw new GatewayError('InvalidArgument', `Conflicting query string parameters: ${named.join(', ')}`, {
      details: { ArgumentName: 'ResourceType', ArgumentValue: first ?? '' },
    });
  return first ?? '';
}

/**
 * A newer SDK's call must not become an older one: `PUT /bucket?abac` of an SDK that knows more than this list would create
 * a bucket, and `DELETE /bucket/key?annotation` delete the object. Names with a value are parameters, which S3 ignores where it
 * knows none; what belongs to objects has no meaning on a bucket, and is what a client with an empty key sends.
 */
function refuseUnknown({ method, query }: OperationInput, kind: 'bucket' | 'object'): void {
  if (method !== 'PUT' && method !== 'POST' && method !== 'DELETE') return;
  const strange = query.find(
    ({ name, value }) =>
      !SUBRESOURCES[kind].has(name) &&
      ((kind === 'bucket' && (SUBRESOURCES.object.has(name) || OF_OBJECTS.has(name))) ||
        ((value === undefined || value === '') && !isKnownParameter(name))),
  );
  if (strange !== undefined)
    throw new GatewayError(
      'NotImplemented',
      `${method} ?${strange.name.slice(0, 64)} of a ${kind} is not implemented.`,
    );
}

const OF_OBJECTS: ReadonlySet<string> = new Set(['partNumber', 'versionId']);

function plain(input: OperationInput, kind: Kind): Modelled | undefined {
  const { method } = input;
  if (kind === 'service') return method === 'GET' ? 'ListBuckets' : undefined;
  if (kind === 'bucket') {
    if (method === 'GET')
      return input.query.some(({ name, value }) => name === 'list-type' && value === '2')
        ? 'ListObjectsV2'
        : 'ListObjects';
    return { HEAD: 'HeadBucket', PUT: 'CreateBucket', DELETE: 'DeleteBucket' }[method] as Modelled | undefined;
  }
  return { GET: 'GetObject', HEAD: 'HeadObject', PUT: 'PutObject', DELETE: 'DeleteObject' }[method] as
    Modelled | undefined;
}

function refine(operation: Modelled, input: OperationInput, subresource: string): Recognised {
  const copies = headerOf(input.headers, 'x-amz-copy-source') !== undefined;
  if (operation === 'PutObject') {
    if (headerOf(input.headers, 'x-amz-write-offset-bytes') !== undefined)
      throw new GatewayError('NotImplemented', 'PutObject with x-amz-write-offset-bytes is not implemented.');
    if (input.query.some(({ name }) => name === 'partNumber'))
      throw new GatewayError('InvalidArgument', 'This operation does not accept a partNumber without an uploadId.', {
        details: { ArgumentName: 'partNumber' },
      });
    return { operation: copies ? 'CopyObject' : 'PutObject' };
  }
  if (operation === 'UploadPart') return { operation: copies ? 'UploadPartCopy' : 'UploadPart' };
  if (copies)
    throw new GatewayError('InvalidArgument', 'x-amz-copy-source header is not supported for this operation.', {
      details: { ArgumentName: 'x-amz-copy-source' },
    });
  // An ACL that is not canned has no place in the model; it may cross between like dialects.
  if (
    (operation === 'PutBucketAcl' || operation === 'PutObjectAcl') &&
    headerOf(input.headers, 'x-amz-acl') === undefined
  )
    return { operation: 'Passthrough', subresource, access: 'configure' };
  return { operation };
}

function outOfModel(input: OperationInput, kind: Kind, subresource: string): GatewayError {
  const name = OUT_OF_MODEL[`${kind} ${input.method} ${subresource}`];
  if (name !== undefined) return new GatewayError('NotImplemented', `${name} is not implemented.`);
  if (subresource !== '')
    return new GatewayError('NotImplemented', `${input.method} ?${subresource} of a ${kind} is not implemented.`);
  return new GatewayError('MethodNotAllowed', 'The specified method is not allowed against this resource.', {
    details: { Method: input.method, ResourceType: kind.toUpperCase() },
  });
}

export const LISTS = [
  'ListBuckets',
  'ListObjects',
  'ListObjectsV2',
  'ListObjectVersions',
  'ListMultipartUploads',
  'ListParts',
] as const;
export const MULTIPART = [
  'CreateMultipartUpload',
  'UploadPart',
  'UploadPartCopy',
  'CompleteMultipartUpload',
  'AbortMultipartUpload',
] as const;
export const OBJECTS = [
  'PutObject',
  'AppendObject',
  'GetObject',
  'HeadObject',
  'GetObjectAttributes',
  'CopyObject',
  'DeleteObject',
  'DeleteObjects',
  'GetObjectTagging',
  'PutObjectTagging',
  'DeleteObjectTagging',
  'GetObjectAcl',
  'PutObjectAcl',
] as const;

export type ListOperation = (typeof LISTS)[number];
export type MultipartOperation = (typeof MULTIPART)[number];
export type ObjectOperation = (typeof OBJECTS)[number];
export type BucketOperation = Exclude<
  OperationName,
  ListOperation | MultipartOperation | ObjectOperation | 'Passthrough'
>;

export function isIn<N extends OperationName>(names: readonly N[], operation: OperationName): operation is N {
  return (names as readonly OperationName[]).includes(operation);
}
