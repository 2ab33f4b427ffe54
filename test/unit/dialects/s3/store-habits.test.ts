import { describe, expect, test } from 'vitest';
import { s3 } from '../../../../src/dialects/s3/index.ts';
import type { OperationName, StorageRequest } from '../../../../src/model/operations.ts';
import type { WireResponse } from '../../../../src/wire/message.ts';
import { TARGET, refusal, stream } from './requests.ts';

const REF = { bucket: 'b', key: 'k' };
const READ = { ...REF, conditions: {}, checksumMode: false, overrides: {} };
const GET: StorageRequest<'GetObject'> = { operation: 'GetObject', ...READ };
const HEAD: StorageRequest<'HeadObject'> = { operation: 'HeadObject', ...READ };
const WRITE = { ...REF, wish: { state: 'absent' }, metadata: { user: {} }, conditions: {} } as const;
const COPY: StorageRequest<'CopyObject'> = {
  operation: 'CopyObject',
  ...WRITE,
  source: REF,
  sourceConditions: {},
  metadataDirective: 'COPY',
  taggingDirective: 'COPY',
};
const POLICY = { operation: 'GetBucketPolicy', bucket: 'b' } as const;
const ATTRIBUTES = {
  operation: 'GetObjectAttributes',
  ...REF,
  attributes: [],
  maxParts: 1,
  partNumberMarker: 0,
} as const;
const DELETES: StorageRequest<'DeleteObjects'> = {
  operation: 'DeleteObjects',
  bucket: 'b',
  objects: [{ key: 'x' }, { key: 'y' }, { key: 'z' }],
  quiet: false,
};

function answer(status: number, headers: Readonly<Record<string, string>>, body = ''): WireResponse {
  return { status, headers: Object.entries(headers), body: stream(Buffer.from(body)) };
}

function error(status: number, code: string, message = ''): WireResponse {
  return answer(status, {}, `<Error><Code>${code}</Code><Message>${message}</Message></Error>`);
}

const asked = <N extends OperationName>(request: StorageRequest<N>, response: WireResponse) =>
  s3.decodeResponse(request, response);

describe('a status is not a reason', () => {
  test.each([
    ['a KMS key that is lost, reading', GET, error(404, 'kms:KeyNotFound'), 'KMS.NotFoundException'],
    ['a KMS key that is lost, copying', COPY, error(404, 'kms:KeyNotFound'), 'KMS.NotFoundException'],
    [
      'a KMS key that is lost, for a bucket',
      { operation: 'DeleteBucketEncryption', bucket: 'b' },
      error(404, 'kms:KeyNotFound'),
      'KMS.NotFoundException',
    ],
    [
      'a KMS key that is lost, by HEAD',
      HEAD,
      answer(404, { 'x-minio-error-code': 'kms:KeyNotFound', 'x-minio-error-desc': '"gone"' }),
      'KMS.NotFoundException',
    ],
    ['a KMS that denies', GET, error(403, 'kms:NotAuthorized'), 'AccessDenied'],
    ['a KMS that is away', GET, error(500, 'kms:DecryptionFailed'), 'ServiceUnavailable'],
    ['a code that nobody knows', GET, error(404, 'XNoSuchThing'), 'InvalidRequest'],
    ['a code that nobody knows, of a policy', POLICY, error(404, 'XNoSuchThing'), 'InvalidRequest'],
    ['another word for no policy', POLICY, error(404, 'NoSuchPolicy'), 'NoSuchBucketPolicy'],
    ['a page of a proxy', GET, answer(404, {}, '<html><body>404 Not Found</body></html>'), 'ServiceUnavailable'],
    ['a page of a proxy, for a policy', POLICY, answer(404, {}, 'no such route'), 'ServiceUnavailable'],
    ['a bucket that is gone, by HEAD', HEAD, answer(404, { 'x-minio-error-code': 'NoSuchBucket' }), 'NoSuchBucket'],
    [
      'an upload that is gone',
      { operation: 'ListParts', ...REF, uploadId: 'u', maxParts: 1, partNumberMarker: 0 },
      error(404, 'NoSuchUpload'),
      'NoSuchUpload',
    ],
    ['nothing but a status', GET, answer(404, {}), 'NoSuchKey'],
    ['a code that says no more than the status', GET, error(404, '404'), 'NoSuchKey'],
    ['another that says no more', GET, error(404, 'NotFound'), 'NoSuchKey'],
  ] as const)('%s', async (_name, request, response, code) => {
    const failure = await refusal(() => asked(request as StorageRequest<'GetObject'>, response));
    expect(failure.code).toBe(code);
    expect(failure.message).not.toBe('');
  });

  test('a store`s sentence about the gateway`s own account stays here', async () => {
    const arn = 'User: arn:aws:iam::123456789012:user/gateway is not authorized to perform: s3:PutObject';
    for (const code of ['AccessDenied', 'KMS.AccessDeniedException', 'InvalidRequest', 'InvalidArgument'])
      expect((await refusal(() => asked(GET, error(403, code, arn)))).message).not.toMatch(/arn|123456789012/);
    const address = 'Please use http://10.1.2.3:9000/store-bucket instead';
    expect((await refusal(() => asked(GET, error(400, 'InvalidRequest', address)))).message).not.toContain('10.1.2.3');
  });
});

describe('odd answers that do no harm', () => {
  const about = { etag: '"e"', 'last-modified': 'Sat, 21 Nov 2026 17:00:00 GMT' };

  test.each([GET, HEAD])('$operation: a range of an empty object', async (request) => {
    const suffix = { ...request, range: { kind: 'suffix', length: 8 } } as const;
    for (const headers of [{ 'content-range': 'bytes 0--1/0' }, {}])
      expect(
        (await refusal(() => asked(suffix, answer(206, { ...about, ...headers, 'content-length': '0' })))).code,
      ).toBe('InvalidRange');
    // MinIO answers the only part of an empty object so.
    const part = await asked({ ...request, partNumber: 1 }, answer(206, { ...about, 'content-length': '0' }));
    expect([part.size, part.range]).toEqual([0, undefined]);
    expect((await asked(suffix, answer(200, { ...about, 'content-length': '0' }))).size).toBe(0);
  });

  test('spellings of a range', async () => {
    const range = { kind: 'from', first: 2, last: 4 } as const;
    for (const said of ['bytes 2-4/10', 'Bytes 2-4/10', 'bytes=2-4/10'])
      expect(
        await asked({ ...GET, range }, answer(206, { ...about, 'content-length': '3', 'content-range': said }, 'cde')),
      ).toMatchObject({ size: 10, range: { first: 2, last: 4 } });
  });

  test('a time in no form that anybody reads', async () => {
    const when = { ...about, 'last-modified': 'yesterday', 'content-length': '3' };
    expect(await asked(HEAD, answer(200, when))).toMatchObject({ size: 3, lastModified: 0 });
  });

  test('versitygw keeps the token of the transfer', async () => {
    const coding = async (said: string): Promise<string | undefined> =>
      (await asked(HEAD, answer(200, { ...about, 'content-length': '3', 'content-encoding': said }))).metadata
        .contentEncoding;
    expect([
      await coding('aws-chunked,gzip'),
      await coding('aws-chunked, deflate, gzip'),
      await coding('aws-chunked'),
      await coding('gzip'),
      await coding('deflate ,gzip'),
    ]).toEqual(['gzip', 'deflate, gzip', undefined, 'gzip', 'deflate ,gzip']);
  });

  test('roots by other names, and times in other forms', async () => {
    const document =
      '<getObjectAttributesResponse><ETag>e</ETag><ObjectSize>4</ObjectSize></getObjectAttributesResponse>';
    // What MinIO and what versitygw answer.
    const minio = answer(200, { 'last-modified': 'Tue, 01 Dec 2026 15:18:57 GMT' }, document);
    const versity = answer(200, { 'last-modified': 'Tue Dec  1 15:18:57 2026' }, document.replaceAll('getO', 'GetO'));
    for (const said of [minio, versity])
      expect(await asked(ATTRIBUTES, said)).toMatchObject({ size: 4, lastModified: Date.UTC(2026, 11, 1, 15, 18, 57) });
    expect(await asked(COPY, answer(200, {}, '<CopyObjectResult><ETag>"e"</ETag></CopyObjectResult>'))).toMatchObject({
      etag: 'e',
    });
    const location = { operation: 'GetBucketLocation', bucket: 'b' } as const;
    for (const said of [
      '<LocationConstraint>eu-1</LocationConstraint>',
      '<GetBucketLocationOutput><LocationConstraint>eu-1</LocationConstraint></GetBucketLocationOutput>',
    ])
      expect(await asked(location, answer(200, {}, said))).toEqual({ region: 'eu-1' });
    expect(await asked(location, answer(200, {}))).toEqual({ region: 'us-east-1' });
  });

  test('nothing where there is nothing to say', async () => {
    expect(await asked({ operation: 'GetBucketVersioning', bucket: 'b' }, answer(200, {}))).toEqual({
      status: undefined,
    });
    expect(await asked({ operation: 'GetObjectTagging', ...REF }, answer(200, {}))).toEqual({ tags: {} });
  });

  test('a store that answers with the object has no attributes to tell', async () => {
    const attributes = { ...ATTRIBUTES, attributes: ['ETag'] };
    for (const object of ['plain bytes', '<html></html>', ''])
      expect((await refusal(() => asked(attributes, answer(200, about, object)))).code).toBe('NotImplemented');
  });

  test('another question`s answer is still none', async () => {
    for (const operation of ['GetBucketEncryption', 'GetBucketVersioning', 'GetBucketAcl'] as const)
      expect(
        (await refusal(() => asked({ operation, bucket: 'b' }, answer(200, {}, '<ListBucketResult/>')))).code,
      ).toBe('InternalError');
  });

  test('a page of parts that does not say where the next begins', async () => {
    const list = { operation: 'ListParts', ...REF, uploadId: 'u', maxParts: 1, partNumberMarker: 0 } as const;
    const page = (more: string): WireResponse =>
      answer(
        200,
        {},
        `<ListPartsResult><IsTruncated>true</IsTruncated>${more}<Part><PartNumber>7</PartNumber><Size>1</Size></Part></ListPartsResult>`,
      );
    for (const more of ['', '<NextPartNumberMarker></NextPartNumberMarker>'])
      expect(await asked(list, page(more))).toMatchObject({ truncated: true, nextPartNumberMarker: 7 });
  });
});

describe('deletes', () => {
  test('what became of each key, markers included', async () => {
    const said =
      '<DeleteResult><Deleted><Key>x</Key><DeleteMarker>true</DeleteMarker><DeleteMarkerVersionId>m</DeleteMarkerVersionId></Deleted>' +
      '<Error><Key>y</Key><Code>AccessDenied</Code><Message>arn:aws:iam::1:user/x may not</Message></Error></DeleteResult>';
    const { deleted, errors } = await asked(DELETES, answer(200, {}, said));
    expect(deleted).toEqual([{ key: 'x', deleteMarker: true, markerVersionId: 'm' }]);
    expect(JSON.stringify(errors)).not.toContain('arn');
    expect(errors.map(({ key, code }) => [key, code])).toEqual([
      ['y', 'AccessDenied'],
      // Not named: nobody can say that it was deleted.
      ['z', 'InternalError'],
    ]);
  });
});

describe('documents with a client`s text', () => {
  test('a part`s tag that no document can hold is no part`s', () => {
    const complete = {
      operation: 'CompleteMultipartUpload',
      ...REF,
      uploadId: 'u',
      parts: [{ partNumber: 1, etag: 'bell\u0007' }],
      conditions: {},
    } as const;
    expect(() => s3.encodeRequest(complete, TARGET)).toThrow(expect.objectContaining({ code: 'InvalidPart' }) as Error);
  });

  test('nor is such a region one', () => {
    const create = { operation: 'CreateBucket', bucket: 'b', wish: { state: 'absent' }, location: 'eu\u0007' } as const;
    expect(() => s3.encodeRequest(create, TARGET)).toThrow(
      expect.objectContaining({ code: 'IllegalLocationConstraintException' }) as Error,
    );
  });
});
