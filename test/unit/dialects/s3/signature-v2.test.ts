import { describe, expect, test } from 'vitest';
import { claimsS3, verifyS3 } from '../../../../src/dialects/s3/verification.ts';
import vectors from '../../../vectors/s3/signature-v2.json' with { type: 'json' };
import { credentialOf, readAll, refusalOf, refusalOfReading, verifyContext, wireRequest } from './signed-requests.ts';

const lasting = credentialOf(vectors.accessKeyId, vectors.secretAccessKey);
const temporary = credentialOf(vectors.accessKeyId, vectors.secretAccessKey, vectors.sessionToken);

interface Vector {
  readonly method: string;
  readonly target: string;
  readonly host: string;
  readonly token: boolean;
}

function request(vector: Vector, changes: { method?: string; target?: string; headers?: Record<string, string> } = {}) {
  return wireRequest({
    method: changes.method ?? vector.method,
    target: changes.target ?? vector.target,
    headers: { host: vector.host, ...changes.headers },
  });
}

function contextFor(vector: { token: boolean }, now = vectors.now) {
  return verifyContext(now, [vector.token ? temporary : lasting]);
}

function caseNamed(name: string): Vector {
  const found = vectors.cases.find((vector) => vector.name === name);
  if (found === undefined) throw new Error(`no vector ${name}`);
  return found;
}

describe('botocore’s presigned URLs', () => {
  test.each(vectors.cases)('$name is accepted', (vector) => {
    const verified = verifyS3(request(vector), contextFor(vector));
    expect(verified.form).toBe('sigv2-presigned');
    expect(verified.bucket).toBe(vector.bucket);
    expect(verified.key).toBe(vector.key ?? undefined);
    expect(claimsS3(request(vector))).toEqual({ accessKeyId: vectors.accessKeyId });
  });

  test.each(vectors.cases)('$name is refused with another method, path, secret, header, or later', (vector) => {
    const [path = '', query = ''] = vector.target.split('?');
    const changed = [
      request(vector, { method: vector.method === 'GET' ? 'PUT' : 'GET' }),
      request(vector, { target: `${path}x?${query}` }),
      request(vector, { headers: { 'x-amz-acl': 'public-read' } }),
      request(vector, { target: `${vector.target}&acl` }),
      request(vector, { target: `${vector.target}&x-amz-acl=public-read` }),
    ];
    for (const wire of changed)
      expect(refusalOf(() => verifyS3(wire, contextFor(vector))).code).toBe('SignatureDoesNotMatch');
    const other = credentialOf(vectors.accessKeyId, 'another');
    expect(refusalOf(() => verifyS3(request(vector), verifyContext(vectors.now, [other]))).code).toBe(
      'SignatureDoesNotMatch',
    );
    expect(verifyS3(request(vector), contextFor(vector, vectors.expires)).form).toBe('sigv2-presigned');
    expect(refusalOf(() => verifyS3(request(vector), contextFor(vector, vectors.expires + 1)))).toMatchObject({
      code: 'AccessDenied',
      message: 'Request has expired',
    });
  });
});

describe('SigV2 limits', () => {
  const vector = caseNamed('path get plain.txt');

  test('a listener may deny it, in AWS’s words', () => {
    const denying = verifyContext(vectors.now, [lasting], { signatures: { ossV1: 'allow', sigV2: 'deny' } });
    expect(refusalOf(() => verifyS3(request(vector), denying))).toMatchObject({
      code: 'InvalidRequest',
      message: 'The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.',
    });
  });

  test.each(['encryption', 'encryption=', 'attributes', 'publicAccessBlock', 'anything=1'])(
    'an appended %s, which SigV2 does not sign, is refused',
    (parameter) => {
      const wire = request(vector, { target: `${vector.target}&${parameter}` });
      expect(refusalOf(() => verifyS3(wire, contextFor(vector))).code).toBe('InvalidRequest');
    },
  );

  test('values that the signed string could show in two ways are refused', () => {
    const override = caseNamed('path response overrides');
    for (const [from, to] of [
      ['response-content-type=text%2Fplain', 'response-content-type=text%2Fplain%26versionId%3D1'],
      ['response-content-type=text%2Fplain', 'x-amz-meta-a=b%0Ax-amz-acl%3Apublic-read'],
    ] as const) {
      const wire = request(override, { target: override.target.replace(from, to) });
      expect(wire.target).toContain(to);
      expect(refusalOf(() => verifyS3(wire, contextFor(override))).code).toBe('InvalidArgument');
    }
  });

  test('unknown keys, missing parameters and bad expiries are refused', () => {
    expect(refusalOf(() => verifyS3(request(vector), verifyContext(vectors.now, []))).code).toBe('InvalidAccessKeyId');
    for (const target of [
      vector.target.replace(/&Expires=\d+/, ''),
      vector.target.replace(/Expires=\d+/, 'Expires=soon'),
      `${vector.target}&Expires=99999999999`,
    ])
      expect(refusalOf(() => verifyS3(request(vector, { target }), contextFor(vector))).code).toBe('AccessDenied');
  });

  /** A request of the largest head costs a tenth of a second where every name is looked for in the whole query. */
  test('many parameters cost no more than their length', { timeout: 10_000 }, () => {
    const many = Array.from({ length: 1300 }, (_, index) => `&x-amz-a${index}`).join('');
    const wire = request(vector, { target: vector.target + many });
    for (let round = 0; round < 500; round++)
      expect(refusalOf(() => verifyS3(wire, contextFor(vector))).code).toBe('SignatureDoesNotMatch');
  });

  test('the token belongs to its credential', () => {
    const withToken = caseNamed('path token');
    expect(refusalOf(() => verifyS3(request(withToken), verifyContext(vectors.now, [lasting]))).code).toBe(
      'InvalidSecurityToken',
    );
    expect(refusalOf(() => verifyS3(request(vector), verifyContext(vectors.now, [temporary]))).code).toBe(
      'InvalidSecurityToken',
    );
  });

  test('a Content-MD5 that the URL carries is held against the body', async () => {
    const put = caseNamed('path put with md5');
    expect((await readAll(verifyS3(request(put), contextFor(put)).body.bytes)).length).toBe(0);
    const wire = wireRequest({ ...put, headers: { host: put.host, 'content-length': '1' }, body: [Buffer.from('x')] });
    expect((await refusalOfReading(verifyS3(wire, contextFor(put)).body.bytes)).code).toBe('BadDigest');
  });

  test('a signed value that a header contradicts is refused', () => {
    const put = caseNamed('path put with type and encryption');
    const wire = request(put, { headers: { 'x-amz-server-side-encryption': 'aws:kms' } });
    expect(refusalOf(() => verifyS3(wire, contextFor(put))).code).toBe('InvalidArgument');
    const same = request(put, { headers: { 'x-amz-server-side-encryption': 'AES256', 'content-type': 'text/plain' } });
    expect(verifyS3(same, contextFor(put)).form).toBe('sigv2-presigned');
  });
});
