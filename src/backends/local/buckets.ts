import type { BucketRule } from '../../model/encryption.ts';
import { GatewayError } from '../../model/errors.ts';
import type { BucketInfo } from '../../model/objects.ts';
import type { StorageRequest, StorageResult } from '../../model/operations.ts';
import { internalError } from './failures.ts';
import { bytes, integer, optionalText, text } from './index-database.ts';
import type { Row } from './index-database.ts';
import { requireBucket } from './object-rows.ts';
import { requirePrivate } from './object-writes.ts';
import { commit } from './room.ts';
import type { Room } from './room.ts';
import { bindingOf } from './row-binding.ts';
import type { Columns } from './row-binding.ts';
import { BUCKETS, columnsOf, insertInto, valuesOf } from './row-columns.ts';
import { dropUpload } from './uploads.ts';

export function listBuckets(room: Room, request: StorageRequest<'ListBuckets'>): StorageResult<'ListBuckets'> {
  const { prefix = '', marker = '' } = request;
  const limit = Math.max(0, Math.min(request.maxKeys ?? MOST_BUCKETS, MOST_BUCKETS));
  const buckets: BucketInfo[] = [];
  for (const row of room.index.each(
    `SELECT ${columnsOf(BUCKETS)} FROM buckets WHERE name >= ? AND name > ? ORDER BY name`,
    prefix,
    marker,
  )) {
    if (!text(row, 'name').startsWith(prefix)) break;
    if (buckets.length === limit) {
      const last = buckets.at(-1);
      return last === undefined ? { buckets, truncated: false } : { buckets, truncated: true, nextMarker: last.name };
    }
    buckets.push(infoOf(room, proven(room, row)));
  }
  return { buckets, truncated: false };
}

/** Creating a bucket that exists is no error and changes nothing but the rule that came along. */
export async function createBucket(
  room: Room,
  request: StorageRequest<'CreateBucket'>,
): Promise<StorageResult<'CreateBucket'>> {
  const { bucket, encryption } = request;
  requireBucketName(bucket);
  requirePrivate(request.acl);
  if (encryption?.kind === 'customer') throw internalError("a customer's key cannot be a default");
  const rule = encryption === undefined || encryption.kind === 'none' ? undefined : encryption;
  const created = await commit(room, () => {
    const there = room.index.get('SELECT 1 FROM buckets WHERE name = ?', bucket) !== undefined;
    if (!there) insertBucket(room, bucket, rule);
    else if (rule !== undefined) change(room, bucket, { rule: JSON.stringify(rule) });
    return !there;
  });
  return { location: `/${bucket}`, created };
}

/** Uploads under way go with the bucket, unless they keep it. */
export async function deleteBucket(
  room: Room,
  request: StorageRequest<'DeleteBucket'>,
): Promise<StorageResult<'DeleteBucket'>> {
  const { bucket } = request;
  await commit(room, () => {
    const uploads = room.index.all('SELECT id, oid FROM uploads WHERE bucket = ?', bucket);
    const kept = request.uploadsKeep === true && uploads.length > 0;
    if (kept || integer(requireBucket(room, bucket), 'objects') > 0)
      throw new GatewayError('BucketNotEmpty', 'The bucket you tried to delete is not empty.', {
        details: { BucketName: bucket },
      });
    for (const row of uploads) dropUpload(room, { id: text(row, 'id'), oid: text(row, 'oid') });
    room.index.run('DELETE FROM completed WHERE bucket = ?', bucket);
    room.index.run('DELETE FROM buckets WHERE name = ?', bucket);
  });
  return {};
}

export function getBucketInfo(room: Room, request: StorageRequest<'GetBucketInfo'>): StorageResult<'GetBucketInfo'> {
  const row = bucketOf(room, request.bucket);
  return { ...infoOf(room, row), acl: 'private', encryption: ruleOf(row) };
}

export function getBucketStat(room: Room, request: StorageRequest<'GetBucketStat'>): StorageResult<'GetBucketStat'> {
  const row = requireBucket(room, request.bucket);
  const uploads = room.index.get('SELECT count(*) AS uploads FROM uploads WHERE bucket = ?', request.bucket) ?? {};
  return { objects: integer(row, 'objects'), bytes: integer(row, 'bytes'), uploads: integer(uploads, 'uploads') };
}

export function getBucketRule(
  room: Room,
  request: StorageRequest<'GetBucketEncryption'>,
): StorageResult<'GetBucketEncryption'> {
  return { rule: ruleOf(bucketOf(room, request.bucket)) };
}

/** Keeps the rule that the gateway worded for this store, or forgets it. */
export async function putBucketRule(room: Room, bucket: string, rule: BucketRule | undefined): Promise<object> {
  await commit(room, () => change(room, bucket, { rule: rule === undefined ? null : JSON.stringify(rule) }));
  return {};
}

export function getBucketPolicy(
  room: Room,
  request: StorageRequest<'GetBucketPolicy'>,
): StorageResult<'GetBucketPolicy'> {
  const document = optionalText(bucketOf(room, request.bucket), 'policy');
  if (document === undefined)
    throw new GatewayError('NoSuchBucketPolicy', 'The bucket policy does not exist', {
      details: { BucketName: request.bucket },
    });
  return { document };
}

export async function putBucketPolicy(room: Room, bucket: string, document: string | undefined): Promise<object> {
  await commit(room, () => change(room, bucket, { policy: document ?? null }));
  return {};
}

/** S3 "General purpose bucket naming rules"; OSS's rules lie within them. */
function requireBucketName(name: string): void {
  const wellFormed =
    /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(name) &&
    !name.includes('..') &&
    !/^\d+\.\d+\.\d+\.\d+$/.test(name) &&
    !/^(xn--|sthree-|amzn-s3-demo-)/.test(name) &&
    !/(-s3alias|--ol-s3|\.mrap|--x-s3|--table-s3)$/.test(name);
  if (!wellFormed)
    throw new GatewayError('InvalidBucketName', 'The specified bucket is not valid.', {
      details: { BucketName: name },
    });
}

/** The bucket's row; throws where it is not authentic. */
function bucketOf(room: Room, bucket: string): Row {
  return proven(room, requireBucket(room, bucket));
}

function proven(room: Room, row: Row): Row {
  room.columns.open(bytes(row, 'proof'), bindingOf(BUCKETS.name, BUCKETS.bound, row));
  return row;
}

function insertBucket(room: Room, bucket: string, rule: BucketRule | undefined): void {
  const columns: Columns = {
    name: bucket,
    created: room.now(),
    rule: rule === undefined ? null : JSON.stringify(rule),
    policy: null,
  };
  room.index.run(insertInto(BUCKETS), ...valuesOf(BUCKETS, columns, proofOf(room, columns)));
}

/** What was there must have been authentic: a change of one column never vouches for another that somebody edited. */
function change(
  room: Room,
  bucket: string,
  changes: { readonly rule?: string | null; readonly policy?: string | null },
): void {
  const columns = { ...bucketOf(room, bucket), ...changes };
  room.index.run(
    'UPDATE buckets SET rule = ?, policy = ?, proof = ? WHERE name = ?',
    columns.rule ?? null,
    columns.policy ?? null,
    proofOf(room, columns),
    bucket,
  );
}

function proofOf(room: Room, columns: Columns): Buffer {
  return room.columns.seal('', bindingOf(BUCKETS.name, BUCKETS.bound, columns));
}

function ruleOf(row: Row): BucketRule | undefined {
  const rule = optionalText(row, 'rule');
  return rule === undefined ? undefined : (JSON.parse(rule) as BucketRule);
}

function infoOf(room: Room, row: Row): BucketInfo {
  return { name: text(row, 'name'), createdAt: integer(row, 'created'), region: room.region, storageClass: 'STANDARD' };
}

/** Buckets per page: S3's limit; OSS asks for 1000 at most. */
const MOST_BUCKETS = 10_000;
