import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteBucketCommand,
  DeleteBucketEncryptionCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetBucketEncryptionCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListMultipartUploadsCommand,
  ListObjectsCommand,
  ListObjectsV2Command,
  ListPartsCommand,
  PutBucketEncryptionCommand,
  PutObjectCommand,
  PutObjectTaggingCommand,
  UploadPartCommand,
  UploadPartCopyCommand,
  type S3Client,
  type ServerSideEncryption,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import type { At, ConformanceClient, Declared, Seen } from './client.ts';

export interface AwsClientOptions {
  readonly name: string;
  readonly connect: () => S3Client;
  readonly declared: Declared;
  /** The header that answers carry an encryption in. */
  readonly encryptionHeader: string;
}

/** `@aws-sdk/client-s3`, for S3 and for the vendors that speak it. */
export function awsConformanceClient({
  name,
  connect,
  declared,
  encryptionHeader,
}: AwsClientOptions): ConformanceClient {
  /** The encryption in an answer's headers, which the SDK shows only in part. */
  const watching = (): { readonly client: S3Client; readonly seen: () => Seen } => {
    let headers: Readonly<Record<string, string>> = {};
    const client = connect();
    client.middlewareStack.add(
      (next) => async (args) => {
        const result = await next(args);
        headers = (result.response as { headers: Record<string, string> }).headers;
        return result;
      },
      { step: 'deserialize', priority: 'low' },
    );
    return { client, seen: () => seenIn(headers[encryptionHeader], headers[`${encryptionHeader}-aws-kms-key-id`]) };
  };
  const s3 = connect();
  const ref = ({ bucket, key }: At) => ({ Bucket: bucket, Key: key });
  return {
    name,
    declared,
    createBucket: async (bucket) => void (await s3.send(new CreateBucketCommand({ Bucket: bucket }))),
    removeBucket: async (bucket) => void (await s3.send(new DeleteBucketCommand({ Bucket: bucket }))),
    buckets: async () => ((await s3.send(new ListBucketsCommand({}))).Buckets ?? []).map(({ Name }) => Name ?? ''),
    put: async (at, body, { wish, metadata, tags, once } = {}) => {
      const { client, seen } = watching();
      const { ETag } = await client.send(
        new PutObjectCommand({
          ...ref(at),
          Body: body,
          ...wishOf(wish),
          ...(metadata === undefined ? {} : { Metadata: metadata }),
          ...(tags === undefined ? {} : { Tagging: new URLSearchParams(tags).toString() }),
          ...(once === true ? { IfNoneMatch: '*' } : {}),
        }),
      );
      return { etag: ETag ?? '', encryption: seen() };
    },
    putStream: () => Promise.reject(new Error('this SDK wants a length')),
    get: async (at, range) => {
      const { client, seen } = watching();
      const got = await client.send(
        new GetObjectCommand({ ...ref(at), ...(range === undefined ? {} : { Range: range }) }),
      );
      const body = Buffer.from(await got.Body!.transformToByteArray());
      return {
        body,
        status: got.$metadata.httpStatusCode ?? 0,
        etag: got.ETag ?? '',
        size: body.length,
        metadata: got.Metadata ?? {},
        encryption: seen(),
      };
    },
    head: async (at) => {
      const { client, seen } = watching();
      const head = await client.send(new HeadObjectCommand(ref(at)));
      return {
        etag: head.ETag ?? '',
        size: head.ContentLength ?? -1,
        metadata: head.Metadata ?? {},
        encryption: seen(),
      };
    },
    remove: async (at) => void (await s3.send(new DeleteObjectCommand(ref(at)))),
    removeAll: async (bucket, keys) => {
      const Objects = keys.map((Key) => ({ Key }));
      const { Errors } = await s3.send(new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects } }));
      if ((Errors ?? []).length > 0) throw new Error(JSON.stringify(Errors));
    },
    list: async (bucket, version, { prefix, delimiter, pageSize, after }) => {
      const page = { Bucket: bucket, Prefix: prefix, Delimiter: delimiter, MaxKeys: pageSize };
      const found =
        version === 1
          ? await s3.send(new ListObjectsCommand({ ...page, Marker: after }))
          : await s3.send(new ListObjectsV2Command({ ...page, ContinuationToken: after }));
      const keys = (found.Contents ?? []).map(({ Key }) => Key ?? '');
      const token = 'NextContinuationToken' in found ? found.NextContinuationToken : undefined;
      const marker = 'NextMarker' in found ? found.NextMarker : undefined;
      return {
        keys,
        prefixes: (found.CommonPrefixes ?? []).map(({ Prefix }) => Prefix ?? ''),
        // S3 names the next marker only beside a delimiter: it is the last key else.
        next: found.IsTruncated === true ? (token ?? marker ?? keys.at(-1)) : undefined,
      };
    },
    copy: async (from, to, wish) =>
      void (await s3.send(new CopyObjectCommand({ ...ref(to), CopySource: sourceOf(from), ...wishOf(wish) }))),
    createUpload: async (at, wish) =>
      (await s3.send(new CreateMultipartUploadCommand({ ...ref(at), ...wishOf(wish) }))).UploadId ?? '',
    putPart: async (at, upload, number, body) =>
      (await s3.send(new UploadPartCommand({ ...ref(at), UploadId: upload, PartNumber: number, Body: body }))).ETag ??
      '',
    copyPart: async (at, upload, number, from, [first, last]) =>
      (
        await s3.send(
          new UploadPartCopyCommand({
            ...ref(at),
            UploadId: upload,
            PartNumber: number,
            CopySource: sourceOf(from),
            CopySourceRange: `bytes=${first}-${last}`,
          }),
        )
      ).CopyPartResult?.ETag ?? '',
    parts: async (at, upload) =>
      ((await s3.send(new ListPartsCommand({ ...ref(at), UploadId: upload }))).Parts ?? []).map(
        ({ PartNumber = 0, Size = 0, ETag = '' }) => [PartNumber, Size, ETag],
      ),
    uploads: async (bucket) =>
      ((await s3.send(new ListMultipartUploadsCommand({ Bucket: bucket }))).Uploads ?? []).map(({ Key }) => Key ?? ''),
    complete: async (at, upload, etags) => {
      const { client, seen } = watching();
      const Parts = etags.map((ETag, index) => ({ ETag, PartNumber: index + 1 }));
      const done = await client.send(
        new CompleteMultipartUploadCommand({ ...ref(at), UploadId: upload, MultipartUpload: { Parts } }),
      );
      return { etag: done.ETag ?? '', encryption: seen() };
    },
    abort: async (at, upload) =>
      void (await s3.send(new AbortMultipartUploadCommand({ ...ref(at), UploadId: upload }))),
    tags: async (at) => {
      const { TagSet } = await s3.send(new GetObjectTaggingCommand(ref(at)));
      return Object.fromEntries((TagSet ?? []).map(({ Key, Value }) => [Key ?? '', Value ?? '']));
    },
    setTags: async (at, tags) => {
      const TagSet = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
      await s3.send(new PutObjectTaggingCommand({ ...ref(at), Tagging: { TagSet } }));
    },
    presigned: async (method, at) => {
      const command = method === 'GET' ? new GetObjectCommand(ref(at)) : new PutObjectCommand(ref(at));
      return await getSignedUrl(s3, command, { expiresIn: 60 });
    },
    append: () => Promise.reject(new Error('this language has no append')),
    rule: async (bucket) => {
      const found = await s3.send(new GetBucketEncryptionCommand({ Bucket: bucket }));
      const rule = found.ServerSideEncryptionConfiguration?.Rules?.[0]?.ApplyServerSideEncryptionByDefault;
      return seenIn(rule?.SSEAlgorithm, rule?.KMSMasterKeyID);
    },
    setRule: async (bucket, { kind, key }) => {
      const SSEAlgorithm: ServerSideEncryption = kind === 'managed' ? 'AES256' : 'aws:kms';
      const rule = { SSEAlgorithm, ...(key === undefined ? {} : { KMSMasterKeyID: key }) };
      await s3.send(
        new PutBucketEncryptionCommand({
          Bucket: bucket,
          ServerSideEncryptionConfiguration: { Rules: [{ ApplyServerSideEncryptionByDefault: rule }] },
        }),
      );
    },
    removeRule: async (bucket) => void (await s3.send(new DeleteBucketEncryptionCommand({ Bucket: bucket }))),
  };
}

function wishOf(wish: Seen | undefined): { ServerSideEncryption?: ServerSideEncryption; SSEKMSKeyId?: string } {
  if (wish === undefined || wish.kind === 'none') return {};
  if (wish.kind === 'managed') return { ServerSideEncryption: 'AES256' };
  return { ServerSideEncryption: 'aws:kms', ...(wish.key === undefined ? {} : { SSEKMSKeyId: wish.key }) };
}

function seenIn(word: string | undefined, key: string | undefined): Seen {
  if (word === undefined) return { kind: 'none' };
  if (word === 'AES256') return { kind: 'managed' };
  if (word !== 'aws:kms') throw new Error(`an encryption that this suite does not know: ${word}`);
  return { kind: 'kms', ...(key === undefined ? {} : { key }) };
}

function sourceOf({ bucket, key }: At): string {
  return `${bucket}/${encodeURIComponent(key)}`;
}
