import { createHash, randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { Sha256 } from '@aws-crypto/sha256-js';
import { SignatureV4 } from '@smithy/signature-v4';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { signS3 } from '../../src/dialects/s3/signature/sign.ts';
import { verifyS3 } from '../../src/dialects/s3/verification.ts';
import type { StoreTarget, UnsignedRequest } from '../../src/dialects/dialect.ts';
import { encodeComponent, encodePath } from '../../src/wire/percent-encoding.ts';
import { credentialOf, refusalOf, verifyContext, wireRequest } from '../unit/dialects/s3/signed-requests.ts';

interface Aws4 {
  sign(
    request: Record<string, unknown>,
    credentials: Record<string, string>,
  ): { readonly path: string; readonly headers: Record<string, string> };
}
const aws4 = createRequire(import.meta.url)('aws4') as Aws4;

const NOW = Date.UTC(2026, 10, 21, 17, 0, 0);
const secretAccessKey = randomBytes(30).toString('base64');
const client = credentialOf('CLIENT', secretAccessKey);
const context = verifyContext(NOW, [client]);
const smithy = new SignatureV4({
  credentials: { accessKeyId: 'CLIENT', secretAccessKey },
  region: 'cn-north-1',
  service: 's3',
  sha256: Sha256,
  uriEscapePath: false,
});

const HOST = 'storage.localhost:9000';
const segment = fc.oneof(
  fc.constantFrom('..', '.', '', '+', ' ', '%', '%2F', '~', "*'()!", '€', 'é', 'e\u0301', '😀', '&=?#', '\\', ';,:@$'),
  fc.string({ unit: 'grapheme', maxLength: 8 }).filter((text) => text.isWellFormed() && !text.includes('\0')),
);
const keys = fc
  .array(segment, { minLength: 1, maxLength: 6 })
  .map((parts) => parts.join('/'))
  .filter((key) => key !== '' && Buffer.byteLength(key) <= 1024);
const words = fc.array(fc.stringMatching(/^[!-~]{1,6}$/), { maxLength: 4 });
const headerValue = fc
  .tuple(words, fc.constantFrom(' ', '  ', '\t', ' \t '))
  .map(([parts, space]) => parts.join(space));
const headers = fc.dictionary(
  fc.constantFrom('x-amz-meta-a', 'x-amz-meta-b', 'x-amz-acl', 'content-type', 'range', 'x-amz-tagging'),
  headerValue,
);
const text = fc.string({ unit: 'grapheme', maxLength: 6 }).filter((value) => value.isWellFormed());
const names = text.filter(
  (name) => name !== '' && !/^(x-amz|x-oss|awsaccess|ossaccess)/i.test(name) && name !== '__proto__',
);
const query = fc.dictionary(names, fc.oneof(text, fc.array(text, { minLength: 2, maxLength: 3 })), { maxKeys: 4 });
const methods = fc.constantFrom('GET', 'PUT', 'HEAD', 'DELETE', 'POST');

interface SignedWire {
  readonly method: string;
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
}

function queryText(parameters: Readonly<Record<string, string | readonly string[]>>): string {
  return Object.entries(parameters)
    .flatMap(([name, values]) =>
      (Array.isArray(values) ? values : [values]).map((value: string) => [name, value] as const),
    )
    .map(([name, value]) => `${encodeComponent(name)}=${encodeComponent(value)}`)
    .join('&');
}

async function signedBySmithy(
  method: string,
  key: string,
  parameters: Readonly<Record<string, string | string[]>>,
  own: Readonly<Record<string, string>>,
): Promise<SignedWire> {
  const path = `/bucket/${encodePath(key)}`;
  const signed = await smithy.sign(
    {
      method,
      protocol: 'http:',
      hostname: 'storage.localhost',
      path,
      query: { ...parameters },
      headers: { ...own, host: HOST, 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' },
    },
    { signingDate: new Date(NOW) },
  );
  const rendered = queryText(parameters);
  return { method, target: rendered === '' ? path : `${path}?${rendered}`, headers: signed.headers };
}

function accepted(request: SignedWire) {
  return verifyS3(wireRequest(request), context);
}

/** Every single change to what was signed. */
function changesOf({ method, target, headers: own }: SignedWire): readonly SignedWire[] {
  const [path = '', parameters = ''] = target.split('?');
  const changed: SignedWire[] = [
    { method: method === 'GET' ? 'PUT' : 'GET', target, headers: own },
    { method, target: target.replace(path, `${path}x`), headers: own },
    { method, target: `/${target}`, headers: own },
    { method, target: `${target}${target.includes('?') ? '&' : '?'}versionId=1`, headers: own },
  ];
  for (const [index, parameter] of parameters.split('&').entries()) {
    if (parameter === '' || /^X-Amz-(Signature|Algorithm|Credential|Date|Expires|SignedHeaders)=/.test(parameter))
      continue;
    const others = parameters.split('&').map((other, at) => (at === index ? `${other}x` : other));
    changed.push({ method, target: `${path}?${others.join('&')}`, headers: own });
  }
  for (const [name, value] of Object.entries(own)) {
    if (name === 'authorization') continue;
    const other =
      name === 'x-amz-date' ? '20261121T170001Z' : name === 'x-amz-content-sha256' ? 'a'.repeat(64) : `${value}x`;
    changed.push({ method, target, headers: { ...own, [name]: other } });
  }
  return changed;
}

describe('what other implementations sign is accepted, and refused with one thing changed', () => {
  test('@smithy/signature-v4', async () => {
    await fc.assert(
      fc.asyncProperty(methods, keys, query, headers, async (method, key, parameters, own) => {
        const request = await signedBySmithy(method, key, parameters, own);
        const verified = accepted(request);
        expect(verified).toMatchObject({ bucket: 'bucket', key, accessKeyId: 'CLIENT', form: 'sigv4' });
        for (const changed of changesOf(request))
          expect(refusalOf(() => accepted(changed)).code).toBe('SignatureDoesNotMatch');
      }),
      { numRuns: 150 },
    );
  });

  test('aws4, in headers and presigned', () => {
    // aws4 reads `+` in a path as a space and drops `.`, so those keys are another signer's to test.
    const plain = keys.filter((key) => !key.split('/').includes('.') && !key.startsWith('/'));
    const single = fc.dictionary(names, text, { maxKeys: 3 });
    fc.assert(
      fc.property(methods, plain, single, headers, fc.boolean(), (method, key, parameters, own, signQuery) => {
        const rendered = queryText(parameters);
        const path = `/bucket/${encodePath(key)}`;
        const dated = signQuery ? { 'X-Amz-Date': '20261121T170000Z' } : {};
        const all = queryText({ ...parameters, ...dated });
        const request = aws4.sign(
          {
            service: 's3',
            region: 'eu-test-1',
            method,
            path: all === '' ? path : `${path}?${all}`,
            headers: { ...own, host: HOST, ...(signQuery ? {} : { 'x-amz-date': '20261121T170000Z' }) },
            signQuery,
          },
          { accessKeyId: 'CLIENT', secretAccessKey },
        );
        const lower = Object.fromEntries(
          Object.entries(request.headers).map(([name, value]) => [name.toLowerCase(), value]),
        );
        const wire = {
          method,
          target: signQuery ? request.path : rendered === '' ? path : `${path}?${rendered}`,
          headers: lower,
        };
        expect(accepted(wire).key).toBe(key);
        expect(refusalOf(() => accepted({ ...wire, target: wire.target.replace(path, `${path}x`) })).code).toBe(
          'SignatureDoesNotMatch',
        );
        expect(refusalOf(() => accepted({ ...wire, method: `X${method}` })).code).toBe('SignatureDoesNotMatch');
      }),
      { numRuns: 150 },
    );
  });

  test('@aws-sdk/s3-request-presigner', async () => {
    await fc.assert(
      fc.asyncProperty(keys, fc.boolean(), fc.boolean(), async (key, forcePathStyle, upload) => {
        const s3 = new S3Client({
          endpoint: `http://${HOST}`,
          region: 'eu-test-1',
          forcePathStyle,
          credentials: { accessKeyId: 'CLIENT', secretAccessKey },
        });
        const command = upload
          ? new PutObjectCommand({
              Bucket: 'bucket',
              Key: key,
              ServerSideEncryption: 'AES256',
              Metadata: { a: 'b  c' },
            })
          : new GetObjectCommand({ Bucket: 'bucket', Key: key, ResponseContentType: 'text/plain; x="+ é"' });
        const url = await getSignedUrl(s3, command, {
          signingDate: new Date(NOW),
          expiresIn: 600,
          ...(upload ? { unhoistableHeaders: new Set(['x-amz-server-side-encryption']) } : {}),
        });
        const [, host = '', target = ''] = /^http:\/\/([^/]+)(\/.*)$/.exec(url) ?? [];
        const request: SignedWire = {
          method: upload ? 'PUT' : 'GET',
          target,
          headers: { host, ...(upload ? { 'x-amz-server-side-encryption': 'AES256' } : {}) },
        };
        expect(accepted(request)).toMatchObject({ bucket: 'bucket', key, form: 'sigv4-presigned' });
        for (const changed of changesOf(request))
          expect(['SignatureDoesNotMatch', 'InvalidArgument']).toContain(refusalOf(() => accepted(changed)).code);
        if (upload)
          expect(refusalOf(() => accepted({ ...request, headers: { host } })).code).toBe('SignatureDoesNotMatch');
      }),
      { numRuns: 60 },
    );
  });
});

describe('what the store face signs', () => {
  const target: StoreTarget = {
    endpoint: 'https://s3.example.com',
    region: 'cn-north-1',
    addressing: 'path',
    credential: client,
    capabilities: { payload: 'unsigned' } as StoreTarget['capabilities'],
  };

  test('is what @smithy/signature-v4 signs', async () => {
    await fc.assert(
      fc.asyncProperty(methods, keys, query, headers, async (method, key, parameters, own) => {
        const request: UnsignedRequest = {
          method,
          path: `/bucket/${encodePath(key)}`,
          query: queryText(parameters),
          headers: Object.entries(own),
          body: undefined,
          host: HOST,
          bucket: 'bucket',
          key,
          bodyLength: undefined,
        };
        const signed = signS3(request, target, NOW);
        const reference = await smithy.sign(
          {
            method,
            protocol: 'https:',
            hostname: 'storage.localhost',
            path: request.path,
            query: { ...parameters },
            headers: {
              ...own,
              host: HOST,
              'x-amz-content-sha256': createHash('sha256').digest('hex'),
            },
          },
          { signingDate: new Date(NOW) },
        );
        const authorization = signed.headers.find(([name]) => name === 'authorization')?.[1];
        expect(authorization).toBe(reference.headers['authorization']);
        expect(signed.path).toBe(request.path);
        expect(signed.query).toBe(request.query);
      }),
      { numRuns: 100 },
    );
  });
});
