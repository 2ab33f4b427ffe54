import type { OperationName, StorageRequest, StorageResult } from '../model/operations.ts';
import type { Call } from './call/call.ts';
import { appendObject } from './objects/append-object.ts';
import { deleteBucketEncryption, getBucketEncryption, putBucketEncryption } from './buckets/bucket-encryption.ts';
import {
  createBucket,
  getBucketInfo,
  getBucketReplication,
  listBuckets,
  refusedReplication,
} from './buckets/buckets.ts';
import { copyObject } from './objects/copy-object.ts';
import { deleteBucket } from './buckets/delete-bucket.ts';
import { deleteObjects } from './objects/delete-objects.ts';
import { forwarded } from './forward.ts';
import { listing } from './objects/listing.ts';
import { listMultipartUploads } from './uploads/list-uploads.ts';
import {
  abortMultipartUpload,
  completeMultipartUpload,
  createMultipartUpload,
  listParts,
  uploadPart,
  uploadPartCopy,
} from './uploads/multipart.ts';
import { putObject } from './objects/put-object.ts';
import { deleteBucketPolicy, putBucketPolicy } from './buckets/bucket-policy.ts';
import { getObject, getObjectAttributes, headObject } from './objects/read-object.ts';

/** `patient`: the answer may take long. What becomes of the work when nobody can wait for it any more stands there. */
export interface Handler<N extends OperationName> {
  (call: Call, request: StorageRequest<N>): Promise<StorageResult<N>>;
  readonly patient?: 'is cancelled' | 'goes on';
}

export type ModelOperation = Exclude<OperationName, 'Passthrough'>;

/** What the gateway does for each operation. A new operation does not compile until it stands here. */
export const operationHandlers: { readonly [N in ModelOperation]: Handler<N> } = {
  ListBuckets: listBuckets,
  CreateBucket: createBucket,
  HeadBucket: forwarded('HeadBucket'),
  DeleteBucket: deleteBucket,
  GetBucketLocation: forwarded('GetBucketLocation'),
  GetBucketInfo: getBucketInfo,
  GetBucketStat: forwarded('GetBucketStat'),
  GetBucketAcl: forwarded('GetBucketAcl'),
  PutBucketAcl: forwarded('PutBucketAcl'),
  GetObjectAcl: forwarded('GetObjectAcl'),
  PutObjectAcl: forwarded('PutObjectAcl'),
  GetBucketVersioning: forwarded('GetBucketVersioning'),
  GetBucketEncryption: getBucketEncryption,
  PutBucketEncryption: putBucketEncryption,
  DeleteBucketEncryption: deleteBucketEncryption,
  GetBucketReplication: getBucketReplication,
  PutBucketReplication: refusedReplication('PutBucketReplication'),
  DeleteBucketReplication: refusedReplication('DeleteBucketReplication'),
  GetBucketPolicy: forwarded('GetBucketPolicy'),
  PutBucketPolicy: putBucketPolicy,
  DeleteBucketPolicy: deleteBucketPolicy,
  ListObjects: listing('ListObjects'),
  ListObjectsV2: listing('ListObjectsV2'),
  ListObjectVersions: listing('ListObjectVersions'),
  PutObject: putObject,
  AppendObject: appendObject,
  GetObject: getObject,
  HeadObject: headObject,
  GetObjectAttributes: getObjectAttributes,
  CopyObject: Object.assign(copyObject, { patient: 'is cancelled' as const }),
  DeleteObject: forwarded('DeleteObject'),
  DeleteObjects: deleteObjects,
  GetObjectTagging: forwarded('GetObjectTagging'),
  PutObjectTagging: forwarded('PutObjectTagging'),
  DeleteObjectTagging: forwarded('DeleteObjectTagging'),
  CreateMultipartUpload: createMultipartUpload,
  UploadPart: uploadPart,
  UploadPartCopy: Object.assign(uploadPartCopy, { patient: 'is cancelled' as const }),
  CompleteMultipartUpload: Object.assign(completeMultipartUpload, { patient: 'goes on' as const }),
  AbortMultipartUpload: abortMultipartUpload,
  ListParts: listParts,
  ListMultipartUploads: listMultipartUploads,
};
