import type { Body } from '../../../model/body.ts';
import type { Encryption, StoreKeyId } from '../../../model/encryption.ts';
import { GatewayError } from '../../../model/errors.ts';
import type { StorageRequest } from '../../../model/operations.ts';
import type { Content } from '../../../model/seal.ts';
import type { HeaderLines } from '../../../wire/message.ts';
import { writeXml, xmlHolds } from '../../../wire/xml-document.ts';
import type { XmlNode } from '../../../wire/xml-document.ts';
import type { StoreTarget, UnsignedRequest } from '../../dialect.ts';
import type { BucketEncryptionWords } from '../words/bucket-encryption.ts';
import { encodeConditions } from '../words/conditions.ts';
import type { ObjectEncryptionWords } from '../words/encryption.ts';
import { checksumHeader } from '../client/parameters.ts';
import { formatRange } from '../words/range.ts';
import { place } from './address.ts';
import { bodyOf, formatQuery } from './draft.ts';
import type { Draft, Query, Upload } from './draft.ts';
import { aclHeaders, checksumChoice, keyHeaders, needs, onlyRedirect, sourceHeaders, writeHeaders } from './headers.ts';
import { encodeTagging } from '../words/tagging.ts';
import { NAMESPACE, quoted } from '../words/xml.ts';

/** What a variant of S3 may word for itself toward a store. */
export interface StoreWords {
  readonly object: ObjectEncryptionWords;
  readonly bucket: BucketEncryptionWords;
}

/** A request of the model for an S3 store. Nothing of the client's headers crosses but what the model carries. */
export function encodeRequest(request: StorageRequest, target: StoreTarget, words: StoreWords): UnsignedRequest {
  const draft = draftOf(request, target, words);
  const bucket = 'bucket' in request ? request.bucket : undefined;
  const key = 'key' in request ? request.key : undefined;
  const body = bodyOf(draft);
  return {
    method: draft.method,
    ...place(target, bucket, key),
    query: draft.query === undefined ? '' : formatQuery(draft.query),
    headers: [...(draft.headers ?? []), ...body.headers],
    body: body.bytes,
    bodyLength: body.length,
    ...(body.sha256 === undefined ? {} : { bodySha256: body.sha256 }),
  };
}

function draftOf(request: StorageRequest, target: StoreTarget, words: StoreWords): Draft {
  const encrypted = (encryption: Encryption<StoreKeyId> | undefined): HeaderLines =>
    words.object.encodeStore(encryption);
  const upload = (write: { readonly body: Body; readonly content?: Content }): Upload => ({
    body: write.body,
    content: write.content,
    checksums: target.capabilities.checksumHeaders,
  });
  switch (request.operation) {
    case 'PutObject':
      return {
        method: 'PUT',
        headers: writeHeaders(request, target, encrypted(request.encryption)),
        upload: upload(request),
      };
    case 'CopyObject': {
      const replaces = request.metadataDirective === 'REPLACE';
      const write = replaces ? request : { ...request, metadata: onlyRedirect(request.metadata) };
      const retags = request.taggingDirective === 'REPLACE' && target.capabilities.tagging;
      return {
        method: 'PUT',
        headers: [
          ...writeHeaders(write, target, encrypted(request.encryption)),
          ...sourceHeaders(request, target),
          ['x-amz-metadata-directive', request.metadataDirective],
          ...(retags ? ([['x-amz-tagging-directive', 'REPLACE']] as const) : []),
          ...checksumChoice(request, target),
        ],
      };
    }
    case 'CreateMultipartUpload':
      return {
        method: 'POST',
        query: [['uploads', undefined]],
        // S3 takes no condition on CreateMultipartUpload (API reference): the gateway has judged them.
        headers: [
          ...writeHeaders(
            { ...request, conditions: {}, forbidOverwrite: false },
            target,
            encrypted(request.encryption),
          ),
          ...checksumChoice(request, target),
        ],
      };
    case 'UploadPart':
      return {
        method: 'PUT',
        query: partQuery(request),
        headers: keyHeaders(request, target),
        upload: upload(request),
      };
    case 'UploadPartCopy': {
      const { sourceRange } = request;
      return {
        method: 'PUT',
        query: partQuery(request),
        headers: [
          ...keyHeaders(request, target),
          ...sourceHeaders(request, target),
          ...(sourceRange === undefined
            ? []
            : ([['x-amz-copy-source-range', `bytes=${sourceRange.first}-${sourceRange.last}`]] as const)),
        ],
      };
    }
    case 'CompleteMultipartUpload':
      return completeUpload(request, target);
    case 'AbortMultipartUpload':
      return { method: 'DELETE', query: [['uploadId', request.uploadId]] };
    case 'ListParts':
      return {
        method: 'GET',
        query: [
          ['uploadId', request.uploadId],
          ['max-parts', request.maxParts],
          ['part-number-marker', request.partNumberMarker],
        ],
        headers: keyHeaders(request, target),
      };
    case 'GetObject':
    case 'HeadObject':
      return {
        method: request.operation === 'GetObject' ? 'GET' : 'HEAD',
        query: [...versionQuery(request), ...maybe('partNumber', request.partNumber)],
        headers: [
          ...(request.range === undefined ? [] : ([['range', formatRange(request.range)]] as const)),
          ...encodeConditions(request.conditions),
          ...keyHeaders(request, target),
          ...(request.checksumMode && target.capabilities.checksumHeaders
            ? ([['x-amz-checksum-mode', 'ENABLED']] as const)
            : []),
          // undici decodes nothing, but a store must not compress what it sends either.
          ['accept-encoding', 'identity'],
        ],
      };
    case 'GetObjectAttributes':
      return {
        method: 'GET',
        query: [['attributes', undefined], ...versionQuery(request)],
        headers: [
          // Size and ETag are always asked: the model's answer holds them.
          ['x-amz-object-attributes', [...new Set(['ETag', 'ObjectSize', ...request.attributes])].join(',')],
          ['x-amz-max-parts', String(request.maxParts)],
          ['x-amz-part-number-marker', String(request.partNumberMarker)],
          ...keyHeaders(request, target),
        ],
      };
    case 'DeleteObject':
      return { method: 'DELETE', query: versionQuery(request) };
    case 'DeleteObjects':
      return { method: 'POST', query: [['delete', undefined]], xml: deleteDocument(request) };
    case 'GetObjectTagging':
    case 'DeleteObjectTagging':
      needs(target.capabilities.tagging, request.operation);
      return {
        method: request.operation === 'GetObjectTagging' ? 'GET' : 'DELETE',
        query: [['tagging', undefined], ...versionQuery(request)],
      };
    case 'PutObjectTagging':
      needs(target.capabilities.tagging, request.operation);
      return {
        method: 'PUT',
        query: [['tagging', undefined], ...versionQuery(request)],
        xml: encodeTagging(request.tags),
      };
    case 'GetObjectAcl':
      return { method: 'GET', query: [['acl', undefined], ...versionQuery(request)] };
    case 'PutObjectAcl':
      return {
        method: 'PUT',
        query: [['acl', undefined], ...versionQuery(request)],
        // What an object has here that was written without an ACL.
        headers: aclHeaders(request.acl === 'default' ? 'private' : request.acl),
      };
    case 'ListBuckets':
      return { method: 'GET' };
    case 'CreateBucket':
      return createBucket(request, target);
    case 'HeadBucket':
      return { method: 'HEAD' };
    case 'DeleteBucket':
      return { method: 'DELETE' };
    case 'GetBucketLocation':
      return { method: 'GET', query: [['location', undefined]] };
    case 'GetBucketAcl':
      return { method: 'GET', query: [['acl', undefined]] };
    case 'PutBucketAcl':
      return { method: 'PUT', query: [['acl', undefined]], headers: aclHeaders(request.acl) };
    case 'GetBucketVersioning':
      return { method: 'GET', query: [['versioning', undefined]] };
    case 'GetBucketEncryption':
    case 'DeleteBucketEncryption':
      needs(target.capabilities.bucketEncryption, request.operation);
      return {
        method: request.operation === 'GetBucketEncryption' ? 'GET' : 'DELETE',
        query: [['encryption', undefined]],
      };
    case 'PutBucketEncryption':
      needs(target.capabilities.bucketEncryption, request.operation);
      if (request.storeRule === undefined)
        throw new GatewayError('InternalError', 'A bucket rule for a store was not put into its words.');
      return { method: 'PUT', query: [['encryption', undefined]], xml: words.bucket.encodeStore(request.storeRule) };
    case 'GetBucketPolicy':
      return { method: 'GET', query: [['policy', undefined]] };
    case 'PutBucketPolicy':
      return { method: 'PUT', query: [['policy', undefined]], json: request.document };
    case 'DeleteBucketPolicy':
      return { method: 'DELETE', query: [['policy', undefined]] };
    case 'ListObjects':
      return { method: 'GET', query: [...pageQuery(request), ['marker', request.marker]] };
    case 'ListObjectsV2':
      return {
        method: 'GET',
        query: [
          ['list-type', 2],
          ...pageQuery(request),
          ['start-after', request.startAfter],
          ...maybe('continuation-token', storeToken(request.continuationToken)),
        ],
      };
    case 'ListObjectVersions':
      return {
        method: 'GET',
        query: [
          ['versions', undefined],
          ...pageQuery(request),
          ['key-marker', request.keyMarker],
          ['version-id-marker', request.versionIdMarker],
        ],
      };
    case 'ListMultipartUploads':
      return {
        method: 'GET',
        query: [
          ['uploads', undefined],
          ['prefix', request.prefix],
          ['delimiter', request.delimiter],
          ['key-marker', request.keyMarker],
          ['upload-id-marker', request.uploadIdMarker],
          ['max-uploads', request.maxUploads],
          ['encoding-type', 'url'],
        ],
      };
    case 'AppendObject':
    case 'GetBucketInfo':
    case 'GetBucketStat':
    case 'GetBucketReplication':
    case 'PutBucketReplication':
    case 'DeleteBucketReplication':
    case 'Passthrough':
      throw new GatewayError('NotImplemented', `${request.operation} is not implemented for this store.`);
  }
}

function completeUpload(request: StorageRequest<'CompleteMultipartUpload'>, target: StoreTarget): Draft {
  const { parts, checksum } = request;
  if (parts === 'all')
    throw new GatewayError(
      'NotImplemented',
      'Completing an upload without a list of parts is not implemented for this store.',
    );
  const conditions =
    request.forbidOverwrite === true ? { ...request.conditions, ifNoneMatch: ['*'] } : request.conditions;
  const checksums = target.capabilities.checksumHeaders;
  // No part has such a tag, and the store's parser would refuse the whole document for it.
  const unreadable = parts.find(({ etag, checksum: value = '' }) => !xmlHolds(etag + value));
  if (unreadable !== undefined)
    throw new GatewayError('InvalidPart', 'One or more of the specified parts could not be found.', {
      details: { PartNumber: unreadable.partNumber },
    });
  return {
    method: 'POST',
    query: [['uploadId', request.uploadId]],
    headers: [
      ...(request.objectSize === undefined ? [] : ([['x-amz-mp-object-size', String(request.objectSize)]] as const)),
      ...encodeConditions(conditions),
      ...keyHeaders(request, target),
      ...(checksum === undefined || !checksums
        ? []
        : ([[checksumHeader(checksum.algorithm), checksum.value]] as const)),
      ...(request.checksumType === undefined || !checksums
        ? []
        : ([['x-amz-checksum-type', request.checksumType]] as const)),
    ],
    xml: writeXml(
      [
        'CompleteMultipartUpload',
        parts.map(({ partNumber, etag, checksum: value, checksumAlgorithm }): XmlNode => [
          'Part',
          [
            ['PartNumber', partNumber],
            ['ETag', quoted(etag)],
            checksums && value !== undefined && checksumAlgorithm !== undefined
              ? [`Checksum${checksumAlgorithm}`, value]
              : undefined,
          ],
        ]),
      ],
      NAMESPACE,
    ),
  };
}

function deleteDocument(request: StorageRequest<'DeleteObjects'>): string {
  return writeXml(
    [
      'Delete',
      [
        // Never quiet toward the store: what it does not name cannot be reported as deleted.
        ['Quiet', false],
        ...request.objects.map(({ key, versionId }): XmlNode => [
          'Object',
          [['Key', key], versionId === undefined ? undefined : ['VersionId', versionId]],
        ]),
      ],
    ],
    NAMESPACE,
  );
}

function createBucket(request: StorageRequest<'CreateBucket'>, target: StoreTarget): Draft {
  const region = request.location ?? target.region;
  const draft = { method: 'PUT', headers: aclHeaders(request.acl) };
  if (region === 'us-east-1') return draft;
  if (!xmlHolds(region))
    throw new GatewayError(
      'IllegalLocationConstraintException',
      'The specified location constraint is incompatible with the region of the store.',
    );
  return { ...draft, xml: writeXml(['CreateBucketConfiguration', [['LocationConstraint', region]]], NAMESPACE) };
}

function pageQuery(request: StorageRequest<'ListObjects' | 'ListObjectsV2' | 'ListObjectVersions'>): Query {
  return [
    ['prefix', request.prefix],
    ['delimiter', request.delimiter],
    ['max-keys', request.maxKeys],
    // Keys may hold what XML cannot: always asked toward the store, and undone in its answer.
    ['encoding-type', 'url'],
  ];
}

function partQuery(request: StorageRequest<'UploadPart' | 'UploadPartCopy'>): Query {
  return [
    ['partNumber', request.partNumber],
    ['uploadId', request.uploadId],
  ];
}

function versionQuery(request: { readonly versionId?: string }): Query {
  return maybe('versionId', request.versionId);
}

function maybe(name: string, value: string | number | undefined): Query {
  return value === undefined ? [] : [[name, value]];
}

/** The model's tokens are the store's in base64url. */
function storeToken(token: string | undefined): string | undefined {
  if (token === undefined) return undefined;
  const decoded = Buffer.from(token, 'base64url').toString('utf8');
  if (decoded === '' || Buffer.from(decoded, 'utf8').toString('base64url') !== token)
    throw new GatewayError('InvalidArgument', 'The continuation token provided is incorrect', {
      details: { ArgumentName: 'continuation-token' },
    });
  return decoded;
}
