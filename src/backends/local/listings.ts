import { GatewayError } from '../../model/errors.ts';
import type { ListedObject } from '../../model/objects.ts';
import type { StorageRequest, StorageResult } from '../../model/operations.ts';
import { bytes } from './index-database.ts';
import type { Row } from './index-database.ts';
import { takePage, walkKeys } from './key-walk.ts';
import type { Entry, KeyScan } from './key-walk.ts';
import { NULL_VERSION } from './keys.ts';
import { OBJECT_COLUMNS, objectOf, requireBucket } from './object-rows.ts';
import type { Room } from './room.ts';

type Listing = StorageRequest<'ListObjects' | 'ListObjectsV2' | 'ListObjectVersions'>;

export function listObjects(room: Room, request: StorageRequest<'ListObjects'>): StorageResult<'ListObjects'> {
  const { last, page } = listPage(room, request, Buffer.from(request.marker, 'utf8'));
  return { ...page, ...(page.truncated && last && { nextMarker: last.key.toString('utf8') }) };
}

export function listObjectsV2(room: Room, request: StorageRequest<'ListObjectsV2'>): StorageResult<'ListObjectsV2'> {
  const { continuationToken: token, startAfter } = request;
  const after = token === undefined || token === '' ? Buffer.from(startAfter, 'utf8') : openToken(token);
  const { last, page } = listPage(room, request, after);
  return {
    ...page,
    keyCount: page.objects.length + page.commonPrefixes.length,
    ...(page.truncated && last && { nextToken: makeToken(last.key) }),
  };
}

/** Every object once, under the version `null`: conformance suites empty buckets through this. */
export function listObjectVersions(
  room: Room,
  request: StorageRequest<'ListObjectVersions'>,
): StorageResult<'ListObjectVersions'> {
  const { last, page } = listPage(room, request, Buffer.from(request.keyMarker, 'utf8'));
  const objects = page.objects.map((object) => ({ ...object, versionId: NULL_VERSION, isLatest: true }));
  return {
    ...page,
    objects,
    ...(page.truncated && last && { nextKeyMarker: last.key.toString('utf8') }),
    ...(page.truncated && last?.kind === 'item' && { nextVersionIdMarker: NULL_VERSION }),
  };
}

interface ListResult {
  readonly objects: readonly ListedObject[];
  readonly commonPrefixes: readonly string[];
  readonly truncated: boolean;
}

/** Keys per page, S3 and OSS; more is answered as this many. */
const MOST_KEYS = 1000;

function listPage(
  room: Room,
  request: Listing,
  after: Buffer,
): { readonly page: ListResult; readonly last: Entry<Row> | undefined } {
  requireBucket(room, request.bucket);
  const walk = walkKeys(objectScan(room, request.bucket), {
    prefix: Buffer.from(request.prefix, 'utf8'),
    delimiter: Buffer.from(request.delimiter, 'utf8'),
    after,
  });
  const { page: entries, truncated } = takePage(walk, Math.min(request.maxKeys, MOST_KEYS));
  const objects = entries.flatMap((entry) => (entry.kind === 'item' ? [listed(room, entry)] : []));
  const commonPrefixes = entries.flatMap((entry) => (entry.kind === 'prefix' ? [entry.key.toString('utf8')] : []));
  return { page: { objects, commonPrefixes, truncated }, last: entries.at(-1) };
}

function objectScan(room: Room, bucket: string): KeyScan<Row> {
  return function* scan(from, inclusive, until) {
    const sql = `SELECT ${OBJECT_COLUMNS} FROM objects WHERE bucket = ? AND key ${inclusive ? '>=' : '>'} ?${
      until === undefined ? '' : ' AND key < ?'
    } ORDER BY key`;
    const values = until === undefined ? [bucket, from] : [bucket, from, until];
    for (const row of room.index.each(sql, ...values)) yield { key: bytes(row, 'key'), item: row };
  };
}

function listed(room: Room, { key, item }: Entry<Row> & { readonly kind: 'item' }): ListedObject {
  const { size, digests, modified, storageClass, type } = objectOf(room, item);
  const { etag, checksum } = digests;
  return {
    key: key.toString('utf8'),
    size,
    etag,
    lastModified: modified,
    storageClass,
    type,
    ...(checksum && { checksumAlgorithm: checksum.algorithm }),
  };
}

/** base64url is made of unreserved characters, which no client re-encodes differently than another. */
function makeToken(last: Buffer): string {
  return `${TOKEN_VERSION}${last.toString('base64url')}`;
}

function openToken(token: string): Buffer {
  const key = Buffer.from(token.slice(1), 'base64url');
  if (makeToken(key) !== token)
    throw new GatewayError('InvalidArgument', 'The continuation token provided is incorrect', {
      details: { ArgumentName: 'continuation-token' },
    });
  return key;
}

const TOKEN_VERSION = '1';
