import { createHash, randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encode, encodePath, timestamp } from '../../../load/lib/credentials.ts';
import { signOss4 } from '../../../load/lib/oss4.ts';
import { signSigV4 } from '../../../load/lib/sigv4.ts';

const require = createRequire(import.meta.url);
const aws4 = require('aws4') as {
  sign(request: object, credentials: object): { readonly headers: Readonly<Record<string, string>> };
};
const aliSigner = require('ali-oss/lib/common/signUtils') as {
  authorizationV4(
    accessKeyId: string,
    accessKeySecret: string,
    region: string,
    method: string,
    request: { readonly headers: object; readonly queries: object },
    bucket: string,
    key: string,
  ): string;
};

const CREDENTIALS = {
  accessKeyId: 'LOADER',
  secretAccessKey: randomBytes(30).toString('base64'),
  region: 'cn-hangzhou',
};
const NOW = new Date(Date.UTC(2026, 10, 21, 17, 0, 0));

const segment = fc.oneof(
  fc.constantFrom('+', '~', "*'()!", '€', 'é', '😀', ' ', 'a&b=c', 'index.html', ';,:@$'),
  fc.stringMatching(/^[A-Za-z0-9._~-]{1,12}$/).filter((text) => text !== '.' && text !== '..'),
);
const key = fc.array(segment, { minLength: 1, maxLength: 4 }).map((segments) => segments.join('/'));
const value = fc.stringMatching(/^[A-Za-z0-9/+=_-]{1,20}$/);
// Names in plain ASCII: the signers sort before or after encoding, which only shows beyond it.
const query = fc.dictionary(fc.constantFrom('partNumber', 'uploadId', 'prefix', 'marker', 'versionId'), value, {
  noNullPrototype: true,
});

describe('requests of the load scripts', () => {
  test('are signed for S3 as aws4 signs them', () => {
    const metadata = fc.dictionary(fc.constantFrom('x-amz-meta-a', 'x-amz-meta-b', 'content-type'), value, {
      noNullPrototype: true,
    });
    fc.assert(
      fc.property(fc.constantFrom('GET', 'PUT', 'HEAD'), key, query, metadata, (method, name, queries, headers) => {
        const payloadHash = createHash('sha256').update(name).digest('hex');
        const signed = signSigV4(
          { method, host: '127.0.0.1:9000', path: `/bucket/${name}`, query: queries, headers, payloadHash },
          CREDENTIALS,
          NOW,
        );
        const target = Object.entries(queries)
          .map(([field, text]) => `${encode(field)}=${encode(text)}`)
          .join('&');
        const expected = aws4.sign(
          {
            service: 's3',
            region: CREDENTIALS.region,
            method,
            host: '127.0.0.1:9000',
            path: `${encodePath(`/bucket/${name}`)}${target === '' ? '' : `?${target}`}`,
            headers: { ...headers, 'X-Amz-Date': timestamp(NOW), 'X-Amz-Content-Sha256': payloadHash },
          },
          CREDENTIALS,
        );
        expect(signed['authorization']).toBe(expected.headers['Authorization']);
      }),
    );
  });

  test('are signed for OSS as ali-oss signs them', () => {
    const metadata = fc.dictionary(
      fc.constantFrom('x-oss-meta-a', 'x-oss-object-acl', 'content-type', 'content-md5', 'cache-control'),
      value,
      { noNullPrototype: true },
    );
    fc.assert(
      fc.property(fc.constantFrom('GET', 'PUT', 'HEAD'), key, query, metadata, (method, name, queries, headers) => {
        const signed = signOss4({ method, bucket: 'bucket', key: name, query: queries, headers }, CREDENTIALS, NOW);
        const { authorization, ...sent } = signed;
        const { accessKeyId, secretAccessKey, region } = CREDENTIALS;
        const request = { headers: sent, queries };
        expect(authorization).toBe(
          aliSigner.authorizationV4(accessKeyId, secretAccessKey, region, method, request, 'bucket', name),
        );
      }),
    );
  });
});
