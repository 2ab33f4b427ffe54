import { Agent as HttpsAgent } from 'node:https';
import { createRequire } from 'node:module';
import type { Readable, Writable } from 'node:stream';
import type { TestClient, TestGateway } from './gateway.ts';

type Headers = Readonly<Record<string, string>>;

export interface OssAnswer {
  readonly res: { readonly status: number; readonly headers: Headers };
}

/** What the tests call of ali-oss; the package has no types of its own. */
export interface AliOssClient {
  put(name: string, file: Buffer, options?: object): Promise<OssAnswer & { readonly name: string }>;
  putStream(name: string, stream: Readable, options?: object): Promise<OssAnswer & { readonly name: string }>;
  append(name: string, file: Buffer, options?: object): Promise<OssAnswer & { readonly nextAppendPosition: string }>;
  get(name: string, file?: Writable | object, options?: object): Promise<OssAnswer & { readonly content: Buffer }>;
  getStream(name: string, options?: object): Promise<OssAnswer & { readonly stream: Readable }>;
  head(name: string, options?: object): Promise<OssAnswer & { readonly meta: Headers; readonly status: number }>;
  getObjectMeta(name: string): Promise<OssAnswer>;
  copy(
    name: string,
    source: string,
    bucketOrOptions?: string | object,
    options?: object,
  ): Promise<OssAnswer & { readonly data: { readonly etag: string } }>;
  delete(name: string): Promise<OssAnswer>;
  deleteMulti(
    names: readonly string[],
    options?: object,
  ): Promise<OssAnswer & { readonly deleted: readonly { readonly Key: string }[] }>;
  list(query: object): Promise<{
    readonly objects?: readonly { readonly name: string; readonly etag: string; readonly size: number }[];
    readonly prefixes: readonly string[] | null;
    readonly nextMarker: string | null;
    readonly isTruncated: boolean;
  }>;
  listV2(query: object): Promise<{
    readonly objects?: readonly { readonly name: string }[];
    readonly prefixes: readonly string[] | null;
    readonly nextContinuationToken: string | null;
    readonly isTruncated: boolean;
  }>;
  listBuckets(query?: object): Promise<{ readonly buckets: readonly { readonly name: string }[] | null }>;
  putBucket(name: string, options?: object): Promise<unknown>;
  deleteBucket(name: string): Promise<unknown>;
  getBucketInfo(name: string): Promise<{
    readonly bucket: {
      readonly Name: string;
      readonly ServerSideEncryptionRule: Readonly<Record<string, string>>;
      readonly AccessControlList: { readonly Grant: string };
    };
  }>;
  getBucketLocation(name: string): Promise<{ readonly location: string }>;
  getBucketStat(name: string): Promise<{ readonly stat: Readonly<Record<string, string>> }>;
  getBucketACL(name: string): Promise<{ readonly acl: string }>;
  putBucketACL(name: string, acl: string): Promise<unknown>;
  putBucketWebsite(name: string, website: object): Promise<unknown>;
  putBucketEncryption(name: string, rule: object): Promise<{ readonly status: number }>;
  getBucketEncryption(name: string): Promise<{ readonly encryption: Headers; readonly status: number }>;
  deleteBucketEncryption(name: string): Promise<{ readonly status: number }>;
  putBucketPolicy(name: string, policy: object): Promise<{ readonly status: number }>;
  getBucketPolicy(name: string): Promise<{ readonly policy: object | null; readonly status: number }>;
  deleteBucketPolicy(name: string): Promise<{ readonly status: number }>;
  multipartUpload(
    name: string,
    file: Buffer | string,
    options?: object,
  ): Promise<OssAnswer & { readonly etag: string; readonly name: string }>;
  multipartUploadCopy(name: string, source: object, options?: object): Promise<OssAnswer & { readonly etag: string }>;
  initMultipartUpload(name: string, options?: object): Promise<OssAnswer & { readonly uploadId: string }>;
  uploadPart(
    name: string,
    uploadId: string,
    number: number,
    file: Buffer,
    start: number,
    end: number,
    options?: object,
  ): Promise<OssAnswer & { readonly etag: string }>;
  uploadPartCopy(
    name: string,
    uploadId: string,
    number: number,
    range: string,
    source: object,
    options?: object,
  ): Promise<OssAnswer & { readonly etag: string }>;
  completeMultipartUpload(
    name: string,
    uploadId: string,
    parts: readonly { readonly number: number; readonly etag: string }[],
    options?: object,
  ): Promise<OssAnswer & { readonly etag: string }>;
  abortMultipartUpload(name: string, uploadId: string): Promise<OssAnswer>;
  listParts(
    name: string,
    uploadId: string,
    query?: object,
  ): Promise<{
    readonly parts: readonly { readonly PartNumber: string; readonly ETag: string; readonly Size: string }[];
  }>;
  listUploads(
    query: object,
  ): Promise<{ readonly uploads: readonly { readonly name: string; readonly uploadId: string }[] }>;
  putObjectTagging(name: string, tags: Headers): Promise<{ readonly status: number }>;
  getObjectTagging(name: string): Promise<{ readonly tag: Headers }>;
  deleteObjectTagging(name: string): Promise<{ readonly status: number }>;
  putACL(name: string, acl: string): Promise<unknown>;
  getACL(name: string): Promise<{ readonly acl: string }>;
  putSymlink(name: string, target: string, options: object): Promise<OssAnswer>;
  putMeta(name: string, meta: object, options?: object): Promise<unknown>;
  signatureUrl(name: string, options?: object): string;
  signatureUrlV4(method: string, expires: number, request: object, name: string): Promise<string>;
  useBucket(name: string): void;
}

const AliOss = createRequire(import.meta.url)('ali-oss') as new (options: object) => AliOssClient;

export interface OssClientOptions {
  readonly bucket: string;
  readonly v4?: boolean;
  readonly client?: TestClient;
  readonly endpoint?: string;
  readonly pathStyle?: boolean;
  readonly stsToken?: string;
  /** Over HTTPS, trusting the gateway's own certificate. */
  readonly secure?: boolean;
}

/** Alibaba's SDK for JavaScript, pointed at the gateway. */
export function ossClient(
  gateway: Pick<TestGateway, 'main' | 'port' | 'securePort' | 'certificate'>,
  options: OssClientOptions,
): AliOssClient {
  const { client = gateway.main, pathStyle = true, secure = false } = options;
  const own = secure ? `https://localhost:${gateway.securePort}` : `http://localhost:${gateway.port}`;
  const { endpoint = own } = options;
  return new AliOss({
    region: 'oss-cn-hangzhou',
    accessKeyId: client.accessKeyId,
    accessKeySecret: client.secretAccessKey,
    endpoint,
    sldEnable: pathStyle,
    bucket: options.bucket,
    authorizationV4: options.v4 ?? false,
    ...(secure ? { secure, httpsAgent: new HttpsAgent({ ca: gateway.certificate, keepAlive: true }) } : {}),
    ...(options.stsToken === undefined
      ? {}
      : {
          stsToken: options.stsToken,
          refreshSTSTokenInterval: 1e9,
          refreshSTSToken: () => Promise.resolve({}),
        }),
  });
}
