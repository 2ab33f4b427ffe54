import type { BucketRule } from '../../model/encryption.ts';
import { GatewayError } from '../../model/errors.ts';
import type { BucketInfo } from '../../model/objects.ts';
import type { StorageRequest, StorageResult } from '../../model/operations.ts';
import { internalError } from './failures.ts';
import { integer, optionalText, text } from './index-database.ts';
import type { Row } from './index-database.ts';
import { requireBucket } from './object-rows.ts';
import { requirePrivate } from './object-writes.ts';
import { commit } from './room.ts';
import type { Room } from './room.ts';
import { dropUpload } from './uploads.ts';

export function listBuckets(room: Room, request: StorageRequest<'ListBuckets'>): StorageResult<'ListBuckets'> {
  const { prefix = '', marker = '' } = request;
  const limit = Math.max(0, Math.min(request.maxKeys ?? MOST_BUCKETS, MOST_BUCKETS));
  const buckets: BucketInfo[] = [];
  for (const row of room.index.each(
    'SELECT name, created FROM buckets WHERE name >= ? AND name > ? ORDER BY name',
    prefix,
    marker,
  )) {
    if (!text(row, 'name').startsWith(prefix)) break;
    if (buckets.length === limit) {
      const last = buckets.at(-1);
      return last === undefined ? { buckets, truncated: false } : { buckets, truncated: true, nextMarker: last.name };
    }
    buckets.push(infoOf(room, row));
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
    const added =
      room.index.run('INSERT OR IGNORE INTO buckets (name, created) VALUES (?, ?)', bucket, room.now()) === 1;
    if (rule !== undefined) setRule(room, bucket, rule);
    return added;
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
  const row = requireBucket(room, request.bucket);
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
  return { rule: ruleOf(requireBucket(room, request.bucket)) };
}

/** Keeps the rule that the gateway worded for this store, or forgets it. */
export async function putBucketRule(room: Room, bucket: string, rule: BucketRule | undefined): Promise<object> {
  await commit(room, () => {
    requireBucket(room, bucket);
    setRule(room, bucket, rule);
  });
  return {};
}

export function getBucketPolicy(
  room: Room,
  request: StorageRequest<'GetBucketPolicy'>,
): StorageResult<'GetBucketPolicy'> {
  const document = optionalText(requireBucket(room, request.bucket), 'policy');
  if (document === undefined)
    throw new GatewayError('NoSuchBucketPolicy', 'The bucket policy does not exist', {
      details: { BucketName: request.bucket },
    });
  return { document };
}

export async function putBucketPolicy(room: Room, bucket: string, document: string | undefined): Promise<object> {
  await commit(room, () => {
    requireBucket(room, bucket);
    room.index.run('UPDATE buckets SET policy = ? WHERE name = ?', document ?? null, bucket);
  });
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

function setRule(room: Room, bucket: string, rule: BucketRule | undefined): void {
  const value = rule === undefined ? null : JSON.stringify(rule);
  room.index.run('UPDATE buckets SET rule = ? WHERE name = ?', value, bucket);
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
