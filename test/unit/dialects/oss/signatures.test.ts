import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { oss } from '../../../../src/dialects/oss/index.ts';
import { signatureV1, stringToSignV1 } from '../../../../src/dialects/oss/signature/v1.ts';
import { canonicalRequestV4, signatureV4, stringToSignV4 } from '../../../../src/dialects/oss/signature/v4.ts';
import { parseBasicDate, parseHttpDate } from '../../../../src/wire/http-date.ts';
import type { HeaderLines } from '../../../../src/wire/message.ts';
import { encodeComponent, encodePath } from '../../../../src/wire/percent-encoding.ts';
import { credential, verifyContext, wireRequest } from './wire-request.ts';

interface Vector {
  readonly name: string;
  readonly expect: string;
  readonly version: 'v1' | 'v4';
  readonly method?: string;
  readonly bucket?: string;
  readonly key?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly ak: string;
  readonly sk: string;
  readonly datetime?: string;
  readonly region?: string;
  readonly product?: string;
  readonly additionalHeaders?: readonly string[];
  readonly canonicalRequest?: string;
  readonly stringToSign: string;
  readonly expires?: string | null;
}

const VECTORS = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../../vectors/oss/signatures.json'), 'utf8'),
) as readonly Vector[];
const REQUESTS = VECTORS.filter((vector) => vector.method !== undefined);

describe('published OSS signatures', () => {
  test('all seventeen are here', () => {
    expect(VECTORS).toHaveLength(17);
    expect(REQUESTS).toHaveLength(16);
  });

  test.each(VECTORS.filter(({ version }) => version === 'v1'))('V1 signs the string of $name', (vector) => {
    expect(signatureV1(vector.sk, vector.stringToSign)).toBe(vector.expect);
  });

  test.each(REQUESTS.filter(({ version }) => version === 'v1'))('V1 builds the string of $name', (vector) => {
    const headers = linesOf(vector);
    const date = vector.expires ?? vector.headers?.['x-oss-date'] ?? '';
    expect(stringToSignV1({ ...signableOf(vector), headers, date, list: 'union' })).toBe(vector.stringToSign);
  });

  test.each(REQUESTS.filter(({ version }) => version === 'v4'))('V4 builds every stage of $name', (vector) => {
    const scope = {
      date: (vector.datetime ?? '').slice(0, 8),
      region: vector.region ?? '',
      product: vector.product ?? '',
    };
    const canonical = canonicalRequestV4({
      ...signableOf(vector),
      headers: linesOf(vector),
      additionalHeaders: vector.additionalHeaders ?? [],
    });
    expect(canonical).toBe(vector.canonicalRequest);
    const stringToSign = stringToSignV4(vector.datetime ?? '', scope, canonical);
    expect(stringToSign).toBe(vector.stringToSign);
    expect(signatureV4(vector.sk, scope, stringToSign)).toBe(vector.expect);
  });

  test.each(REQUESTS)('the verifier opens $name and nothing like it', (vector) => {
    const known = credential(vector.ak, vector.sk, tokenOf(vector));
    const context = verifyContext(known, timeOf(vector));
    const verified = oss.verify(requestOf(vector), context);
    expect({ bucket: verified.bucket, key: verified.key ?? '' }).toEqual({ bucket: vector.bucket, key: vector.key });
    expect(() => oss.verify(requestOf({ ...vector, method: 'DELETE' }), context)).toThrow(/signature/);
    expect(() => oss.verify(requestOf({ ...vector, key: `${vector.key ?? ''}x` }), context)).toThrow(/signature/);
    expect(() => oss.verify(requestOf({ ...vector, bucket: 'another' }), context)).toThrow(/signature/);
    expect(() =>
      oss.verify(requestOf({ ...vector, headers: { ...vector.headers, 'x-oss-acl': 'private' } }), context),
    ).toThrow(/signature/);
    expect(() => oss.verify(requestOf({ ...vector, query: { ...vector.query, uploads: '' } }), context)).toThrow(
      /signature/,
    );
    expect(() =>
      oss.verify(requestOf(vector), verifyContext(credential(vector.ak, 'other', tokenOf(vector)), timeOf(vector))),
    ).toThrow(/signature/);
  });

  test('the store signer makes what the vector makes', () => {
    const now = Date.UTC(2023, 11, 17, 3, 47, 36);
    const target = {
      endpoint: 'https://oss-cn-hangzhou.aliyuncs.com',
      region: 'cn-hangzhou',
      addressing: 'virtual' as const,
      credential: credential('ak', 'sk', 'token'),
      capabilities: {} as never,
    };
    const vector = VECTORS.find(({ name }) => name === 'v4-header-token');
    const signed = oss.sign(
      {
        method: 'PUT',
        path: '/1234%2B-/123/1.txt',
        query: queryText(vector?.query ?? {}),
        headers: [
          ['x-oss-head1', 'value'],
          ['abc', 'value'],
          ['content-type', 'text/plain'],
        ],
        host: 'bucket.oss-cn-hangzhou.aliyuncs.com',
        bucket: 'bucket',
        key: '1234+-/123/1.txt',
        body: undefined,
        bodyLength: undefined,
      },
      target,
      now,
    );
    expect(signed.headers.find(([name]) => name === 'authorization')?.[1]).toBe(
      `OSS4-HMAC-SHA256 Credential=ak/20231217/cn-hangzhou/oss/aliyun_v4_request,Signature=${vector?.expect ?? ''}`,
    );
  });
});

function signableOf(vector: Vector): {
  method: string;
  bucket: string | undefined;
  key: string | undefined;
  parameters: { name: string; value: string }[];
} {
  return {
    method: vector.method ?? '',
    bucket: vector.bucket,
    key: vector.key === '' ? undefined : vector.key,
    parameters: Object.entries(vector.query ?? {}).map(([name, value]) => ({ name, value })),
  };
}

function linesOf(vector: Vector): HeaderLines {
  return Object.entries(vector.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value] as const);
}

function requestOf(vector: Vector): ReturnType<typeof wireRequest> {
  const query = { ...vector.query };
  const headers: [string, string][] = linesOf(vector).map(([name, value]) => [name, value]);
  const additional = vector.additionalHeaders ?? [];
  if (vector.version === 'v1' && typeof vector.expires === 'string')
    Object.assign(query, { OSSAccessKeyId: vector.ak, Expires: vector.expires, Signature: vector.expect });
  else if (vector.version === 'v1') headers.push(['authorization', `OSS ${vector.ak}:${vector.expect}`]);
  else if (query['x-oss-signature-version'] !== undefined) query['x-oss-signature'] = vector.expect;
  else {
    const scope = `${(vector.datetime ?? '').slice(0, 8)}/${vector.region ?? ''}/${vector.product ?? ''}/aliyun_v4_request`;
    const list = additional.length === 0 ? '' : `,AdditionalHeaders=${additional.join(';')}`;
    headers.push([
      'authorization',
      `OSS4-HMAC-SHA256 Credential=${vector.ak}/${scope}${list},Signature=${vector.expect}`,
    ]);
  }
  const text = queryText(query);
  return wireRequest({
    method: vector.method ?? '',
    target: `/${vector.bucket ?? ''}/${encodePath(vector.key ?? '')}${text === '' ? '' : `?${text}`}`,
    headers,
  });
}

function queryText(query: Readonly<Record<string, string>>): string {
  return Object.entries(query)
    .map(([name, value]) =>
      value === '' ? encodeComponent(name) : `${encodeComponent(name)}=${encodeComponent(value)}`,
    )
    .join('&');
}

function tokenOf(vector: Vector): string | undefined {
  return (
    vector.headers?.['x-oss-security-token'] ??
    vector.query?.['x-oss-security-token'] ??
    vector.query?.['security-token']
  );
}

function timeOf(vector: Vector): number {
  if (typeof vector.expires === 'string') return Number(vector.expires) * 1000 - 60_000;
  return parseBasicDate(vector.datetime ?? '') ?? parseHttpDate(vector.headers?.['x-oss-date'] ?? '') ?? 0;
}
