import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { S3_CAPABILITIES } from '../../../../src/dialects/s3/capabilities.ts';
import { s3 } from '../../../../src/dialects/s3/index.ts';
import { secret } from '../../../../src/model/encryption.ts';
import type { StoreKeyId } from '../../../../src/model/encryption.ts';
import type { StorageRequest } from '../../../../src/model/operations.ts';
import type { WireResponse } from '../../../../src/wire/message.ts';
import { headerOf } from '../../../../src/wire/message.ts';
import { TARGET, refusal, stream } from './requests.ts';

const REF = { bucket: 'b.x', key: 'a/ü +%' };
const KEY = 'testkey-1' as StoreKeyId;
const WRITE = { ...REF, wish: { state: 'absent' }, metadata: { user: {} }, conditions: {} } as const;
const UNDECIDED: StorageRequest<'PutObject'> = {
  operation: 'PutObject',
  ...WRITE,
  metadata: { contentType: 'text/plain', user: { 'x-amz-iv': 'AbC==' } },
  conditions: { ifNoneMatch: ['*'] },
  body: {
    bytes: stream(Buffer.from('abc')),
    length: 3,
    md5: 'kAFQmDzST7DWlj99KOF/cg==',
    checksum: { algorithm: 'CRC32', value: () => 'NSRBwg==' },
  },
};
const PUT: StorageRequest<'PutObject'> = {
  ...UNDECIDED,
  encryption: { kind: 'kms', key: KEY, algorithm: 'AES256', layers: 1 },
};
const COPY: StorageRequest<'CopyObject'> = {
  operation: 'CopyObject',
  ...WRITE,
  source: REF,
  sourceConditions: {},
  metadataDirective: 'COPY',
  taggingDirective: 'COPY',
};
const GET: StorageRequest<'GetObject'> = {
  operation: 'GetObject',
  ...REF,
  conditions: {},
  checksumMode: false,
  overrides: { 'content-type': 'x/y' },
};

function answer(status: number, headers: Readonly<Record<string, string>>, body = ''): WireResponse {
  return { status, headers: Object.entries(headers), body: stream(Buffer.from(body)) };
}

function error(status: number, code: string, message = ''): WireResponse {
  return answer(status, {}, `<?xml version="1.0"?><Error><Code>${code}</Code><Message>${message}</Message></Error>`);
}

describe('requests to a store', () => {
  test('a put carries only what the model carries', () => {
    const request = s3.encodeRequest(PUT, TARGET);
    expect([request.method, request.host, request.path, request.query, request.bodyLength]).toEqual([
      'PUT',
      'store.example',
      '/b.x/a/%C3%BC%20%2B%25',
      '',
      3,
    ]);
    expect(Object.fromEntries(request.headers)).toEqual({
      'content-type': 'text/plain',
      'x-amz-meta-x-amz-iv': 'AbC==',
      'if-none-match': '*',
      'x-amz-server-side-encryption': 'aws:kms',
      'x-amz-server-side-encryption-aws-kms-key-id': 'testkey-1',
      'content-md5': 'kAFQmDzST7DWlj99KOF/cg==',
      'x-amz-checksum-crc32': 'NSRBwg==',
    });
  });

  test('the wish of a client never reaches the store', () => {
    const wish = { state: 'wellFormed', encryption: { kind: 'managed', algorithm: 'AES256' }, raw: 'AES256' } as const;
    const { headers } = s3.encodeRequest({ ...UNDECIDED, wish }, TARGET);
    expect(headers.filter(([name]) => name.includes('encryption'))).toEqual([]);
  });

  test('digests of the plaintext are dropped where other bytes cross', () => {
    const content = {
      bytes: stream(Buffer.from('sealed')),
      length: 6,
      finish: (): never => {
        throw new Error('unused');
      },
    };
    const { headers, bodyLength } = s3.encodeRequest({ ...PUT, content }, TARGET);
    expect(bodyLength).toBe(6);
    expect(headers.filter(([name]) => /md5|checksum/.test(name))).toEqual([]);
  });

  test('no checksum header goes to a store that takes none', () => {
    const target = { ...TARGET, capabilities: { ...S3_CAPABILITIES, checksumHeaders: false } };
    const { headers } = s3.encodeRequest(PUT, target);
    expect(headers.filter(([name]) => name.includes('checksum'))).toEqual([]);
  });

  test.each([
    ['https://store.example', 'plain', 'plain.store.example', '/k'],
    ['https://store.example', 'dot.ted', 'store.example', '/dot.ted/k'],
    ['http://127.0.0.1:9000', 'dot.ted', 'dot.ted.127.0.0.1:9000', '/k'],
  ])('virtual-hosted at %s, bucket %s', (endpoint, bucket, host, path) => {
    const request = s3.encodeRequest({ ...GET, bucket, key: 'k' }, { ...TARGET, endpoint, addressing: 'virtual' });
    expect([request.host, request.path]).toEqual([host, path]);
  });

  test('SM4 is refused, not rounded down', async () => {
    const encryption = { kind: 'managed', algorithm: 'SM4' } as const;
    expect((await refusal(() => s3.encodeRequest({ ...PUT, encryption }, TARGET))).code).toBe('InvalidArgument');
  });

  test('a customer’s key never goes to a store without SSE-C', async () => {
    const customerKey = { key: secret<Uint8Array>(new Uint8Array(32)), md5: 'm' };
    const target = { ...TARGET, capabilities: { ...S3_CAPABILITIES, customerKey: false } };
    expect((await refusal(() => s3.encodeRequest({ ...GET, customerKey }, target))).code).toBe('InvalidRequest');
    const { headers } = s3.encodeRequest({ ...GET, customerKey }, TARGET);
    expect(headerOf(headers, 'x-amz-server-side-encryption-customer-key')).toBe('A'.repeat(43) + '=');
  });

  test('overrides of an answer stay with the gateway', () => {
    expect(s3.encodeRequest(GET, TARGET).query).toBe('');
  });

  test('documents carry their MD5 and their hash', () => {
    const request = s3.encodeRequest(
      { operation: 'DeleteObjects', bucket: 'b', objects: [{ key: 'a&b' }], quiet: true },
      TARGET,
    );
    const body = request.body as Uint8Array;
    expect(headerOf(request.headers, 'content-md5')).toBe(createHash('md5').update(body).digest('base64'));
    expect(request.bodySha256).toBe(createHash('sha256').update(body).digest('hex'));
    expect(Buffer.from(body).toString()).toContain('<Quiet>false</Quiet><Object><Key>a&amp;b</Key></Object>');
  });
});

describe('answers of a store', () => {
  test('say nothing where they are silent', async () => {
    expect(await s3.decodeResponse(PUT, answer(200, { etag: '"e"' }))).toEqual({ etag: 'e' });
  });

  test('MinIO’s key name loses its prefix, an ARN stays', async () => {
    const seen = async (id: string): Promise<unknown> =>
      (
        await s3.decodeResponse(
          PUT,
          answer(200, {
            etag: '"e"',
            'x-amz-server-side-encryption': 'aws:kms',
            'x-amz-server-side-encryption-aws-kms-key-id': id,
          }),
        )
      ).encryption;
    expect(await seen('arn:aws:kms:my-key')).toMatchObject({ key: 'my-key' });
    expect(await seen('arn:aws:kms:us-east-1:1:key/k')).toMatchObject({ key: 'arn:aws:kms:us-east-1:1:key/k' });
  });

  test('a word that nobody knows is no encryption', async () => {
    const { encryption } = await s3.decodeResponse(
      PUT,
      answer(200, { etag: '"e"', 'x-amz-server-side-encryption': 'KMS' }),
    );
    expect(encryption).toBeUndefined();
  });

  test('a complete without an ETag (RGW 16) is known by the ETags of its parts, or not at all', async () => {
    const parts = ['a', 'b'].map((text, index) => ({
      partNumber: index + 1,
      etag: createHash('md5').update(text).digest('hex'),
    }));
    const silent = (): WireResponse =>
      answer(200, {}, '<CompleteMultipartUploadResult><ETag></ETag></CompleteMultipartUploadResult>');
    const complete: StorageRequest<'CompleteMultipartUpload'> = {
      operation: 'CompleteMultipartUpload',
      ...REF,
      uploadId: 'u',
      parts,
      conditions: {},
    };
    // What `md5sum` says of the two digests one after the other.
    expect(await s3.decodeResponse(complete, silent())).toMatchObject({ etag: '96e024ba2074fe77e8e965ba43a704be-2' });
    const opaque = { ...complete, parts: [{ partNumber: 1, etag: 'opaque' }] };
    expect((await refusal(() => s3.decodeResponse(opaque, silent()))).code).toBe('InternalError');
  });

  test('an error inside a 200 is a failure, after white space too', async () => {
    const inside = answer(200, {}, '\n \n<Error><Code>SlowDown</Code><Message>later</Message></Error>');
    expect(await refusal(() => s3.decodeResponse(COPY, inside))).toMatchObject({ code: 'SlowDown', message: 'later' });
  });

  test('a 200 without the document is a failure', async () => {
    expect((await refusal(() => s3.decodeResponse(COPY, answer(200, {})))).code).toBe('InternalError');
    const listing = answer(200, {}, '<ListBucketResult/>');
    const ask = { operation: 'GetBucketEncryption', bucket: 'b' } as const;
    expect((await refusal(() => s3.decodeResponse(ask, listing))).code).toBe('InternalError');
  });

  test('a read has a length, and a partial one its range', async () => {
    const headers = { etag: '"e"', 'last-modified': 'Sat, 21 Nov 2026 17:00:00 GMT' };
    expect((await refusal(() => s3.decodeResponse(GET, answer(200, headers)))).code).toBe('InternalError');
    expect((await refusal(() => s3.decodeResponse(GET, answer(206, { ...headers, 'content-length': '3' })))).code).toBe(
      'InternalError',
    );
    const partial = answer(206, { ...headers, 'content-length': '3', 'content-range': 'bytes 2-4/10' }, 'cde');
    expect(await s3.decodeResponse(GET, partial)).toMatchObject({
      size: 10,
      range: { first: 2, last: 4 },
      content: { kind: 'plain', length: 3 },
    });
  });

  test('its owner may create a bucket again: whether that is an error is for the client`s language to say', async () => {
    const create = {
      operation: 'CreateBucket',
      bucket: 'b',
      wish: { state: 'absent' },
    } as StorageRequest<'CreateBucket'>;
    expect(await s3.decodeResponse(create, error(409, 'BucketAlreadyOwnedByYou'))).toEqual({
      location: '/b',
      created: false,
    });
    expect((await refusal(() => s3.decodeResponse(create, error(409, 'BucketAlreadyExists')))).code).toBe(
      'BucketAlreadyExists',
    );
  });

  test('MinIO names neither the owner of an ACL nor the grantee that is the owner; a stranger by e-mail is not the owner', async () => {
    const acl = { operation: 'GetBucketAcl', bucket: 'b' } as const;
    const policy = (owner: string, grantee: string): WireResponse =>
      answer(
        200,
        {},
        `<AccessControlPolicy><Owner><ID>${owner}</ID></Owner><AccessControlList><Grant>${grantee}<Permission>FULL_CONTROL</Permission></Grant></AccessControlList></AccessControlPolicy>`,
      );
    expect(await s3.decodeResponse(acl, policy('', '<Grantee><Type>CanonicalUser</Type></Grantee>'))).toEqual({
      acl: 'private',
    });
    for (const stranger of [
      '<Grantee><EmailAddress>a@b</EmailAddress></Grantee>',
      '<Grantee><ID>other</ID></Grantee>',
      '',
    ])
      expect((await refusal(() => s3.decodeResponse(acl, policy('', stranger)))).code).toBe('NotImplemented');
    expect((await refusal(() => s3.decodeResponse(acl, policy('me', '<Grantee></Grantee>')))).code).toBe(
      'NotImplemented',
    );
  });

  const withKey: StorageRequest<'GetObject'> = {
    ...GET,
    customerKey: { md5: 'm', key: { reveal: () => new Uint8Array(32), toString: () => '', toJSON: () => '' } },
  };
  test.each([
    [
      'an unknown key at RGW 18',
      PUT,
      error(400, 'InvalidArgument', 'Failed to retrieve the actual key'),
      'KMS.NotFoundException',
    ],
    ['an unknown key at RGW 16', PUT, error(403, 'InvalidAccessKeyId'), 'KMS.NotFoundException'],
    ['an unknown key at SeaweedFS', PUT, error(400, 'KMSKeyNotFoundException'), 'KMS.NotFoundException'],
    ['credentials of the gateway', GET, error(403, 'SignatureDoesNotMatch'), 'InternalError'],
    ['a store without KMS', PUT, error(501, 'NotImplemented'), 'NotImplemented'],
    ['a wrong key at RGW', withKey, error(400, 'InvalidArgument'), 'AccessDenied'],
    ['a missing key, by HEAD', { ...GET, operation: 'HeadObject' }, answer(400, {}), 'InvalidRequest'],
    ['no object, by HEAD', { ...GET, operation: 'HeadObject' }, answer(404, {}), 'NoSuchKey'],
    ['no bucket, by HEAD', { operation: 'HeadBucket', bucket: 'b' }, answer(404, {}), 'NoSuchBucket'],
    ['a redirect', GET, answer(301, { location: 'http://elsewhere/' }), 'InternalError'],
    ['an unknown code', GET, error(418, 'Teapot'), 'BadRequest'],
    ['a body that is no document', GET, answer(503, {}, '<html>'), 'ServiceUnavailable'],
    ['a store that calls itself a liar', GET, error(400, 'EncryptionNotHonoured'), 'InvalidRequest'],
    ['an unchanged object', GET, answer(304, { etag: '"e"' }), 'NotModified'],
  ] as const)('%s', async (_name, request, response, code) => {
    const failure = await refusal(() => s3.decodeResponse(request, response));
    expect(failure.code).toBe(code);
    expect(failure.message).not.toBe('');
  });
});
