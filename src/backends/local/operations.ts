import type { CallContext } from '../../model/backend.ts';
import { GatewayError } from '../../model/errors.ts';
import type { OperationName, StorageRequest, StorageResult } from '../../model/operations.ts';
import { appendObject } from './appends.ts';
import {
  createBucket,
  deleteBucket,
  getBucketInfo,
  getBucketPolicy,
  getBucketRule,
  getBucketStat,
  listBuckets,
  putBucketPolicy,
  putBucketRule,
} from './buckets.ts';
import { completeUpload } from './completion.ts';
import { internalError, storeFailure } from './failures.ts';
import { listObjects, listObjectsV2, listObjectVersions } from './listings.ts';
import { current, getObject, getObjectAttributes, headObject } from './object-reads.ts';
import { requireBucket } from './object-rows.ts';
import { deleteObject, deleteObjects, putObject, putTags, requirePrivate } from './object-writes.ts';
import type { Room } from './room.ts';
import { abortUpload, createUpload, listParts, listUploads, uploadPart } from './uploads.ts';

/** Runs one operation of the model; every failure is a `GatewayError`. */
export async function execute<N extends OperationName>(
  room: Room,
  request: StorageRequest<N>,
  context: CallContext,
): Promise<StorageResult<N>> {
  const operation = OPERATIONS[request.operation] as Operation<N>;
  try {
    return await operation(room, request, context);
  } catch (error) {
    throw storeFailure(error);
  }
}

type Operation<N extends OperationName> = (
  room: Room,
  request: StorageRequest<N>,
  context: CallContext,
) => StorageResult<N> | Promise<StorageResult<N>>;

const OPERATIONS: { readonly [N in OperationName]: Operation<N> } = {
  ListBuckets: listBuckets,
  CreateBucket: createBucket,
  HeadBucket: inRegion,
  DeleteBucket: deleteBucket,
  GetBucketLocation: inRegion,
  GetBucketInfo: getBucketInfo,
  GetBucketStat: getBucketStat,
  GetBucketAcl: (room, { bucket }) => {
    requireBucket(room, bucket);
    return { acl: 'private' };
  },
  PutBucketAcl: (room, { bucket, acl }) => {
    requireBucket(room, bucket);
    requirePrivate(acl);
    return {};
  },
  GetObjectAcl: (room, request) => {
    current(room, request);
    return { acl: 'private' };
  },
  PutObjectAcl: (room, request) => {
    current(room, request);
    requirePrivate(request.acl);
    return {};
  },
  GetBucketVersioning: (room, { bucket }) => {
    requireBucket(room, bucket);
    return { status: undefined };
  },
  GetBucketEncryption: getBucketRule,
  PutBucketEncryption: (room, { bucket, storeRule }) => {
    if (storeRule === undefined) throw internalError('a bucket rule that is not worded for the store');
    return putBucketRule(room, bucket, storeRule);
  },
  DeleteBucketEncryption: (room, { bucket }) => putBucketRule(room, bucket, undefined),
  GetBucketReplication: notHere,
  PutBucketReplication: notHere,
  DeleteBucketReplication: notHere,
  GetBucketPolicy: getBucketPolicy,
  PutBucketPolicy: (room, { bucket, document }) => putBucketPolicy(room, bucket, document),
  DeleteBucketPolicy: (room, { bucket }) => putBucketPolicy(room, bucket, undefined),
  ListObjects: listObjects,
  ListObjectsV2: listObjectsV2,
  ListObjectVersions: listObjectVersions,
  PutObject: putObject,
  AppendObject: appendObject,
  GetObject: getObject,
  HeadObject: headObject,
  GetObjectAttributes: getObjectAttributes,
  CopyObject: notHere,
  DeleteObject: deleteObject,
  DeleteObjects: deleteObjects,
  GetObjectTagging: (room, request) => ({
    tags: current(room, request).tags,
    ...(request.versionId !== undefined && { versionId: request.versionId }),
  }),
  PutObjectTagging: (room, request) => putTags(room, request, request.tags),
  DeleteObjectTagging: (room, request) => putTags(room, request, {}),
  CreateMultipartUpload: createUpload,
  UploadPart: uploadPart,
  UploadPartCopy: notHere,
  CompleteMultipartUpload: completeUpload,
  AbortMultipartUpload: abortUpload,
  ListParts: listParts,
  ListMultipartUploads: listUploads,
  Passthrough: notHere,
};

function inRegion(room: Room, { bucket }: { readonly bucket: string }): { readonly region: string } {
  requireBucket(room, bucket);
  return { region: room.region };
}

/** Copies are read and written through the gateway, replication rules are the policy's. */
function notHere(_room: Room, request: StorageRequest): never {
  throw new GatewayError('NotImplemented', `${request.operation} is not implemented by this store.`);
}
