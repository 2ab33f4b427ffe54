import type { Readable } from 'node:stream';

/** How an object or a bucket is encrypted, in no vendor's words; `key` is as the client was told. */
export interface Seen {
  readonly kind: 'none' | 'managed' | 'kms';
  readonly key?: string;
}

export interface At {
  readonly bucket: string;
  readonly key: string;
}

export interface Written {
  readonly etag: string;
  readonly encryption: Seen;
}

export interface Found extends Written {
  readonly size: number;
  readonly metadata: Readonly<Record<string, string>>;
}

export interface Page {
  readonly keys: readonly string[];
  readonly prefixes: readonly string[];
  /** Where the next page begins; undefined at the end. */
  readonly next: string | undefined;
}

export interface ListOptions {
  readonly prefix: string;
  readonly delimiter?: string;
  readonly pageSize?: number;
  readonly after?: string;
}

/** What a language has words for. */
export interface Declared {
  readonly wishes: boolean;
  /** Kinds of rule that a bucket can be given. */
  readonly rules: readonly ('managed' | 'kms')[];
  readonly namedKeys: boolean;
  readonly append: boolean;
  readonly unknownLength: boolean;
  readonly bucketInfo: boolean;
  /** Status of a refused overwrite. */
  readonly overwriteStatus: number;
  /** Status of a range beyond the end. */
  readonly beyondStatus: number;
  /** The smallest part that is not the last, bytes. */
  readonly partSize: number;
}

/** One vendor's SDK behind the words that the suite uses. Rejections carry an HTTP status, see `statusOf`. */
export interface ConformanceClient {
  readonly name: string;
  readonly declared: Declared;
  createBucket(bucket: string): Promise<void>;
  removeBucket(bucket: string): Promise<void>;
  buckets(): Promise<readonly string[]>;
  put(
    at: At,
    body: Buffer,
    options?: {
      readonly wish?: Seen;
      readonly metadata?: Record<string, string>;
      readonly tags?: Record<string, string>;
      readonly once?: boolean;
    },
  ): Promise<Written>;
  putStream(at: At, body: Readable): Promise<Written>;
  get(at: At, range?: string): Promise<Found & { readonly body: Buffer; readonly status: number }>;
  head(at: At): Promise<Found>;
  remove(at: At): Promise<void>;
  removeAll(bucket: string, keys: readonly string[]): Promise<void>;
  list(bucket: string, version: 1 | 2, options: ListOptions): Promise<Page>;
  copy(from: At, to: At, wish?: Seen): Promise<void>;
  createUpload(at: At, wish?: Seen): Promise<string>;
  putPart(at: At, upload: string, number: number, body: Buffer): Promise<string>;
  copyPart(at: At, upload: string, number: number, from: At, range: readonly [number, number]): Promise<string>;
  parts(at: At, upload: string): Promise<readonly (readonly [number: number, size: number, etag: string])[]>;
  uploads(bucket: string): Promise<readonly string[]>;
  complete(at: At, upload: string, etags: readonly string[]): Promise<Written>;
  abort(at: At, upload: string): Promise<void>;
  tags(at: At): Promise<Readonly<Record<string, string>>>;
  setTags(at: At, tags: Record<string, string>): Promise<void>;
  presigned(method: 'GET' | 'PUT', at: At): Promise<string>;
  append(at: At, body: Buffer, position: number): Promise<number>;
  rule(bucket: string): Promise<Seen>;
  setRule(bucket: string, rule: Seen): Promise<void>;
  removeRule(bucket: string): Promise<void>;
}

/** The HTTP status of an SDK's error; anything else is thrown on. */
export function statusOf(error: unknown): number {
  const { status, $metadata } = error as { status?: number; $metadata?: { httpStatusCode?: number } };
  const found = status ?? $metadata?.httpStatusCode;
  if (found === undefined) throw error;
  return found;
}
