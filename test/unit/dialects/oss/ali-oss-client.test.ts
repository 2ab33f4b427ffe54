import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import { Readable } from 'node:stream';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { oss } from '../../../../src/dialects/oss/index.ts';
import type { BucketRule, StoreKeyId } from '../../../../src/model/encryption.ts';
import { GatewayError } from '../../../../src/model/errors.ts';
import type { ObjectAttributes, ObjectMetadata, Tags } from '../../../../src/model/objects.ts';
import type { StorageRequest } from '../../../../src/model/operations.ts';
import { readBounded } from '../../../../src/wire/bounded.ts';
import type { EncodeContext } from '../../../../src/dialects/dialect.ts';
import type { WireResponse } from '../../../../src/wire/message.ts';
import { credential, verifyContext, wireRequest } from './wire-request.ts';

/** The parts of ali-oss that are called here. */
interface AliOss {
  put(name: string, content: Buffer, options?: object): Promise<{ res: { headers: Record<string, string> } }>;
  putStream(name: string, stream: Readable, options?: object): Promise<{ name: string }>;
  get(name: string, options?: object): Promise<{ content: Buffer; res: { headers: Record<string, string> } }>;
  head(
    name: string,
    options?: object,
  ): Promise<{ meta: Record<string, string>; res: { headers: Record<string, string> } }>;
  getObjectMeta(name: string): Promise<{ res: { headers: Record<string, string> } }>;
  copy(name: string, source: string): Promise<{ data: { etag: string } }>;
  delete(name: string): Promise<{ res: { status: number } }>;
  deleteMulti(names: readonly string[], options?: object): Promise<{ deleted: readonly { Key: string }[] }>;
  list(query: object): Promise<{
    objects: readonly { name: string; owner: { id: string }; etag: string; storageClass: string }[];
    nextMarker: string | null;
    isTruncated: boolean;
    prefixes: readonly string[] | null;
  }>;
  listV2(
    query: object,
  ): Promise<{ objects: readonly { name: string }[]; nextContinuationToken: string | null; keyCount: number }>;
  listBuckets(query?: object): Promise<{ buckets: readonly { name: string; region: string }[]; owner: { id: string } }>;
  getBucketInfo(
    name: string,
  ): Promise<{ bucket: { Name: string; ServerSideEncryptionRule: { SSEAlgorithm: string } } }>;
  getBucketLocation(name: string): Promise<{ location: string }>;
  putBucketEncryption(name: string, rule: object): Promise<{ status: number }>;
  getBucketEncryption(name: string): Promise<{ encryption: Record<string, string>; status: number }>;
  deleteBucketEncryption(name: string): Promise<{ status: number }>;
  multipartUpload(name: string, file: Buffer, options?: object): Promise<{ etag: string }>;
  putObjectTagging(name: string, tags: Record<string, string>): Promise<{ status: number }>;
  getObjectTagging(name: string): Promise<{ tag: Record<string, string> }>;
  putACL(name: string, acl: string): Promise<unknown>;
  getACL(name: string): Promise<{ acl: string }>;
  signatureUrl(name: string, options?: object): string;
  signatureUrlV4(method: string, expires: number, request: object, name: string): Promise<string>;
  useBucket(name: string): void;
}
const AliOss = createRequire(import.meta.url)('ali-oss') as new (options: object) => AliOss;

interface Stored {
  readonly bytes: Buffer;
  readonly metadata: ObjectMetadata;
  readonly encryption: ObjectAttributes['encryption'];
  tags: Tags;
}

let server: Server;
let endpoint: string;
let rule: BucketRule | undefined;
const seen: StorageRequest[] = [];
const objects = new Map<string, Stored>();
const parts = new Map<number, Buffer>();
let upload: StorageRequest<'CreateMultipartUpload'> | undefined;

beforeAll(async () => {
  server = createServer((message, response) => void serve(message, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  endpoint = `http://localhost:${(server.address() as AddressInfo).port}`;
});
afterAll(() => new Promise((resolve) => server.close(resolve)));

describe.each([
  ['V1', { authorizationV4: false }],
  ['V4', { authorizationV4: true }],
  ['V4 with STS', { authorizationV4: true, stsToken: 'token', accessKeyId: 'sts' }],
])('ali-oss, %s', (_name, options) => {
  const client = (): AliOss =>
    new AliOss({
      region: 'oss-cn-hangzhou',
      accessKeyId: 'id',
      accessKeySecret: 'sk',
      endpoint,
      sldEnable: true,
      bucket: 'photos',
      refreshSTSTokenInterval: 1e9,
      refreshSTSToken: () => Promise.resolve({}),
      ...options,
    });
  const name = 'Ordner/ä +?ö.txt'.replace('?', options.authorizationV4 ? '?' : '');

  test('writes, reads, asks and deletes', async () => {
    const written = await client().put(name, Buffer.from('hello'), {
      headers: {
        'x-oss-server-side-encryption': 'KMS',
        'x-oss-server-side-encryption-key-id': 'k1',
        'x-oss-server-side-data-encryption': 'SM4',
      },
      meta: { author: 'me' },
    });
    expect(written.res.headers).toMatchObject({
      'x-oss-server-side-encryption': 'KMS',
      'x-oss-server-side-encryption-key-id': 'k1',
      'x-oss-server-side-data-encryption': 'SM4',
      'x-oss-request-id': 'test',
    });
    expect(written.res.headers['etag']).toBe('"5D41402ABC4B2A76B9719D911017C592"');
    expect((await client().get(name)).content.toString()).toBe('hello');
    const part = await client().get(name, { headers: { range: 'bytes=1-2' } });
    expect(part.content.toString()).toBe('el');
    expect(part.res.headers['x-oss-hash-crc64ecma']).toBeUndefined();
    const head = await client().head(name);
    expect(head.meta).toEqual({ author: 'me' });
    expect(head.res.headers['x-oss-hash-crc64ecma']).toBe('42');
    expect((await client().getObjectMeta(name)).res.headers['content-length']).toBe('5');
    expect((await client().copy('copy.txt', name)).data.etag).toMatch(/5D41402A/);
    expect((await client().delete('copy.txt')).res.status).toBe(204);
  });

  test('streams without a length', async () => {
    await client().putStream('stream.txt', Readable.from([Buffer.from('ab'), Buffer.from('c')]));
    expect((await client().get('stream.txt')).content.toString()).toBe('abc');
    expect(seen.findLast((request) => request.operation === 'PutObject')?.body.length).toBeUndefined();
  });

  test('lists, with Owner, markers and tokens', async () => {
    objects.clear();
    for (const key of ['a/1', 'a/2', 'b']) await client().put(key, Buffer.from(key));
    const first = await client().list({ 'max-keys': 2 });
    expect(first).toMatchObject({ isTruncated: true, nextMarker: 'a/2' });
    expect(first.objects.map((object) => [object.name, object.owner.id, object.storageClass])).toEqual([
      ['a/1', '123456789012', 'Standard'],
      ['a/2', '123456789012', 'Standard'],
    ]);
    expect((await client().list({ marker: 'a/2', 'max-keys': 2 })).objects.map((object) => object.name)).toEqual(['b']);
    const second = await client().listV2({ 'max-keys': '2' });
    expect(second.keyCount).toBe(2);
    expect(second.nextContinuationToken).toBe('YS8y');
    expect((await client().listBuckets()).buckets).toMatchObject([{ name: 'photos', region: 'oss-cn-hangzhou' }]);
    expect((await client().deleteMulti(['a/1', 'b'])).deleted.map((one) => one.Key)).toEqual(['a/1', 'b']);
    await client().deleteMulti(['a/2'], { quiet: true });
    expect(objects.size).toBe(0);
  });

  test('sets, gets and deletes the bucket`s encryption', async () => {
    expect((await client().putBucketEncryption('photos', { SSEAlgorithm: 'KMS', KMSMasterKeyID: '1b2c' })).status).toBe(
      200,
    );
    expect((await client().getBucketEncryption('photos')).encryption).toEqual({
      SSEAlgorithm: 'KMS',
      KMSMasterKeyID: '1b2c',
    });
    expect((await client().getBucketInfo('photos')).bucket.ServerSideEncryptionRule).toEqual({
      SSEAlgorithm: 'KMS',
      KMSMasterKeyID: '1b2c',
    });
    expect((await client().deleteBucketEncryption('photos')).status).toBe(204);
    expect((await client().getBucketInfo('photos')).bucket.ServerSideEncryptionRule.SSEAlgorithm).toBe('None');
    await expect(client().getBucketEncryption('photos')).rejects.toMatchObject({
      status: 404,
      code: 'NoSuchServerSideEncryptionRule',
    });
    await expect(client().putBucketEncryption('photos', { SSEAlgorithm: 'DES' })).rejects.toMatchObject({
      status: 400,
      code: 'InvalidEncryptionAlgorithmError',
    });
    expect((await client().getBucketLocation('photos')).location).toBe('oss-cn-hangzhou');
  });

  test('uploads in parts and repeats its headers on each of them', async () => {
    const bytes = Buffer.alloc(250 * 1024, 7);
    const done = await client().multipartUpload('big', bytes, {
      partSize: 100 * 1024,
      headers: {
        'x-oss-server-side-encryption': 'KMS',
        'x-oss-server-side-encryption-key-id': 'k1',
        'x-oss-tagging': 'a=b',
      },
      meta: { who: 'me' },
    });
    expect(done.etag).toMatch(/-3"$/);
    expect((await client().get('big')).content.equals(bytes)).toBe(true);
    const repeated = { repeatedWish: { state: 'wellFormed', encryption: { kind: 'kms', key: 'k1' } } };
    for (const operation of ['UploadPart', 'CompleteMultipartUpload'])
      expect(seen.findLast((request) => request.operation === operation)).toMatchObject(repeated);
  });

  test('tags, ACLs and presigned URLs', async () => {
    await client().put('t', Buffer.from('t'));
    await client().putObjectTagging('t', { team: 'red + blue' });
    expect((await client().getObjectTagging('t')).tag).toEqual({ team: 'red + blue' });
    await client().putACL('t', 'private');
    expect((await client().getACL('t')).acl).toBe('private');
    const url = options.authorizationV4
      ? await client().signatureUrlV4('GET', 60, {}, 't')
      : client().signatureUrl('t', { expires: 60, response: { 'content-type': 'text/x' } });
    const answer = await fetch(url);
    expect([answer.status, await answer.text()]).toEqual([200, 't']);
    if (!options.authorizationV4) expect(answer.headers.get('content-type')).toBe('text/x');
  });

  test('reads the code of an error, on HEAD too', async () => {
    await expect(client().get('missing')).rejects.toMatchObject({ status: 404, code: 'NoSuchKey', requestId: 'test' });
    await expect(client().head('missing')).rejects.toMatchObject({ status: 404, code: 'NoSuchKey' });
    const stranger = new AliOss({
      region: 'oss-cn-hangzhou',
      accessKeySecret: 'wrong',
      endpoint,
      sldEnable: true,
      bucket: 'photos',
      ...options,
      accessKeyId: 'id',
    });
    await expect(stranger.get('t')).rejects.toMatchObject({ status: 403, code: 'SignatureDoesNotMatch' });
  });
});

async function serve(message: IncomingMessage, response: ServerResponse): Promise<void> {
  const target = message.url ?? '/';
  const host = message.headers.host ?? '';
  const headers: [string, string][] = [];
  for (let at = 0; at < message.rawHeaders.length; at += 2)
    headers.push([(message.rawHeaders[at] ?? '').toLowerCase(), message.rawHeaders[at + 1] ?? '']);
  const context: EncodeContext = {
    requestId: 'test',
    now: Date.now(),
    method: message.method ?? '',
    bucket: 'photos',
    resource: target,
    location: `http://${host}${target}`,
    owner: '123456789012',
    host,
  };
  let answer: WireResponse;
  try {
    const wire = wireRequest({ method: message.method ?? '', target, headers, host, body: message });
    const known =
      headers.some(([, value]) => value.includes('sts')) || target.includes('sts')
        ? credential('sts', 'sk', 'token')
        : credential('id', 'sk');
    const request = await oss.decodeRequest(oss.verify(wire, verifyContext(known, Date.now())));
    seen.push(request);
    answer = await answerTo(request, context);
  } catch (error) {
    answer = oss.encodeError(
      error instanceof GatewayError ? error : new GatewayError('InternalError', String(error)),
      context,
    );
  }
  message.resume();
  response.writeHead(answer.status, answer.headers.flat());
  if (answer.body !== undefined)
    for await (const chunk of answer.body instanceof Uint8Array ? [answer.body] : answer.body) response.write(chunk);
  response.end();
}

async function answerTo(request: StorageRequest, context: EncodeContext): Promise<WireResponse> {
  switch (request.operation) {
    case 'PutObject': {
      const stored = keep(request, await bytesOf(request.body.bytes));
      return oss.encodeResponse(
        request,
        { etag: md5(stored.bytes), encryption: stored.encryption, crc64: '42' },
        context,
      );
    }
    case 'GetObject': {
      const { attributes, bytes } = find(request.key);
      const range =
        request.range?.kind === 'from'
          ? { first: request.range.first, last: request.range.last ?? bytes.length - 1 }
          : undefined;
      const slice = range === undefined ? bytes : bytes.subarray(range.first, range.last + 1);
      return oss.encodeResponse(
        request,
        {
          ...attributes,
          content: { kind: 'plain', bytes: Readable.from([slice]), length: slice.length },
          ...(range === undefined ? {} : { range }),
        },
        context,
      );
    }
    case 'HeadObject':
      return oss.encodeResponse(request, find(request.key).attributes, context);
    case 'CopyObject': {
      objects.set(request.key, { ...stored(request.source.key) });
      return oss.encodeResponse(
        request,
        { etag: find(request.key).attributes.etag, lastModified: 1_000, encryption: { kind: 'none' } },
        context,
      );
    }
    case 'DeleteObject':
      objects.delete(request.key);
      return oss.encodeResponse(request, {}, context);
    case 'DeleteObjects':
      for (const { key } of request.objects) objects.delete(key);
      return oss.encodeResponse(request, { deleted: request.objects, errors: [] }, context);
    case 'ListObjects': {
      const page = listed(request.marker, request.maxKeys);
      return oss.encodeResponse(request, { ...page, commonPrefixes: [] }, context);
    }
    case 'ListObjectsV2': {
      const page = listed('', request.maxKeys);
      const nextToken = Buffer.from(page.objects.at(-1)?.key ?? '').toString('base64url');
      return oss.encodeResponse(
        request,
        { ...page, commonPrefixes: [], keyCount: page.objects.length, ...(page.truncated ? { nextToken } : {}) },
        context,
      );
    }
    case 'ListBuckets':
      return oss.encodeResponse(
        request,
        {
          buckets: [{ name: 'photos', createdAt: 0, region: 'cn-hangzhou', storageClass: 'STANDARD' }],
          truncated: false,
        },
        context,
      );
    case 'GetBucketInfo':
      return oss.encodeResponse(
        request,
        {
          name: 'photos',
          createdAt: 0,
          region: 'cn-hangzhou',
          storageClass: 'STANDARD',
          acl: 'private',
          encryption: rule,
        },
        context,
      );
    case 'GetBucketLocation':
      return oss.encodeResponse(request, { region: 'cn-hangzhou' }, context);
    case 'PutBucketEncryption':
      rule = request.rule as BucketRule<string> as BucketRule;
      return oss.encodeResponse(request, {}, context);
    case 'GetBucketEncryption':
      return oss.encodeResponse(request, { rule }, context);
    case 'DeleteBucketEncryption':
      rule = undefined;
      return oss.encodeResponse(request, {}, context);
    case 'CreateMultipartUpload':
      upload = request;
      parts.clear();
      return oss.encodeResponse(request, { uploadId: 'U1' }, context);
    case 'UploadPart': {
      const bytes = await bytesOf(request.body.bytes);
      parts.set(request.partNumber, bytes);
      return oss.encodeResponse(request, { etag: md5(bytes) }, context);
    }
    case 'CompleteMultipartUpload': {
      if (upload === undefined || request.parts === 'all')
        throw new GatewayError('NoSuchUpload', 'The upload does not exist.');
      keep(upload, Buffer.concat(request.parts.map((part) => parts.get(part.partNumber) ?? Buffer.alloc(0))));
      return oss.encodeResponse(request, { etag: `${'A'.repeat(32)}-${request.parts.length}` }, context);
    }
    case 'PutObjectTagging':
      stored(request.key).tags = request.tags;
      return oss.encodeResponse(request, {}, context);
    case 'GetObjectTagging':
      return oss.encodeResponse(request, { tags: stored(request.key).tags }, context);
    case 'PutObjectAcl':
      return oss.encodeResponse(request, {}, context);
    case 'GetObjectAcl':
      return oss.encodeResponse(request, { acl: 'private' }, context);
    default:
      throw new GatewayError('NotImplemented', request.operation);
  }
}

function keep(request: StorageRequest<'PutObject' | 'CreateMultipartUpload'>, bytes: Buffer): Stored {
  const { wish } = request;
  const asked = wish.state === 'wellFormed' ? wish.encryption : { kind: 'none' as const };
  const encryption =
    asked.kind === 'kms'
      ? {
          kind: 'kms' as const,
          key: asked.key as string as StoreKeyId,
          algorithm: asked.algorithm,
          layers: asked.layers,
        }
      : { kind: 'none' as const };
  const kept: Stored = { bytes, metadata: request.metadata, encryption, tags: request.tags ?? {} };
  objects.set(request.key, kept);
  return kept;
}

function stored(key: string): Stored {
  const found = objects.get(key);
  if (found === undefined) throw new GatewayError('NoSuchKey', 'The specified key does not exist.');
  return found;
}

function find(key: string): { attributes: ObjectAttributes; bytes: Buffer } {
  const { bytes, metadata, encryption } = stored(key);
  return {
    bytes,
    attributes: { size: bytes.length, etag: md5(bytes), lastModified: 1_000_000, metadata, encryption, crc64: '42' },
  };
}

function listed(
  after: string,
  most: number,
): {
  objects: { key: string; size: number; etag: string; lastModified: number; storageClass: 'STANDARD' }[];
  truncated: boolean;
} {
  const keys = [...objects.keys()].sort().filter((key) => key > after);
  return {
    objects: keys.slice(0, most).map((key) => ({
      key,
      size: 1,
      etag: md5(stored(key).bytes),
      lastModified: 0,
      storageClass: 'STANDARD' as const,
    })),
    truncated: keys.length > most,
  };
}

async function bytesOf(bytes: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const read = await readBounded(bytes, 10_000_000);
  if (read === 'too-large') throw new Error('too large');
  return read;
}

function md5(bytes: Uint8Array): string {
  return createHash('md5').update(bytes).digest('hex');
}
