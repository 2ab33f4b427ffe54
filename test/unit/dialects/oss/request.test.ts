import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import type { VerifiedRequest } from '../../../../src/dialects/dialect.ts';
import { oss } from '../../../../src/dialects/oss/index.ts';
import { bodyOf } from '../../../../src/dialects/oss/payload/payload.ts';
import { GatewayError } from '../../../../src/model/errors.ts';
import type { StorageRequest } from '../../../../src/model/operations.ts';
import type { HeaderLines } from '../../../../src/wire/message.ts';
import { readBounded } from '../../../../src/wire/bounded.ts';
import { wireRequest } from './wire-request.ts';

const SSE = 'x-oss-server-side-encryption';
const CSE = { key: 'K==', start: 'S==', 'cek-alg': 'AES/CTR/NoPadding', 'wrap-alg': 'RSA/NONE/PKCS1Padding' };
const SIZES = { 'part-size': '32', 'data-size': '40' };

describe('encryption headers by operation', () => {
  test.each([
    ['PUT', '/b/k'],
    ['PUT', '/bucket'],
    ['POST', '/b/k?uploads'],
    ['POST', '/b/k?append&position=0'],
  ])('%s %s takes them', async (method, target) => {
    expect(await decode(method, target, { [SSE]: 'SM4' })).toMatchObject({
      wish: { state: 'wellFormed', encryption: { kind: 'managed', algorithm: 'SM4' } },
    });
    expect(await decode(method, target, { [SSE]: 'DES' })).toMatchObject({
      wish: { state: 'illFormed', asked: { encryption: 'DES' } },
    });
  });

  test('in the query they count as headers', async () => {
    expect(await decode('PUT', `/b/k?${SSE}=KMS`)).toMatchObject({
      wish: { encryption: { kind: 'kms', key: 'default' } },
    });
    expect(await decode('PUT', `/b/k?${SSE}=KMS`, { [SSE]: 'KMS' })).toMatchObject({ wish: { state: 'illFormed' } });
  });

  test.each([
    ['PUT', '/b/k?uploadId=U&partNumber=1'],
    ['POST', '/b/k?uploadId=U'],
    ['GET', '/b/k'],
    ['HEAD', '/b/k'],
    ['DELETE', '/b/k'],
    ['PUT', '/b/k?tagging'],
    ['GET', '/b'],
    ['PUT', '/b?encryption'],
    ['PUT', '/b?lifecycle'],
  ])('%s %s refuses them', async (method, target) => {
    expect(await refusal(method, target, { [SSE]: 'AES256' })).toMatchObject({
      code: 'InvalidArgument',
      ec: '0005-00000002',
    });
    expect(await refusal(method, target, { [`${SSE}-kms-key-id`]: 'k' })).toMatchObject({ code: 'InvalidArgument' });
  });

  test('parts and complete may repeat the key id, as ali-oss does', async () => {
    const headers = {
      [`${SSE}-key-id`]: 'k1',
      'x-oss-tagging': 'a=b',
      'x-oss-forbid-overwrite': 'true',
      'x-oss-meta-a': 'b',
    };
    expect(await decode('PUT', '/b/k?uploadId=U&partNumber=1', headers)).toMatchObject({
      repeatedWish: { encryption: { key: 'k1' } },
    });
    expect(await refusal('PUT', '/b/k?uploadId=U&partNumber=1', { [`${SSE}-key-id`]: '' })).toMatchObject({
      code: 'KMS.InvalidKeyId',
    });
  });

  test('a list of parts may carry the key id of its upload, as oss2`s resumable_upload does; never the algorithm', async () => {
    expect(await decode('GET', '/b/k?uploadId=U', { [`${SSE}-key-id`]: 'k1' })).toMatchObject({
      operation: 'ListParts',
    });
    expect(await refusal('GET', '/b/k?uploadId=U', { [SSE]: 'KMS' })).toMatchObject({ ec: '0005-00000002' });
  });
});

describe('what is no client`s business', () => {
  test.each([
    ['x-oss-meta-bucketseal-record'],
    ['x-oss-meta-bucket-seal-oid'],
    ['x-oss-meta-bucket_seal'],
    ['x-bucketseal-encryption'],
    ['x-oss-replication-status'],
    ['x-oss-meta-a_b'],
  ])('%s is a 400', async (name) => {
    expect(await refusal('PUT', '/b/k', { [name]: 'x' })).toMatchObject({ code: 'InvalidArgument' });
  });

  test('over 8 KB of metadata is refused', async () => {
    expect(await refusal('PUT', '/b/k', { 'x-oss-meta-a': 'x'.repeat(8192) })).toMatchObject({
      code: 'MetadataTooLarge',
    });
  });

  test.each([
    ['PUT', '/b/k', { 'x-oss-callback': 'e30=' }, 'callback'],
    ['PUT', '/b/k?callback=e30%3D', {}, 'callback'],
    ['GET', '/b/k?x-oss-process=image%2Fresize', {}, 'process'],
    ['POST', '/b/k?x-oss-async-process', {}, 'process'],
    ['POST', '/b?asyncFetch', {}, 'fetch'],
    ['PUT', '/b?website', {}, 'fetch'],
  ] as const)('%s %s makes the store call out', async (method, target, headers, kind) => {
    expect(oss.callsOut?.(verified(method, target, headers))).toBe(kind);
    expect(await refusal(method, target, headers)).toMatchObject({ code: 'AccessDenied' });
  });

  test('a policy that allows a fetch lets a website configuration pass; callbacks are still not carried', async () => {
    const website = verified('PUT', '/b?website');
    await expect(oss.decodeRequest(website)).rejects.toThrow(/does not encrypt what it fetches/);
    expect(await oss.decodeRequest(website, ['fetch'])).toMatchObject({
      operation: 'Passthrough',
      subresource: 'website',
    });
    const callback = verified('PUT', '/b/k', { 'x-oss-callback': 'e30=' });
    await expect(oss.decodeRequest(callback, ['callback'])).rejects.toMatchObject({ code: 'NotImplemented' });
  });

  test('an ordinary request does not', () => {
    expect(oss.callsOut?.(verified('GET', '/b?website'))).toBeUndefined();
    expect(oss.callsOut?.(verified('PUT', '/b/callback'))).toBeUndefined();
  });
});

describe('what the model does not cover', () => {
  test('bucket sub-resources of the allowlist pass, the rest is NotImplemented', async () => {
    expect(await decode('GET', '/b?lifecycle')).toEqual({
      operation: 'Passthrough',
      bucket: 'b',
      subresource: 'lifecycle',
      access: 'read',
    });
    expect(await decode('PUT', '/b?cors')).toMatchObject({ operation: 'Passthrough', access: 'configure' });
    for (const [method, target] of [
      ['PUT', '/b/k?symlink'],
      ['POST', '/b/k?restore'],
      ['GET', '/b?metaQuery'],
      ['POST', '/b'],
      ['POST', '/b/k?select'],
      ['GET', '/b/k?cors'],
      ['GET', '/?regionList'],
    ] as const)
      expect(await refusal(method, target)).toMatchObject({ code: 'NotImplemented' });
  });

  test('two sub-resources are a 400', async () => {
    expect(await refusal('GET', '/b?acl&encryption')).toMatchObject({ code: 'InvalidArgument' });
  });

  test('a copy source belongs to copies only', async () => {
    for (const [method, target] of [
      ['GET', '/b/k'],
      ['POST', '/b/k?uploads'],
      ['PUT', '/b'],
    ] as const)
      expect(await refusal(method, target, { 'x-oss-copy-source': '/a/b' })).toMatchObject({ code: 'InvalidArgument' });
  });
});

describe('parameters', () => {
  test('lists default to 100 names and refuse more than 1000', async () => {
    expect(await decode('GET', '/b')).toMatchObject({ operation: 'ListObjects', maxKeys: 100 });
    for (const most of ['0', '1001', '-1', 'many'])
      expect(await refusal('GET', `/b?max-keys=${most}`)).toMatchObject({ code: 'InvalidArgument' });
    expect(await refusal('GET', '/b?encoding-type=base64')).toMatchObject({ code: 'InvalidArgument' });
  });

  test('an empty token is the first page (oss2)', async () => {
    const request = await decode('GET', '/b?list-type=2&continuation-token=&start-after=&delimiter=');
    expect(request).toEqual({
      operation: 'ListObjectsV2',
      bucket: 'b',
      prefix: '',
      delimiter: '',
      maxKeys: 100,
      startAfter: '',
      fetchOwner: false,
    });
  });

  test('a range is lenient unless the client asks for the standard', async () => {
    expect(await decode('GET', '/b/k', { range: 'bytes=-5' })).toMatchObject({
      range: { kind: 'suffix', length: 5 },
      lenientRange: true,
    });
    expect(await decode('GET', '/b/k', { range: 'bytes=1-2', 'x-oss-range-behavior': 'standard' })).not.toHaveProperty(
      'lenientRange',
    );
    for (const range of ['bytes=5-1', 'bytes=-', 'bytes=0-1,3-4', 'lines=1-2'])
      expect(await decode('GET', '/b/k', { range })).not.toHaveProperty('range');
  });

  test('response overrides cannot inject a header', async () => {
    expect(await decode('GET', '/b/k?response-content-type=text%2Fx')).toMatchObject({
      overrides: { 'content-type': 'text/x' },
    });
    expect(await refusal('GET', '/b/k?response-expires=a%0d%0aset-cookie:x')).toMatchObject({
      code: 'InvalidArgument',
    });
  });

  test.each([
    ['/src/a%2Fb%20c', { bucket: 'src', key: 'a/b c' }],
    ['src/a+b%2Bc', { bucket: 'src', key: 'a b+c' }],
    ['/src/a/../b', { bucket: 'src', key: 'a/../b' }],
    ['/src/k%3FversionId=1?versionId=CAE%2F', { bucket: 'src', key: 'k?versionId=1', versionId: 'CAE/' }],
  ])('the copy source %s', async (source, expected) => {
    expect(await decode('PUT', '/b/k', { 'x-oss-copy-source': source })).toMatchObject({
      operation: 'CopyObject',
      source: expected,
    });
  });

  test.each(['', '/', '//', '/src', '/src/', '//k', '/src/%ff', '/src/k?other=1', '/../x/k'])(
    'the copy source %j is refused',
    async (source) => {
      expect(await refusal('PUT', '/b/k', { 'x-oss-copy-source': source })).toMatchObject({ code: 'InvalidArgument' });
    },
  );

  test('the objects of a multi-delete: 1 to 1000, keys byte-exact', async () => {
    const document = (count: number): string =>
      `<Delete><Quiet>true</Quiet>${'<Object><Key> a&amp;&#x1; </Key></Object>'.repeat(count)}</Delete>`;
    expect(await decode('POST', '/b?delete', {}, document(2))).toMatchObject({
      quiet: true,
      objects: [{ key: ' a&\u0001 ' }, { key: ' a&\u0001 ' }],
    });
    for (const body of [document(0), document(1001), '<Delete>', '<Other/>', '<!DOCTYPE x><Delete/>'])
      expect(await refusal('POST', '/b?delete', {}, body)).toMatchObject({ code: 'MalformedXML' });
  });

  test('the parts of a complete ascend', async () => {
    const document = (...numbers: readonly number[]): string =>
      `<CompleteMultipartUpload>${numbers.map((one) => `<Part><PartNumber>${one}</PartNumber><ETag>"E"</ETag></Part>`).join('')}</CompleteMultipartUpload>`;
    expect(await decode('POST', '/b/k?uploadId=U', {}, document(1, 3))).toMatchObject({
      parts: [
        { partNumber: 1, etag: 'E' },
        { partNumber: 3, etag: 'E' },
      ],
    });
    expect(await refusal('POST', '/b/k?uploadId=U', {}, document(2, 1))).toMatchObject({ code: 'InvalidPartOrder' });
    for (const body of [document(), document(0), document(10_001)])
      expect(await refusal('POST', '/b/k?uploadId=U', {}, body)).toMatchObject({ code: 'MalformedXML' });
    expect(await decode('POST', '/b/k?uploadId=U', { 'x-oss-complete-all': 'yes' })).toMatchObject({ parts: 'all' });
    expect(await refusal('POST', '/b/k?uploadId=U', { 'x-oss-complete-all': 'yes' }, document(1))).toMatchObject({
      code: 'InvalidArgument',
    });
  });

  test('HEAD ?objectMeta is light', async () => {
    expect(await decode('HEAD', '/b/k?objectMeta')).toMatchObject({ operation: 'HeadObject', light: true });
  });
});

describe('client-side encryption', () => {
  const meta = (values: Readonly<Record<string, string>>): Record<string, string> =>
    Object.fromEntries(
      Object.entries(values).map(([name, value]) => [`x-oss-meta-client-side-encryption-${name}`, value]),
    );

  test('its metadata is carried byte-exact', async () => {
    const odd = Buffer.from('{"ä":"=="}', 'utf8').toString('latin1');
    expect(await decode('PUT', '/b/k', meta({ ...CSE, matdesc: odd }))).toMatchObject({
      metadata: { user: { 'client-side-encryption-matdesc': odd, 'client-side-encryption-key': 'K==' } },
    });
  });

  test.each(Object.keys(CSE))('without %s it is refused', async (missing) => {
    const headers = meta(Object.fromEntries(Object.entries(CSE).filter(([name]) => name !== missing)));
    expect(await refusal('PUT', '/b/k', headers)).toMatchObject({ code: 'InvalidEncryptionRequest' });
  });

  test('uploads name their sizes, parts keep to them', async () => {
    expect(await refusal('POST', '/b/k?uploads', meta(CSE))).toMatchObject({ code: 'InvalidEncryptionRequest' });
    expect(await refusal('POST', '/b/k?uploads', meta({ ...CSE, ...SIZES, 'part-size': '33' }))).toMatchObject({
      code: 'InvalidEncryptionRequest',
    });
    expect(await decode('POST', '/b/k?uploads', meta({ ...CSE, ...SIZES }))).toMatchObject({
      operation: 'CreateMultipartUpload',
    });
    const part = (number: number, length: number): [string, string, Record<string, string>, string] => [
      'PUT',
      `/b/k?uploadId=U&partNumber=${number}`,
      { ...meta({ ...CSE, ...SIZES }), 'content-length': String(length) },
      'x'.repeat(length),
    ];
    expect(await decode(...part(1, 32))).toMatchObject({
      repeatedMetadata: { 'client-side-encryption-part-size': '32' },
    });
    expect(await decode(...part(2, 8))).toMatchObject({ partNumber: 2 });
    for (const [number, length] of [
      [1, 31],
      [2, 32],
      [3, 8],
    ] as const)
      expect(await refusal(...part(number, length))).toMatchObject({ code: 'InvalidEncryptionRequest' });
  });

  test('a copy cannot change it, parts are not copied from it', async () => {
    const source = {
      user: Object.fromEntries(Object.entries(CSE).map(([name, value]) => [`client-side-encryption-${name}`, value])),
    };
    const copy = async (headers: Record<string, string>): Promise<StorageRequest<'CopyObject' | 'UploadPartCopy'>> =>
      (await decode('PUT', '/b/k', { 'x-oss-copy-source': '/b/k', ...headers })) as StorageRequest<'CopyObject'>;
    expect(oss.copyRefusal?.(await copy({}), source)).toBeUndefined();
    expect(
      oss.copyRefusal?.(await copy({ 'x-oss-metadata-directive': 'REPLACE', ...meta(CSE) }), source),
    ).toBeUndefined();
    expect(oss.copyRefusal?.(await copy({ 'x-oss-metadata-directive': 'REPLACE' }), source)?.code).toBe(
      'InvalidEncryptionRequest',
    );
    expect(
      oss.copyRefusal?.(await copy({ 'x-oss-metadata-directive': 'REPLACE', ...meta({ ...CSE, key: 'L==' }) }), source)
        ?.code,
    ).toBe('InvalidEncryptionRequest');
    const part = (await decode('PUT', '/b/k?uploadId=U&partNumber=1', {
      'x-oss-copy-source': '/b/k',
    })) as StorageRequest<'UploadPartCopy'>;
    expect(oss.copyRefusal?.(part, source)?.code).toBe('InvalidEncryptionRequest');
    expect(oss.copyRefusal?.(part, { user: {} })).toBeUndefined();
  });
});

describe('payload', () => {
  const md5 = (text: string): string => createHash('md5').update(text).digest('base64');
  const read = async (headers: HeaderLines, text: string): Promise<string> =>
    String(
      await readBounded(
        bodyOf(wireRequest({ method: 'PUT', target: '/b/k', headers, body: Buffer.from(text) })).bytes,
        100,
      ),
    );

  test('agrees with Content-MD5 and Content-Length, or ends in an error', async () => {
    expect(
      await read(
        [
          ['content-length', '5'],
          ['content-md5', md5('hello')],
        ],
        'hello',
      ),
    ).toBe('hello');
    await expect(
      read(
        [
          ['content-length', '5'],
          ['content-md5', md5('other')],
        ],
        'hello',
      ),
    ).rejects.toMatchObject({ code: 'BadDigest' });
    await expect(read([['content-length', '6']], 'hello')).rejects.toMatchObject({ code: 'IncompleteBody' });
    await expect(read([['content-length', '4']], 'hello')).rejects.toMatchObject({ code: 'IncompleteBody' });
    await expect(
      read(
        [
          ['content-length', '5'],
          ['content-md5', 'short'],
        ],
        'hello',
      ),
    ).rejects.toMatchObject({ code: 'InvalidDigest' });
    await expect(read([['content-length', '-5']], 'hello')).rejects.toMatchObject({ code: 'InvalidArgument' });
  });

  test('has no length when it is chunked, and none at all without headers', () => {
    const length = (headers: HeaderLines): number | undefined =>
      bodyOf(wireRequest({ method: 'PUT', target: '/b/k', headers })).length;
    expect(length([['transfer-encoding', 'chunked']])).toBeUndefined();
    expect(length([])).toBe(0);
  });

  test('a client that goes away mid-body leaves an incomplete one', async () => {
    const broken = Readable.from(
      (async function* () {
        await Promise.resolve();
        yield Buffer.from('he');
        throw new Error('reset');
      })(),
    );
    const wire = wireRequest({ method: 'PUT', target: '/b/k', headers: [['content-length', '5']], body: broken });
    await expect(readBounded(bodyOf(wire).bytes, 100)).rejects.toMatchObject({ code: 'IncompleteBody' });
  });
});

describe('bucket policies', () => {
  const statement = (changes: object): string =>
    JSON.stringify({
      Version: '1',
      Statement: [
        {
          Effect: 'Deny',
          Action: ['oss:*'],
          Principal: ['*'],
          Resource: ['acs:oss:*:*:b', 'acs:oss:*:*:b/*'],
          Condition: { Bool: { 'acs:SecureTransport': ['false'] } },
          ...changes,
        },
      ],
    });

  test('the documented HTTPS-only policy', () => {
    expect(oss.parseBucketPolicy(statement({}))).toEqual([
      {
        effect: 'Deny',
        principals: ['*'],
        actions: ['*'],
        resources: ['', '*'],
        conditions: [{ operator: 'bool', subject: 'secureTransport', values: ['false'] }],
      },
    ]);
  });

  test('a Deny of a part denies the whole, an Allow of a part allows nothing', () => {
    expect(oss.parseBucketPolicy(statement({ Action: 'oss:GetObject' }))[0]?.actions).toEqual(['read']);
    expect(oss.parseBucketPolicy(statement({ Effect: 'Allow', Action: 'oss:GetObject' }))[0]?.actions).toEqual([]);
    expect(oss.parseBucketPolicy(statement({ Effect: 'Allow', Action: 'oss:Get*' }))[0]?.actions).toEqual(['read']);
    expect(oss.parseBucketPolicy(statement({ Effect: 'Allow', Action: 'oss:Delete?bject*' }))[0]?.actions).toEqual([
      'delete',
    ]);
  });

  test.each([
    [statement({ NotAction: ['oss:*'] }), 'NotImplemented'],
    [statement({ Condition: { IpAddress: { 'acs:SourceIp': ['10.0.0.0/8'] } } }), 'NotImplemented'],
    [statement({ Effect: 'Maybe' }), 'MalformedPolicy'],
    [statement({ Condition: { Bool: { 'acs:SecureTransport': 'no' } } }), 'MalformedPolicy'],
    [statement({ Resource: 'arn:aws:s3:::b' }), 'MalformedPolicy'],
    ['{', 'MalformedPolicy'],
    ['{"Version":"2012-10-17","Statement":[]}', 'MalformedPolicy'],
  ])('%s is refused, never skipped', (document, code) => {
    expect(() => oss.parseBucketPolicy(document)).toThrow(expect.objectContaining({ code }) as Error);
  });

  /** A matcher that backtracks does not come back at all. */
  test('patterns do not backtrack', { timeout: 10_000 }, () => {
    const action = statement({ Action: `oss:${'*?'.repeat(12)}${'*'.repeat(40)}Z` });
    expect(() => oss.parseBucketPolicy(action)).toThrow(expect.objectContaining({ code: 'NotImplemented' }) as Error);
    const resource = statement({ Resource: `acs:oss:*:*:${'*a'.repeat(30)}b` });
    expect(() => oss.parseBucketPolicy(resource, { bucket: 'a'.repeat(63) })).toThrow(
      expect.objectContaining({ code: 'MalformedPolicy' }) as Error,
    );
    expect(
      oss.parseBucketPolicy(statement({ Action: 'oss:getobject', Resource: 'acs:oss:*:*:My*/x' }), {
        bucket: 'mybucket',
      }),
    ).toHaveLength(1);
  });
});

async function decode(
  method: string,
  target: string,
  headers: Readonly<Record<string, string>> = {},
  body?: string,
): Promise<StorageRequest> {
  return await oss.decodeRequest(verified(method, target, headers, body));
}

async function refusal(
  method: string,
  target: string,
  headers: Readonly<Record<string, string>> = {},
  body?: string,
): Promise<GatewayError> {
  try {
    await decode(method, target, headers, body);
  } catch (error) {
    if (error instanceof GatewayError) return error;
    throw error;
  }
  throw new Error(`${method} ${target} was not refused`);
}

/** What the verifier would hand over, path style. */
function verified(
  method: string,
  target: string,
  headers: Readonly<Record<string, string>> = {},
  body?: string,
): VerifiedRequest {
  const lines: HeaderLines = [
    ...(body === undefined || 'content-length' in headers ? [] : ([['transfer-encoding', 'chunked']] as const)),
    ...Object.entries(headers),
  ];
  const wire = wireRequest({
    method,
    target,
    headers: lines,
    ...(body === undefined ? {} : { body: Buffer.from(body) }),
  });
  const [, bucket, ...key] = wire.path.split('/');
  return {
    wire,
    accessKeyId: 'id',
    form: 'oss-v4',
    bucket: bucket === '' ? undefined : bucket,
    key: key.join('/') || undefined,
    body: bodyOf(wire),
  };
}
