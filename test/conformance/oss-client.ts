import type { AliOssClient } from '../integration/oss-clients.ts';
import type { ConformanceClient, Declared, Seen } from './client.ts';

const ALGORITHM = 'x-oss-server-side-encryption';
const KEY_ID = `${ALGORITHM}-key-id`;

export interface OssConformanceOptions {
  readonly name: string;
  readonly declared: Declared;
  /** A client with a bucket of its own. */
  readonly oss: (bucket: string) => AliOssClient;
  readonly presign: (oss: AliOssClient, method: 'GET' | 'PUT', key: string) => Promise<string>;
}

/** ali-oss. */
export function ossConformanceClient({ name, declared, oss, presign }: OssConformanceOptions): ConformanceClient {
  return {
    name,
    declared,
    createBucket: async (bucket) => void (await oss(bucket).putBucket(bucket)),
    removeBucket: async (bucket) => void (await oss(bucket).deleteBucket(bucket)),
    buckets: async () =>
      ((await oss('unused').listBuckets({ 'max-keys': 1000 })).buckets ?? []).map((bucket) => bucket.name),
    put: async ({ bucket, key }, body, { wish, metadata, tags, once } = {}) => {
      const headers = {
        ...wishOf(wish),
        ...(tags === undefined ? {} : { 'x-oss-tagging': new URLSearchParams(tags).toString() }),
        ...(once === true ? { 'x-oss-forbid-overwrite': 'true' } : {}),
      };
      const { res } = await oss(bucket).put(key, body, {
        headers,
        ...(metadata === undefined ? {} : { meta: metadata }),
      });
      return { etag: res.headers['etag'] ?? '', encryption: seenIn(res.headers) };
    },
    putStream: async ({ bucket, key }, body) => {
      const { res } = await oss(bucket).putStream(key, body);
      return { etag: res.headers['etag'] ?? '', encryption: seenIn(res.headers) };
    },
    get: async ({ bucket, key }, range) => {
      const { res, content } = await oss(bucket).get(key, range === undefined ? {} : { headers: { range } });
      return {
        body: content,
        status: res.status,
        etag: res.headers['etag'] ?? '',
        size: content.length,
        metadata: metadataIn(res.headers),
        encryption: seenIn(res.headers),
      };
    },
    head: async ({ bucket, key }) => {
      const { res, meta } = await oss(bucket).head(key);
      const { headers } = res;
      const size = Number(headers['content-length']);
      return { etag: headers['etag'] ?? '', size, metadata: meta ?? {}, encryption: seenIn(headers) };
    },
    remove: async ({ bucket, key }) => void (await oss(bucket).delete(key)),
    removeAll: async (bucket, keys) => void (await oss(bucket).deleteMulti(keys)),
    list: async (bucket, version, { prefix, delimiter, pageSize, after }) => {
      const query = {
        prefix,
        ...(delimiter === undefined ? {} : { delimiter }),
        ...(pageSize === undefined ? {} : { 'max-keys': String(pageSize) }),
      };
      if (version === 1) {
        const page = await oss(bucket).list({ ...query, ...(after === undefined ? {} : { marker: after }) });
        const keys = (page.objects ?? []).map((object) => object.name);
        return { keys, prefixes: page.prefixes ?? [], next: page.nextMarker ?? undefined };
      }
      const token = after === undefined ? {} : { 'continuation-token': after };
      const page = await oss(bucket).listV2({ ...query, ...token });
      const keys = (page.objects ?? []).map((object) => object.name);
      return { keys, prefixes: page.prefixes ?? [], next: page.nextContinuationToken ?? undefined };
    },
    copy: async (from, to, wish) =>
      void (await oss(to.bucket).copy(to.key, from.key, from.bucket, { headers: wishOf(wish) })),
    createUpload: async ({ bucket, key }, wish) =>
      (await oss(bucket).initMultipartUpload(key, { headers: wishOf(wish) })).uploadId,
    putPart: async ({ bucket, key }, upload, number, body) =>
      (await oss(bucket).uploadPart(key, upload, number, body, 0, body.length)).etag,
    copyPart: async ({ bucket, key }, upload, number, from, [first, last]) => {
      const source = { sourceKey: from.key, sourceBucketName: from.bucket };
      return (await oss(bucket).uploadPartCopy(key, upload, number, `${first}-${last}`, source)).etag;
    },
    parts: async ({ bucket, key }, upload) => {
      const { parts } = await oss(bucket).listParts(key, upload);
      // One part alone is not made a list by the SDK's XML reader.
      return [parts].flat().map(({ PartNumber, Size, ETag }) => [Number(PartNumber), Number(Size), ETag]);
    },
    uploads: async (bucket) => (await oss(bucket).listUploads({})).uploads.map((upload) => upload.name),
    complete: async ({ bucket, key }, upload, etags) => {
      const parts = etags.map((etag, index) => ({ number: index + 1, etag }));
      const { res } = await oss(bucket).completeMultipartUpload(key, upload, parts);
      return { etag: res.headers['etag'] ?? '', encryption: seenIn(res.headers) };
    },
    abort: async ({ bucket, key }, upload) => void (await oss(bucket).abortMultipartUpload(key, upload)),
    tags: async ({ bucket, key }) => (await oss(bucket).getObjectTagging(key)).tag,
    setTags: async ({ bucket, key }, tags) => void (await oss(bucket).putObjectTagging(key, tags)),
    presigned: async (method, { bucket, key }) => await presign(oss(bucket), method, key),
    append: async ({ bucket, key }, body, position) =>
      Number((await oss(bucket).append(key, body, { position })).nextAppendPosition),
    rule: async (bucket) => {
      const { encryption } = await oss(bucket).getBucketEncryption(bucket);
      const key = encryption['KMSMasterKeyID'] ?? '';
      return seenIn({ [ALGORITHM]: encryption['SSEAlgorithm'] ?? '', ...(key === '' ? {} : { [KEY_ID]: key }) });
    },
    setRule: async (bucket, { kind, key }) => {
      const rule = {
        SSEAlgorithm: kind === 'managed' ? 'AES256' : 'KMS',
        ...(key === undefined ? {} : { KMSMasterKeyID: key }),
      };
      await oss(bucket).putBucketEncryption(bucket, rule);
    },
    removeRule: async (bucket) => void (await oss(bucket).deleteBucketEncryption(bucket)),
  };
}

function wishOf(wish: Seen | undefined): Record<string, string> {
  if (wish === undefined || wish.kind === 'none') return {};
  if (wish.kind === 'managed') return { [ALGORITHM]: 'AES256' };
  return { [ALGORITHM]: 'KMS', ...(wish.key === undefined ? {} : { [KEY_ID]: wish.key }) };
}

function seenIn(headers: Readonly<Record<string, string>>): Seen {
  const word = headers[ALGORITHM];
  if (word === undefined) return { kind: 'none' };
  if (word === 'AES256') return { kind: 'managed' };
  if (word !== 'KMS') throw new Error(`an encryption that this suite does not know: ${word}`);
  const key = headers[KEY_ID];
  return { kind: 'kms', ...(key === undefined ? {} : { key }) };
}

function metadataIn(headers: Readonly<Record<string, string>>): Record<string, string> {
  const prefix = 'x-oss-meta-';
  const own = Object.entries(headers).filter(([name]) => name.startsWith(prefix));
  return Object.fromEntries(own.map(([name, value]) => [name.slice(prefix.length), value]));
}
