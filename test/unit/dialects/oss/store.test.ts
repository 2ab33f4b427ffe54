import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import type { EncodeContext, StoreTarget } from '../../../../src/dialects/dialect.ts';
import { OSS_CAPABILITIES } from '../../../../src/dialects/oss/capabilities.ts';
import { oss } from '../../../../src/dialects/oss/index.ts';
import { bodyOf } from '../../../../src/dialects/oss/payload/payload.ts';
import type { StoreKeyId } from '../../../../src/model/encryption.ts';
import type { ObjectAttributes } from '../../../../src/model/objects.ts';
import type { OperationName, StorageRequest, StorageResult } from '../../../../src/model/operations.ts';
import { headerOf, type WireResponse } from '../../../../src/wire/message.ts';
import { readBounded } from '../../../../src/wire/bounded.ts';
import { arrived, credential, verifyContext, wireRequest } from './wire-request.ts';

const NOW = Date.UTC(2026, 10, 21, 17, 0, 0);
const KNOWN = credential('id', 'sk', 'token');
const TARGET: StoreTarget = {
  endpoint: 'http://127.0.0.1:9000',
  region: 'cn-hangzhou',
  addressing: 'virtual',
  credential: KNOWN,
  capabilities: OSS_CAPABILITIES,
};
const KMS = { kind: 'kms', key: 'k1' as StoreKeyId, algorithm: 'SM4', layers: 1 } as const;
const PLACE = { bucket: 'photos', key: 'a/../ä b+c' } as const;
const METADATA = {
  contentType: 'text/plain',
  cacheControl: 'no-store',
  user: {
    author: 'me',
    'client-side-encryption-key': 'A==',
    'client-side-encryption-start': 'B==',
    'client-side-encryption-cek-alg': 'AES/CTR/NoPadding',
    'client-side-encryption-wrap-alg': 'KMS/ALICLOUD',
  },
} as const;
const WRITE = {
  ...PLACE,
  wish: { state: 'absent' },
  encryption: KMS,
  metadata: METADATA,
  tags: { a: 'b c', d: '&=' },
  storageClass: 'STANDARD_IA',
  acl: 'private',
  conditions: {},
  forbidOverwrite: true,
} as const;
const PAGE = { bucket: 'photos', prefix: 'p/', delimiter: '/', maxKeys: 7 } as const;
const READ = {
  ...PLACE,
  versionId: 'v1',
  conditions: { ifMatch: ['E'], ifModifiedSince: NOW },
  range: { kind: 'from', first: 1, last: 3 },
  checksumMode: false,
  overrides: {},
} as const;

/** Requests that come out of the client face as they went into the store face. */
const REQUESTS: readonly StorageRequest[] = [
  { operation: 'ListBuckets', prefix: 'p', marker: 'm', maxKeys: 5 },
  { operation: 'DeleteBucket', bucket: 'photos' },
  { operation: 'GetBucketLocation', bucket: 'photos' },
  { operation: 'GetBucketInfo', bucket: 'photos' },
  { operation: 'GetBucketStat', bucket: 'photos' },
  { operation: 'GetBucketAcl', bucket: 'photos' },
  { operation: 'PutBucketAcl', bucket: 'photos', acl: 'public-read' },
  { operation: 'GetBucketVersioning', bucket: 'photos' },
  { operation: 'GetBucketEncryption', bucket: 'photos' },
  { operation: 'DeleteBucketEncryption', bucket: 'photos' },
  { operation: 'GetBucketPolicy', bucket: 'photos' },
  { operation: 'PutBucketPolicy', bucket: 'photos', document: '{"ä":1}' },
  { operation: 'DeleteBucketPolicy', bucket: 'photos' },
  { operation: 'ListObjects', ...PAGE, encodingType: 'url', marker: 'p/ä+' },
  { operation: 'ListObjectVersions', ...PAGE, encodingType: 'url', keyMarker: 'k', versionIdMarker: 'v' },
  {
    operation: 'ListMultipartUploads',
    bucket: 'photos',
    prefix: 'p',
    delimiter: '/',
    keyMarker: 'k',
    uploadIdMarker: 'u',
    maxUploads: 9,
    encodingType: 'url',
  },
  { operation: 'GetObject', ...READ },
  { operation: 'HeadObject', ...READ },
  { operation: 'DeleteObject', ...PLACE, versionId: 'v1' },
  { operation: 'GetObjectAcl', ...PLACE },
  { operation: 'PutObjectAcl', ...PLACE, acl: 'default' },
  { operation: 'GetObjectTagging', ...PLACE },
  { operation: 'PutObjectTagging', ...PLACE, tags: { 'k<': 'v&' } },
  { operation: 'DeleteObjectTagging', ...PLACE },
  { operation: 'AbortMultipartUpload', ...PLACE, uploadId: 'U/+=' },
  { operation: 'ListParts', ...PLACE, uploadId: 'U', maxParts: 5, partNumberMarker: 3, encodingType: 'url' },
  {
    operation: 'CompleteMultipartUpload',
    ...PLACE,
    uploadId: 'U',
    parts: [
      { partNumber: 1, etag: 'opaque' },
      { partNumber: 5, etag: '5d41402abc4b2a76b9719d911017c592' },
    ],
    conditions: {},
    forbidOverwrite: true,
  },
  { operation: 'CompleteMultipartUpload', ...PLACE, uploadId: 'U', parts: 'all', conditions: {} },
  {
    operation: 'UploadPartCopy',
    ...PLACE,
    uploadId: 'U',
    partNumber: 3,
    source: { bucket: 'from', key: 'x/ä ?+', versionId: 'v&2' },
    sourceConditions: { ifNoneMatch: ['E'] },
    sourceRange: { first: 0, last: 9 },
  },
];

describe('an ETag is hex in lower case in the model, in upper case on the wire', () => {
  const [lower, upper] = ['5d41402abc4b2a76b9719d911017c592', '5D41402ABC4B2A76B9719D911017C592'];

  test('toward the store: parts and conditions', () => {
    const complete = {
      operation: 'CompleteMultipartUpload',
      ...PLACE,
      uploadId: 'U',
      parts: [{ partNumber: 1, etag: lower }],
      conditions: {},
    } as const;
    expect(String(oss.encodeRequest(complete, TARGET).body)).toContain(`&quot;${upper}&quot;`);
    const get = {
      operation: 'GetObject',
      ...PLACE,
      conditions: { ifMatch: [lower, '*'] },
      checksumMode: false,
      overrides: {},
    } as const;
    expect(headerOf(oss.encodeRequest(get, TARGET).headers, 'if-match')).toBe(`"${upper}", *`);
  });

  test('from the store: an S3 client compares it with an MD5', async () => {
    const part = {
      operation: 'UploadPart',
      ...PLACE,
      uploadId: 'U',
      partNumber: 1,
      body: { bytes: Readable.from([]), length: 0 },
    } as const;
    const answer: WireResponse = { status: 200, headers: [['etag', `"${upper}"`]], body: undefined };
    expect(await oss.decodeResponse(part, answer)).toMatchObject({ etag: lower });
  });
});

describe('a request to an OSS store opens at an OSS endpoint', () => {
  test.each(REQUESTS.map((request) => [request.operation, request] as const))(
    '%s, under V4 and V1',
    async (_name, request) => {
      for (const signature of ['v4', 'v1'] as const) expect(await roundTrip(request, signature)).toEqual(request);
    },
  );

  test.each(['PutObject', 'AppendObject', 'CreateMultipartUpload', 'CopyObject'] as const)(
    '%s carries the decided encryption and nothing of the wish',
    async (operation) => {
      const parts = { 'client-side-encryption-part-size': '32', 'client-side-encryption-data-size': '64' };
      const metadata =
        operation === 'CreateMultipartUpload' ? { ...METADATA, user: { ...METADATA.user, ...parts } } : METADATA;
      const body = { bytes: Readable.from([Buffer.from('hello')]), length: 5 };
      const copy = {
        source: { bucket: 'from', key: 'x' },
        sourceConditions: {},
        metadataDirective: 'REPLACE',
        taggingDirective: 'REPLACE',
      } as const;
      const request = { ...WRITE, ...copy, metadata, operation, body, position: 4 } as StorageRequest;
      const received = await roundTrip(request, 'v4');
      expect(received).toMatchObject({
        operation,
        ...PLACE,
        metadata,
        tags: WRITE.tags,
        storageClass: 'STANDARD_IA',
        acl: 'private',
        forbidOverwrite: true,
        wish: { state: 'wellFormed', encryption: KMS },
      });
    },
  );

  test('the bucket stands in the host, whatever the endpoint', () => {
    const unsigned = oss.encodeRequest(
      { operation: 'GetObjectTagging', ...PLACE },
      { ...TARGET, endpoint: 'https://oss-cn-hangzhou.aliyuncs.com' },
    );
    expect(unsigned).toMatchObject({
      host: 'photos.oss-cn-hangzhou.aliyuncs.com',
      path: '/a/../%C3%A4%20b%2Bc',
      query: 'tagging',
    });
    expect(oss.encodeRequest({ operation: 'HeadBucket', bucket: 'b' }, TARGET)).toMatchObject({
      method: 'GET',
      host: 'b.127.0.0.1:9000',
      query: 'bucketInfo',
    });
  });

  test('a put with the rule of the store, a list token and If-None-Match translate', async () => {
    const rule = await roundTrip(
      {
        operation: 'PutBucketEncryption',
        bucket: 'photos',
        rule: { kind: 'managed', algorithm: 'SM4' },
        storeRule: KMS,
      },
      'v4',
    );
    expect(rule).toMatchObject({ rule: KMS });
    const listed = await roundTrip(
      {
        operation: 'ListObjectsV2',
        ...PAGE,
        continuationToken: Buffer.from('a+/=').toString('base64url'),
        startAfter: '',
        fetchOwner: false,
      },
      'v4',
    );
    expect(listed).toMatchObject({ continuationToken: 'a+/=' });
    const headers = oss.encodeRequest(
      { ...WRITE, operation: 'CreateMultipartUpload', forbidOverwrite: false, conditions: { ifNoneMatch: ['*'] } },
      TARGET,
    ).headers;
    expect(headerOf(headers, 'x-oss-forbid-overwrite')).toBe('true');
    expect(() =>
      oss.encodeRequest({ ...WRITE, operation: 'CreateMultipartUpload', conditions: { ifMatch: ['x'] } }, TARGET),
    ).toThrow(/condition/);
  });

  test('what OSS has not is refused before a byte is sent', () => {
    expect(() => oss.encodeRequest({ operation: 'GetBucketReplication', bucket: 'b' }, TARGET)).toThrow(
      /no counterpart/,
    );
    expect(() =>
      oss.encodeRequest({ ...WRITE, operation: 'CreateMultipartUpload', metadata: { user: { a_b: 'c' } } }, TARGET),
    ).toThrow(/letters, digits/);
    expect(() =>
      oss.encodeRequest({ ...WRITE, operation: 'CreateMultipartUpload', acl: 'authenticated-read' }, TARGET),
    ).toThrow(/ACL/);
    expect(() =>
      oss.sign(
        oss.encodeRequest({ operation: 'DeleteObject', bucket: 'b', key: 'a?acl' }, TARGET),
        { ...TARGET, signature: 'v1' },
        NOW,
      ),
    ).toThrow(/version 1/);
  });
});

const ATTRIBUTES: ObjectAttributes = {
  size: 10,
  etag: 'ABC',
  lastModified: NOW,
  metadata: METADATA,
  encryption: KMS,
  storageClass: 'GLACIER',
  versionId: 'v9',
  crc64: '18446744073709551615',
  tagCount: 2,
  type: 'Appendable',
  appendPosition: 10,
};
const WRITTEN = { etag: 'ABC-2', versionId: 'v', encryption: KMS, crc64: '0' } as const;
const LISTED = {
  key: 'a&b/ä\u0001 +',
  size: 3,
  etag: 'E',
  lastModified: NOW,
  storageClass: 'STANDARD',
  type: 'Multipart',
} as const;

const ANSWERS: readonly [StorageRequest, StorageResult][] = [
  [
    { operation: 'ListBuckets' },
    {
      buckets: [{ name: 'b', createdAt: NOW, region: 'cn-hangzhou', storageClass: 'STANDARD_IA' }],
      truncated: true,
      nextMarker: 'n',
    },
  ],
  [{ operation: 'GetBucketLocation', bucket: 'b' }, { region: 'cn-hangzhou' }],
  [
    { operation: 'GetBucketInfo', bucket: 'b' },
    { name: 'b', createdAt: NOW, region: 'r', storageClass: 'STANDARD', acl: 'public-read', encryption: KMS },
  ],
  [
    { operation: 'GetBucketInfo', bucket: 'b' },
    { name: 'b', createdAt: NOW, region: 'r', storageClass: 'STANDARD', acl: 'private', encryption: undefined },
  ],
  [
    { operation: 'GetBucketStat', bucket: 'b' },
    { objects: 3, bytes: 9, uploads: 1 },
  ],
  [{ operation: 'GetBucketAcl', bucket: 'b' }, { acl: 'public-read-write' }],
  [{ operation: 'GetObjectAcl', ...PLACE }, { acl: 'default' }],
  [{ operation: 'GetBucketVersioning', bucket: 'b' }, { status: 'Suspended' }],
  [{ operation: 'GetBucketVersioning', bucket: 'b' }, { status: undefined }],
  [{ operation: 'GetBucketEncryption', bucket: 'b' }, { rule: { kind: 'managed', algorithm: 'SM4' } }],
  [{ operation: 'GetBucketPolicy', bucket: 'b' }, { document: '{"ä":1}' }],
  [{ operation: 'PutObjectAcl', ...PLACE, acl: 'private' }, {}],
  [
    { operation: 'ListObjects', ...PAGE, encodingType: 'url', marker: '' },
    { objects: [LISTED], commonPrefixes: ['p/ä/'], truncated: true, nextMarker: 'ä +' },
  ],
  [
    { operation: 'ListObjectsV2', ...PAGE, encodingType: 'url', startAfter: 's', fetchOwner: true },
    { objects: [LISTED], commonPrefixes: [], truncated: false, keyCount: 1 },
  ],
  [
    { operation: 'ListObjectVersions', ...PAGE, encodingType: 'url', keyMarker: '', versionIdMarker: '' },
    {
      objects: [
        { ...LISTED, versionId: 'v', isLatest: true },
        {
          key: 'd',
          size: 0,
          etag: '',
          lastModified: NOW,
          storageClass: 'STANDARD',
          versionId: 'w',
          isLatest: false,
          deleteMarker: true,
        },
      ],
      commonPrefixes: [],
      truncated: true,
      nextKeyMarker: 'd',
      nextVersionIdMarker: 'w',
    },
  ],
  [
    {
      operation: 'ListMultipartUploads',
      bucket: 'b',
      prefix: '',
      delimiter: '',
      keyMarker: '',
      uploadIdMarker: '',
      maxUploads: 10,
      encodingType: 'url',
    },
    {
      uploads: [{ key: 'ä', uploadId: 'U', initiated: NOW, storageClass: 'GLACIER' }],
      commonPrefixes: ['x/'],
      truncated: false,
    },
  ],
  [
    { operation: 'ListParts', ...PLACE, uploadId: 'U', maxParts: 2, partNumberMarker: 0 },
    {
      parts: [{ partNumber: 2, size: 5, etag: 'E', lastModified: NOW }],
      truncated: true,
      nextPartNumberMarker: 2,
      storageClass: 'STANDARD',
    },
  ],
  [{ operation: 'PutObject', ...WRITE, body: { bytes: Readable.from([]), length: 0 } }, WRITTEN],
  [
    { operation: 'AppendObject', ...WRITE, body: { bytes: Readable.from([]), length: 0 }, position: 0 },
    { ...WRITTEN, nextPosition: 5 },
  ],
  [
    { operation: 'UploadPart', ...PLACE, uploadId: 'U', partNumber: 1, body: { bytes: Readable.from([]), length: 0 } },
    { ...WRITTEN, encryption: { kind: 'none' } },
  ],
  [
    { operation: 'CreateMultipartUpload', ...WRITE },
    { uploadId: 'U', encryption: KMS },
  ],
  [
    { operation: 'UploadPartCopy', ...PLACE, uploadId: 'U', partNumber: 1, source: PLACE, sourceConditions: {} },
    { ...WRITTEN, lastModified: NOW },
  ],
  [
    {
      operation: 'CopyObject',
      ...WRITE,
      source: PLACE,
      sourceConditions: {},
      metadataDirective: 'COPY',
      taggingDirective: 'COPY',
    },
    { ...WRITTEN, lastModified: NOW },
  ],
  [{ operation: 'HeadObject', ...PLACE, conditions: {}, checksumMode: false, overrides: {} }, ATTRIBUTES],
  [
    { operation: 'DeleteObject', ...PLACE },
    { deleteMarker: true, versionId: 'v' },
  ],
  [
    {
      operation: 'DeleteObjects',
      bucket: 'b',
      objects: [{ key: 'ä' }, { key: 'x', versionId: 'v' }],
      quiet: false,
      encodingType: 'url',
    },
    { deleted: [{ key: 'ä' }, { key: 'x', versionId: 'v' }], errors: [] },
  ],
  [{ operation: 'GetObjectTagging', ...PLACE }, { tags: { 'a<': 'b&' } }],
];

describe('the passthrough', () => {
  test('carries the sub-resource and its document, never the client`s signature or its other headers', async () => {
    const document = Buffer.from('<InventoryConfiguration/>');
    const md5 = createHash('md5').update(document).digest('base64');
    const wire = wireRequest({
      method: 'PUT',
      target: '/client-name?inventory&inventoryId=a+b&OSSAccessKeyId=client&Signature=s&Expires=9&security-token=t',
      headers: [
        ['content-type', 'application/xml'],
        ['content-md5', md5],
        ['content-length', String(document.length)],
        ['x-oss-meta-a', 'b'],
        ['authorization', 'OSS client:s'],
        ['cookie', 'c'],
      ],
      body: document,
    });
    const client = {
      wire,
      accessKeyId: 'client',
      form: 'oss-v1-url',
      bucket: 'client-name',
      key: undefined,
      body: bodyOf(wire),
    } as const;
    const unsigned = oss.encodePassthrough?.(client, 'store-name', TARGET);
    if (unsigned === undefined) throw new Error('nothing passes through');
    expect(unsigned).toMatchObject({
      host: 'store-name.127.0.0.1:9000',
      path: '/',
      query: 'inventory&inventoryId=a%20b',
      bodyLength: document.length,
    });
    expect(unsigned.headers.map(([name]) => name).sort()).toEqual(['content-length', 'content-md5', 'content-type']);
    const received = oss.verify(arrived(oss.sign(unsigned, TARGET, NOW), document), verifyContext(KNOWN, NOW));
    expect(await oss.decodeRequest(received)).toEqual({
      operation: 'Passthrough',
      bucket: 'store-name',
      subresource: 'inventory',
      access: 'configure',
      document,
      demands: [],
      destinations: [],
      keyIds: [],
    });
  });
});

describe('golden answers', () => {
  const text = <N extends OperationName>(request: StorageRequest<N>, result: StorageResult<N>): string =>
    Buffer.from(
      oss.encodeResponse(request, result, contextOf(request as StorageRequest)).body as Uint8Array,
    ).toString();

  test('ListObjects: no namespace, .000Z, Type, StorageClass, Owner, NextMarker', () => {
    const object = {
      key: 'a b',
      size: 3,
      etag: '5d41402abc4b2a76b9719d911017c592',
      lastModified: NOW + 123,
      storageClass: 'STANDARD',
    } as const;
    expect(
      text(
        {
          operation: 'ListObjects',
          bucket: 'b',
          prefix: '',
          delimiter: '',
          maxKeys: 1,
          marker: '',
          encodingType: 'url',
        },
        { objects: [object], commonPrefixes: [], truncated: true },
      ),
    ).toBe(
      '<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult><Name>b</Name><Prefix></Prefix><Marker></Marker><MaxKeys>1</MaxKeys><Delimiter></Delimiter><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated><NextMarker>a%20b</NextMarker><Contents><Key>a%20b</Key><LastModified>2026-11-21T17:00:00.000Z</LastModified><ETag>&quot;5D41402ABC4B2A76B9719D911017C592&quot;</ETag><Type>Normal</Type><Size>3</Size><StorageClass>Standard</StorageClass><Owner><ID>123456789012</ID><DisplayName>bucketseal</DisplayName></Owner></Contents></ListBucketResult>',
    );
  });

  test('GetBucketEncryption and the flat element of GetBucketInfo', () => {
    const inner =
      '<SSEAlgorithm>KMS</SSEAlgorithm><KMSMasterKeyID>k1</KMSMasterKeyID><KMSDataEncryption>SM4</KMSDataEncryption>';
    expect(text({ operation: 'GetBucketEncryption', bucket: 'b' }, { rule: KMS })).toContain(
      `<ServerSideEncryptionRule><ApplyServerSideEncryptionByDefault>${inner}</ApplyServerSideEncryptionByDefault></ServerSideEncryptionRule>`,
    );
    const info = {
      name: 'b',
      createdAt: NOW,
      region: 'cn-hangzhou',
      storageClass: 'STANDARD',
      acl: 'private',
    } as const;
    expect(text({ operation: 'GetBucketInfo', bucket: 'b' }, { ...info, encryption: KMS })).toContain(
      `<ServerSideEncryptionRule>${inner}</ServerSideEncryptionRule>`,
    );
    expect(text({ operation: 'GetBucketInfo', bucket: 'b' }, { ...info, encryption: undefined })).toContain(
      '<SSEAlgorithm>None</SSEAlgorithm>',
    );
  });

  test('ReplicationConfiguration of the policy`s rules', () => {
    const replication = {
      rule: 'keep-source',
      kmsObjects: 'replicate',
      replicaKey: 'rk',
      targets: [{ bucket: 't', prefix: 'p/', deletes: true }],
    } as const;
    expect(text({ operation: 'GetBucketReplication', bucket: 'b' }, { replication })).toContain(
      '<PrefixSet><Prefix>p/</Prefix></PrefixSet><Action>ALL</Action><Destination><Bucket>t</Bucket></Destination>',
    );
  });
});

describe('an answer of the client face is read by the store face', () => {
  test.each(ANSWERS.map(([request, result]) => [request.operation, request, result] as const))(
    '%s',
    async (_name, request, result) => {
      expect(await answered(request, result)).toEqual(result);
    },
  );

  test('a complete names its location', () => {
    const request = {
      operation: 'CompleteMultipartUpload',
      ...PLACE,
      uploadId: 'U',
      parts: 'all',
      conditions: {},
    } as const;
    const { body } = oss.encodeResponse(request, WRITTEN, contextOf(request));
    expect(String(body)).toContain('<Location>https://gateway.example/photos/k</Location>');
  });

  test('a range: 206, no CRC64, the size of the whole', async () => {
    const request = { operation: 'GetObject', ...READ } as const;
    const content = { kind: 'plain', bytes: Readable.from([Buffer.from('ell')]), length: 3 } as const;
    const answer = oss.encodeResponse(
      request,
      { ...ATTRIBUTES, content, range: { first: 1, last: 3 } },
      contextOf(request),
    );
    expect(answer.status).toBe(206);
    expect(headerOf(answer.headers, 'content-range')).toBe('bytes 1-3/10');
    expect(headerOf(answer.headers, 'x-oss-hash-crc64ecma')).toBeUndefined();
    const read = await oss.decodeResponse(request, answer);
    expect(read).toMatchObject({ size: 10, range: { first: 1, last: 3 }, etag: 'ABC', encryption: KMS });
    if (read.content.kind === 'plain') expect(await readBounded(read.content.bytes, 10)).toEqual(Buffer.from('ell'));
  });

  test('quiet deletes have no body, and never hide a failure', () => {
    const request = { operation: 'DeleteObjects', bucket: 'b', objects: [{ key: 'x' }], quiet: true } as const;
    expect(
      oss.encodeResponse(request, { deleted: [{ key: 'x' }], errors: [] }, contextOf(request)).body,
    ).toBeUndefined();
    const refused = oss.encodeResponse(
      request,
      { deleted: [], errors: [{ key: 'x', code: 'AccessDenied', message: 'No.' }] },
      contextOf(request),
    );
    expect(refused.status).toBe(403);
  });

  test('no rule and no policy are 404', () => {
    const request = { operation: 'GetBucketEncryption', bucket: 'b' } as const;
    expect(oss.encodeResponse(request, { rule: undefined }, contextOf(request)).status).toBe(404);
    const policy = { operation: 'GetBucketPolicy', bucket: 'b' } as const;
    expect(oss.encodeResponse(policy, { document: undefined }, contextOf(policy)).status).toBe(404);
  });

  test('a key that a store left out of its answer was not deleted', async () => {
    const request = {
      operation: 'DeleteObjects',
      bucket: 'b',
      objects: [{ key: 'x' }, { key: 'y' }],
      quiet: false,
    } as const;
    const answer = oss.encodeResponse(request, { deleted: [{ key: 'x' }], errors: [] }, contextOf(request));
    expect((await oss.decodeResponse(request, answer)).errors).toMatchObject([{ key: 'y' }]);
  });
});

async function roundTrip(request: StorageRequest, signature: 'v1' | 'v4'): Promise<StorageRequest> {
  const target = { ...TARGET, signature };
  const signed = oss.sign(oss.encodeRequest(request, target), target, NOW);
  const body = signed.body === undefined || signed.body instanceof Uint8Array ? signed.body : Buffer.from('hello');
  return await oss.decodeRequest(oss.verify(arrived(signed, body), verifyContext(KNOWN, NOW)));
}

async function answered<N extends OperationName>(
  request: StorageRequest<N>,
  result: StorageResult<N>,
): Promise<StorageResult<N>> {
  return await oss.decodeResponse(request, oss.encodeResponse(request, result, contextOf(request as StorageRequest)));
}

function contextOf(request: StorageRequest): EncodeContext {
  return {
    requestId: 'R',
    now: NOW,
    method: request.operation.startsWith('Head') ? 'HEAD' : 'GET',
    bucket: 'photos',
    resource: '/photos/k',
    location: 'https://gateway.example/photos/k',
    owner: '123456789012',
    host: 'gateway.example',
  };
}
