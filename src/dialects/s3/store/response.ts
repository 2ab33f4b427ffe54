import { createHash } from 'node:crypto';
import { GatewayError } from '../../../model/errors.ts';
import type { ObjectAttributes, ObjectContent, WriteResult } from '../../../model/objects.ts';
import type { OperationName, StorageRequest, StorageResult } from '../../../model/operations.ts';
import type { HeaderLines, WireResponse } from '../../../wire/message.ts';
import { headerOf } from '../../../wire/message.ts';
import { childText } from '../../../wire/xml-document.ts';
import type { XmlElement } from '../../../wire/xml-document.ts';
import { readAcl } from '../words/acl.ts';
import { readStoredMetadata } from '../words/metadata.ts';
import { given, readStorageClass } from '../client/parameters.ts';
import { parseContentRange } from '../words/range.ts';
import { discard, readText, readXml, stream } from './body.ts';
import { checksumIn, checksumOf, uploadChecksumIn } from './checksums.ts';
import { storeError } from './errors.ts';
import { answers, storeTime } from './documents.ts';
import { decodeAttributes, decodeDeletes, decodeList } from './lists.ts';
import type { StoreWords } from './request.ts';
import { tolerantTags } from '../words/tagging.ts';
import { unquoted } from '../words/xml.ts';

/** A store's answer in the model; an error answer throws, also one inside a 200. */
export async function decodeResponse<N extends OperationName>(
  request: StorageRequest<N>,
  response: WireResponse,
  words: StoreWords,
): Promise<StorageResult<N>> {
  const asked = request as StorageRequest;
  if (response.status < 200 || response.status > 299) {
    const error = await storeError(asked, response);
    // Whether that is an error is for the client's language to say: OSS answers its bucket's owner with 200.
    if (asked.operation === 'CreateBucket' && error.code === 'BucketAlreadyOwnedByYou')
      return { location: `/${asked.bucket}`, created: false } satisfies StorageResult<'CreateBucket'>;
    throw error;
  }
  return await resultOf(asked, response, words);
}

async function resultOf(request: StorageRequest, response: WireResponse, words: StoreWords): Promise<StorageResult> {
  const { headers } = response;
  switch (request.operation) {
    case 'GetObject':
      return { ...attributes(request, response, words), content: contentOf(response) };
    case 'HeadObject':
      await discard(response);
      return attributes(request, response, words);
    case 'PutObject':
    case 'UploadPart':
      await discard(response);
      return written(headers, words, headerOf(headers, 'etag'));
    case 'CopyObject':
    case 'UploadPartCopy': {
      const root = await document(request, response);
      return {
        ...written(headers, words, childText(root, 'ETag') ?? headerOf(headers, 'etag')),
        ...given('checksum', checksumIn(root)),
        lastModified: storeTime(childText(root, 'LastModified') ?? headerOf(headers, 'date')),
      };
    }
    case 'CreateMultipartUpload': {
      const root = await document(request, response);
      const uploadId = childText(root, 'UploadId');
      if (uploadId === undefined || uploadId === '') throw odd('an upload without an id');
      return {
        uploadId,
        ...given('encryption', words.object.decodeStore(headers)),
        ...given('checksum', uploadChecksumIn(headers)),
      };
    }
    case 'CompleteMultipartUpload': {
      const root = await document(request, response);
      // RGW 16 leaves the ETag empty.
      const etag = childText(root, 'ETag') ?? '';
      const known = unquoted(etag) === '' ? composedEtag(request) : etag;
      return { ...written(headers, words, known), ...given('checksum', checksumIn(root)) };
    }
    case 'GetObjectAttributes':
      return decodeAttributes(await document(request, response).catch(notAsked), headers);
    case 'DeleteObject':
      await discard(response);
      return {
        ...given('versionId', headerOf(headers, 'x-amz-version-id')),
        ...(headerOf(headers, 'x-amz-delete-marker') === 'true' ? { deleteMarker: true } : {}),
      };
    case 'DeleteObjects':
      return decodeDeletes(request, await document(request, response));
    case 'GetObjectTagging':
      return {
        tags: tolerantTags(await document(request, response, 'may be empty')),
        ...given('versionId', headerOf(headers, 'x-amz-version-id')),
      };
    case 'PutObjectTagging':
    case 'DeleteObjectTagging':
      await discard(response);
      return { ...given('versionId', headerOf(headers, 'x-amz-version-id')) };
    case 'GetObjectAcl':
    case 'GetBucketAcl':
      return { acl: readAcl(await document(request, response)) };
    case 'CreateBucket':
      await discard(response);
      return { location: `/${request.bucket}`, created: true };
    case 'HeadBucket':
      await discard(response);
      return { region: headerOf(headers, 'x-amz-bucket-region') ?? '' };
    case 'GetBucketLocation': {
      const root = await document(request, response, 'may be empty');
      const said = (childText(root, 'LocationConstraint') ?? root.text).trim();
      const region = said === '' ? 'us-east-1' : said;
      return { region: region === 'EU' ? 'eu-west-1' : region };
    }
    case 'GetBucketVersioning': {
      const status = childText(await document(request, response, 'may be empty'), 'Status');
      return { status: status === 'Enabled' || status === 'Suspended' ? status : undefined };
    }
    case 'GetBucketEncryption':
      return {
        rule: words.bucket.decodeStore(await document(request, response)),
      };
    case 'GetBucketPolicy':
      return { document: await readText(response) };
    case 'ListBuckets':
    case 'ListObjects':
    case 'ListObjectsV2':
    case 'ListObjectVersions':
    case 'ListMultipartUploads':
    case 'ListParts':
      return decodeList(request, await document(request, response));
    case 'DeleteBucket':
    case 'PutBucketAcl':
    case 'PutObjectAcl':
    case 'PutBucketEncryption':
    case 'DeleteBucketEncryption':
    case 'PutBucketPolicy':
    case 'DeleteBucketPolicy':
    case 'AbortMultipartUpload':
    case 'PutBucketReplication':
    case 'DeleteBucketReplication':
      await discard(response);
      return {};
    case 'AppendObject':
    case 'GetBucketInfo':
    case 'GetBucketStat':
    case 'GetBucketReplication':
    case 'Passthrough':
      throw new GatewayError('NotImplemented', `${request.operation} is not implemented for this store.`);
  }
}

/** The document of an answer. Copy and Complete may carry `<Error>` inside a 200, and that is a failure. */
async function document(
  request: StorageRequest,
  response: WireResponse,
  absence?: 'may be empty',
): Promise<XmlElement> {
  const root = await readXml(response);
  if (root?.name === 'Error') throw await storeError(request, response, root);
  if (root === undefined && absence !== undefined) return { name: '', children: [], text: '' };
  if (root === undefined) throw odd('no document');
  if (!answers(request.operation, root)) throw odd(`a ${root.name} document to ${request.operation}`);
  return root;
}

/** A store that does not know `?attributes` answers with the object itself (RGW 16). */
function notAsked(error: unknown): never {
  if (!(error instanceof GatewayError) || error.code !== 'InternalError') throw error;
  throw new GatewayError('NotImplemented', 'GetObjectAttributes is not implemented by this store.', { cause: error });
}

function written(headers: HeaderLines, words: StoreWords, etag: string | undefined): WriteResult {
  if (etag === undefined || unquoted(etag) === '') throw odd('a write without an ETag');
  return {
    etag: unquoted(etag),
    ...given('versionId', headerOf(headers, 'x-amz-version-id')),
    ...given('encryption', words.object.decodeStore(headers)),
    ...given('checksum', checksumOf(headers)),
  };
}

/** An upload's ETag as S3 composes it from its parts' MD5s; whoever relies on it compares it with a HEAD's. */
function composedEtag({ parts }: StorageRequest<'CompleteMultipartUpload'>): string | undefined {
  if (parts === 'all' || parts.some(({ etag }) => !/^[0-9a-f]{32}$/i.test(etag))) return undefined;
  const md5s = Buffer.from(parts.map(({ etag }) => etag).join(''), 'hex');
  return `${createHash('md5').update(md5s).digest('hex')}-${parts.length}`;
}

function attributes(
  request: StorageRequest<'GetObject' | 'HeadObject'>,
  response: WireResponse,
  words: StoreWords,
): ObjectAttributes & { readonly range?: { readonly first: number; readonly last: number } } {
  const { headers } = response;
  const partial = response.status === 206 ? partOf(request, headers) : undefined;
  const etag = headerOf(headers, 'etag');
  if (etag === undefined) throw odd('an object without an ETag');
  const modified = headerOf(headers, 'last-modified');
  if (modified === undefined) throw odd('an object without a time');
  const partCount = wholeNumber(headerOf(headers, 'x-amz-mp-parts-count'));
  const extra = {
    ...given('expiration', headerOf(headers, 'x-amz-expiration')),
    ...given('restore', headerOf(headers, 'x-amz-restore')),
  };
  return {
    size: partial?.size ?? lengthOf(headers),
    etag: unquoted(etag),
    lastModified: storeTime(modified),
    metadata: readStoredMetadata(headers),
    encryption: words.object.decodeStore(headers) ?? { kind: 'none' },
    storageClass: readStorageClass(headerOf(headers, 'x-amz-storage-class')),
    ...given('range', partial?.range),
    ...given('versionId', headerOf(headers, 'x-amz-version-id')),
    ...given('checksum', checksumOf(headers)),
    ...given('tagCount', wholeNumber(headerOf(headers, 'x-amz-tagging-count'))),
    ...given('partCount', partCount),
    ...(Object.keys(extra).length === 0 ? {} : { extra }),
  };
}

function contentOf(response: WireResponse): ObjectContent {
  return { kind: 'plain', bytes: stream(response), length: lengthOf(response.headers) };
}

/** What a 206 shows; undefined where it is the whole of an empty object (MinIO, to the first part of one). */
function partOf(
  request: StorageRequest<'GetObject' | 'HeadObject'>,
  headers: HeaderLines,
): ReturnType<typeof parseContentRange> {
  const partial = parseContentRange(headerOf(headers, 'content-range'));
  if (partial !== undefined) return partial;
  const asked = request.range !== undefined || request.partNumber !== undefined;
  if (!asked || wholeNumber(headerOf(headers, 'content-length')) !== 0)
    throw odd('a part of an object without its range');
  // RFC 9110 14.1.2: no range of an empty object can be satisfied. MinIO answers one as `bytes 0--1/0`.
  if (request.range !== undefined) throw new GatewayError('InvalidRange', 'The requested range is not satisfiable');
  return undefined;
}

/** A read without a length could end early and look whole. */
function lengthOf(headers: HeaderLines): number {
  const length = wholeNumber(headerOf(headers, 'content-length'));
  if (length === undefined) throw odd('an object without a length');
  return length;
}

function wholeNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,16}$/.test(text) && Number.isSafeInteger(Number(text)) ? Number(text) : undefined;
}

function odd(what: string): GatewayError {
  return new GatewayError('InternalError', `The store answered ${what}.`);
}
