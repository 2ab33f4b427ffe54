import * as sdk from '@aws-sdk/client-s3';
import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { s3 } from '../../../../src/dialects/s3/index.ts';
import { createBody } from '../../../../src/dialects/s3/payload/payload.ts';
import { GatewayError } from '../../../../src/model/errors.ts';
import type { HeaderLines } from '../../../../src/wire/message.ts';
import { customerHeaders, verified, type Sketch } from './requests.ts';

/**
 * What becomes of every header that S3's API model binds to a write.
 *
 * - `honoured`: it changes what the request means in the model
 * - `payload`: it is judged against the bytes of the body (payload.ts)
 * - `owner`: it is compared before the request is decoded (expected-owner.ts)
 * - `acl`: ACLs have a table of their own
 * - `hint`: it asks for nothing that could be lost; HINTS says why
 * - a code: it is refused with it
 */
type Effect = 'honoured' | 'payload' | 'owner' | 'acl' | 'hint' | 'NotImplemented';

const HINTS: Readonly<Record<string, string>> = {
  'x-amz-request-payer': 'the requester agrees to pay, and nobody charges',
  'x-amz-server-side-encryption-bucket-key-enabled':
    'how the key is reached, not what protects the object; remote stores without bucket keys refuse it, answers never claim it',
  'x-amz-bypass-governance-retention': 'leave that is not passed on: what the store has locked stays, and says so',
  'x-amz-confirm-remove-self-bucket-access': 'a policy takes nobody the right to change it here',
  'x-amz-metadata-directive': 'COPY is what happens anyway',
};

const OBJECT: Readonly<Record<string, Effect>> = {
  'cache-control': 'honoured',
  'content-disposition': 'honoured',
  'content-encoding': 'honoured',
  'content-language': 'honoured',
  'content-type': 'honoured',
  expires: 'honoured',
  'if-match': 'honoured',
  'if-none-match': 'honoured',
  'x-amz-meta-*': 'honoured',
  'x-amz-server-side-encryption': 'honoured',
  'x-amz-server-side-encryption-aws-kms-key-id': 'honoured',
  'x-amz-server-side-encryption-context': 'honoured',
  'x-amz-server-side-encryption-bucket-key-enabled': 'honoured',
  'x-amz-storage-class': 'honoured',
  'x-amz-tagging': 'honoured',
  'x-amz-website-redirect-location': 'honoured',
  'x-amz-object-lock-mode': 'NotImplemented',
  'x-amz-object-lock-retain-until-date': 'NotImplemented',
  'x-amz-object-lock-legal-hold': 'NotImplemented',
  'x-amz-object-lock-event-hold': 'NotImplemented',
  'x-amz-object-lock-event-hold-duration-days': 'NotImplemented',
  'x-amz-object-lock-event-hold-duration-years': 'NotImplemented',
};
const SUMS: Readonly<Record<string, Effect>> = {
  'content-length': 'payload',
  'content-md5': 'payload',
  'x-amz-sdk-checksum-algorithm': 'payload',
  ...Object.fromEntries(
    ['crc32', 'crc32c', 'crc64nvme', 'sha1', 'sha256', 'sha512', 'md5'].map((name) => [
      `x-amz-checksum-${name}`,
      'payload' as const,
    ]),
  ),
  'x-amz-checksum-xxhash64': 'NotImplemented',
  'x-amz-checksum-xxhash3': 'NotImplemented',
  'x-amz-checksum-xxhash128': 'NotImplemented',
};
const KEY: Readonly<Record<string, Effect>> = {
  'x-amz-server-side-encryption-customer-algorithm': 'honoured',
  'x-amz-server-side-encryption-customer-key': 'honoured',
  'x-amz-server-side-encryption-customer-key-md5': 'honoured',
};
const SOURCE: Readonly<Record<string, Effect>> = {
  'x-amz-copy-source': 'honoured',
  'x-amz-copy-source-if-match': 'honoured',
  'x-amz-copy-source-if-modified-since': 'honoured',
  'x-amz-copy-source-if-none-match': 'honoured',
  'x-amz-copy-source-if-unmodified-since': 'honoured',
  'x-amz-copy-source-server-side-encryption-customer-algorithm': 'honoured',
  'x-amz-copy-source-server-side-encryption-customer-key': 'honoured',
  'x-amz-copy-source-server-side-encryption-customer-key-md5': 'honoured',
};

interface Write {
  readonly sketch: Sketch;
  readonly effects: Readonly<Record<string, Effect>>;
}

const at = { bucket: 'bucket', key: 'k' };
const DELETE = '<Delete><Object><Key>k</Key></Object></Delete>';
const COPY: HeaderLines = [['x-amz-copy-source', '/bucket/source']];
const WRITES: Readonly<Record<string, Write>> = {
  PutObject: {
    sketch: { method: 'PUT', ...at },
    effects: { ...OBJECT, ...KEY, ...SUMS, 'x-amz-write-offset-bytes': 'NotImplemented' },
  },
  CopyObject: {
    sketch: { method: 'PUT', ...at, headers: COPY },
    effects: {
      ...OBJECT,
      ...KEY,
      ...SOURCE,
      'x-amz-metadata-directive': 'honoured',
      'x-amz-tagging-directive': 'honoured',
      'x-amz-checksum-algorithm': 'honoured',
      'x-amz-object-annotation-directive': 'NotImplemented',
    },
  },
  CreateMultipartUpload: {
    sketch: { method: 'POST', ...at, query: 'uploads' },
    effects: { ...OBJECT, ...KEY, 'x-amz-checksum-algorithm': 'honoured', 'x-amz-checksum-type': 'honoured' },
  },
  UploadPart: { sketch: { method: 'PUT', ...at, query: 'uploadId=u&partNumber=1' }, effects: { ...SUMS, ...KEY } },
  UploadPartCopy: {
    sketch: { method: 'PUT', ...at, query: 'uploadId=u&partNumber=1', headers: COPY },
    effects: { ...SOURCE, ...KEY, 'x-amz-copy-source-range': 'honoured' },
  },
  CompleteMultipartUpload: {
    sketch: {
      method: 'POST',
      ...at,
      query: 'uploadId=u',
      body: '<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>e</ETag></Part></CompleteMultipartUpload>',
    },
    effects: {
      ...Object.fromEntries(
        Object.entries(SUMS).map(([name, effect]) => [name, effect === 'payload' ? ('honoured' as const) : effect]),
      ),
      ...KEY,
      'if-match': 'honoured',
      'if-none-match': 'honoured',
      'x-amz-checksum-type': 'honoured',
      'x-amz-mp-object-size': 'honoured',
    },
  },
  AbortMultipartUpload: {
    sketch: { method: 'DELETE', ...at, query: 'uploadId=u' },
    effects: { 'x-amz-if-match-initiated-time': 'NotImplemented' },
  },
  DeleteObject: {
    sketch: { method: 'DELETE', ...at },
    effects: {
      'if-match': 'NotImplemented',
      'x-amz-if-match-last-modified-time': 'NotImplemented',
      'x-amz-if-match-size': 'NotImplemented',
      'x-amz-mfa': 'NotImplemented',
      'x-amz-bypass-governance-retention': 'hint',
    },
  },
  DeleteObjects: {
    sketch: { method: 'POST', bucket: 'bucket', query: 'delete', body: DELETE, headers: [['content-md5', 'given']] },
    effects: {
      'x-amz-sdk-checksum-algorithm': 'payload',
      'x-amz-mfa': 'NotImplemented',
      'x-amz-bypass-governance-retention': 'hint',
    },
  },
  PutObjectTagging: {
    sketch: { method: 'PUT', ...at, query: 'tagging', body: '<Tagging><TagSet></TagSet></Tagging>' },
    effects: SUMS,
  },
  DeleteObjectTagging: { sketch: { method: 'DELETE', ...at, query: 'tagging' }, effects: {} },
  CreateBucket: {
    sketch: { method: 'PUT', bucket: 'bucket' },
    effects: {
      'x-amz-bucket-object-lock-enabled': 'NotImplemented',
      'x-amz-object-ownership': 'NotImplemented',
      'x-amz-bucket-namespace': 'NotImplemented',
    },
  },
  DeleteBucket: { sketch: { method: 'DELETE', bucket: 'bucket' }, effects: {} },
  PutBucketEncryption: {
    sketch: {
      method: 'PUT',
      bucket: 'bucket',
      query: 'encryption',
      body:
        '<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm>' +
        '</ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>',
    },
    effects: SUMS,
  },
  DeleteBucketEncryption: { sketch: { method: 'DELETE', bucket: 'bucket', query: 'encryption' }, effects: {} },
  PutBucketPolicy: {
    sketch: { method: 'PUT', bucket: 'bucket', query: 'policy', body: '{}' },
    effects: { ...SUMS, 'x-amz-confirm-remove-self-bucket-access': 'hint' },
  },
  DeleteBucketPolicy: { sketch: { method: 'DELETE', bucket: 'bucket', query: 'policy' }, effects: {} },
};
/** Of every operation. */
const COMMON: Readonly<Record<string, Effect>> = {
  'x-amz-request-payer': 'hint',
  'x-amz-expected-bucket-owner': 'owner',
  'x-amz-source-expected-bucket-owner': 'owner',
};

const KMS: HeaderLines = [['x-amz-server-side-encryption', 'aws:kms']];
const own = customerHeaders('x-amz-server-side-encryption-customer', randomBytes(32));
const sources = customerHeaders('x-amz-copy-source-server-side-encryption-customer', randomBytes(32));
/** A value that asks for something, where another than `x` is needed; `with`: what it cannot stand without. */
const SAMPLES: Readonly<Record<string, { readonly value?: string; readonly with?: HeaderLines }>> = {
  'if-match': { value: '"e"' },
  'if-none-match': { value: '*' },
  'x-amz-copy-source': { value: '/bucket/other' },
  'x-amz-copy-source-if-modified-since': { value: 'Sat, 21 Nov 2026 17:00:00 GMT' },
  'x-amz-copy-source-if-unmodified-since': { value: 'Sat, 21 Nov 2026 17:00:00 GMT' },
  'x-amz-copy-source-range': { value: 'bytes=0-1' },
  'x-amz-metadata-directive': { value: 'REPLACE' },
  'x-amz-tagging-directive': { value: 'REPLACE' },
  'x-amz-checksum-algorithm': { value: 'CRC32' },
  'x-amz-checksum-type': { value: 'FULL_OBJECT' },
  'x-amz-mp-object-size': { value: '1' },
  'x-amz-storage-class': { value: 'STANDARD_IA' },
  'x-amz-tagging': { value: 'a=b' },
  'x-amz-website-redirect-location': { value: '/other' },
  'x-amz-server-side-encryption': { value: 'aws:kms' },
  'x-amz-server-side-encryption-aws-kms-key-id': { value: 'orders', with: KMS },
  'x-amz-server-side-encryption-context': { value: Buffer.from('{"a":"b"}').toString('base64'), with: KMS },
  'x-amz-server-side-encryption-bucket-key-enabled': { value: 'true', with: KMS },
  ...Object.fromEntries(
    [...own, ...sources].map(([name, value]) => {
      const rest = (name.includes('copy-source') ? sources : own).filter(([other]) => other !== name);
      return [name, { value, with: rest }];
    }),
  ),
};

/** Headers that the SDK's model binds to an operation's request, in lower case. */
function headersOf(operation: string): readonly string[] {
  const schema = (sdk as unknown as Readonly<Record<string, readonly unknown[]>>)[`${operation}$`];
  const input = schema?.[4];
  const shape = (typeof input === 'function' ? (input as () => unknown)() : input) as readonly unknown[];
  return (shape[5] as readonly unknown[]).flatMap((member) => {
    const traits = (Array.isArray(member) ? member[1] : undefined) as
      { readonly httpHeader?: string; readonly httpPrefixHeaders?: string } | undefined;
    const prefix = traits?.httpPrefixHeaders;
    const name = traits?.httpHeader ?? (prefix === undefined ? undefined : `${prefix}*`);
    return name === undefined ? [] : [name.toLowerCase()];
  });
}

async function meaning(sketch: Sketch): Promise<string> {
  const { body: _body, ...request } = (await s3.decodeRequest(verified(sketch))) as { readonly body?: unknown };
  // A customer's key prints as [redacted]: its MD5 stands beside it.
  return JSON.stringify(request, (_name, value: unknown) => (value instanceof GatewayError ? String(value) : value));
}

/** The refusal of a request; an ill-formed wish is one that waits for a stored policy's word. */
async function refusalOf(sketch: Sketch): Promise<unknown> {
  try {
    const request = await s3.decodeRequest(verified(sketch));
    return 'wish' in request && request.wish.state === 'illFormed' ? request.wish.error : request;
  } catch (error) {
    return error;
  }
}

const CASES = Object.entries(WRITES).flatMap(([operation, { sketch, effects }]) =>
  headersOf(operation).map((header) => {
    const acl = /^x-amz-(acl|grant-.*)$/.test(header) ? ('acl' as const) : undefined;
    return { operation, header, sketch, effect: effects[header] ?? COMMON[header] ?? acl };
  }),
);

describe('every header that S3 binds to a write', () => {
  test('stands in the table', () => {
    expect(CASES.length).toBeGreaterThan(180);
    expect(CASES.filter(({ effect }) => effect === undefined)).toEqual([]);
  });

  test.each(CASES.filter(({ effect }) => effect !== 'acl'))('$operation $header: $effect', async (example) => {
    const { operation, header, sketch, effect } = example;
    const name = header.replace('*', 'colour');
    const sample = SAMPLES[header];
    // Create names a type with an algorithm only.
    const also: HeaderLines =
      operation === 'CreateMultipartUpload' && header === 'x-amz-checksum-type'
        ? [['x-amz-checksum-algorithm', 'CRC32']]
        : [];
    const base = {
      ...sketch,
      headers: [...also, ...(sketch.headers ?? []).filter(([other]) => other !== name), ...(sample?.with ?? [])],
    };
    const request = { ...base, headers: [...base.headers, [name, sample?.value ?? 'x'] as const] };
    switch (effect) {
      case 'honoured': {
        const before =
          header === 'x-amz-copy-source' ? '' : await meaning(base).catch((error: unknown) => String(error));
        expect(await meaning(request)).not.toBe(before);
        return;
      }
      case 'hint':
        expect(HINTS[header]).toMatch(/./);
        expect(await meaning(request)).toBe(await meaning(base));
        return;
      case 'payload': {
        // Judged where the body is made: another value than the bytes' is refused at its end, or at once.
        const { wire, key } = verified({
          ...request,
          headers: [...request.headers.filter(([n]) => n !== 'content-md5'), [name, BAD[name] ?? 'x']],
        });
        const judged = async (): Promise<void> => {
          const md5 = name === 'content-md5' ? BAD[name] : undefined;
          const body = createBody({
            wire,
            key,
            form: { kind: 'whole', sha256: undefined },
            seed: undefined,
            contentMd5: md5,
          } as never);
          for await (const chunk of body.bytes) expect(chunk).toBeDefined();
        };
        await expect(judged()).rejects.toBeInstanceOf(GatewayError);
        return;
      }
      case 'owner':
        expect(() => s3.expectedOwners?.(verified(request))).toThrow(GatewayError);
        return;
      default:
        await expect(s3.decodeRequest(verified(request))).rejects.toMatchObject({ code: effect });
    }
  });
});

/** Well formed and wrong for an empty body. */
const BAD: Readonly<Record<string, string>> = {
  'content-length': '1',
  'content-md5': 'AAAAAAAAAAAAAAAAAAAAAA==',
  'x-amz-sdk-checksum-algorithm': 'CRC32',
  'x-amz-checksum-crc32': 'AAAAAQ==',
  'x-amz-checksum-crc32c': 'AAAAAQ==',
  'x-amz-checksum-crc64nvme': 'AAAAAAAAAAE=',
  'x-amz-checksum-sha1': 'AAAAAAAAAAAAAAAAAAAAAAAAAAA=',
  'x-amz-checksum-sha256': 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=',
  'x-amz-checksum-sha512': `${'A'.repeat(86)}==`,
  'x-amz-checksum-md5': 'AAAAAAAAAAAAAAAAAAAAAA==',
};

describe('a header where its operation does not take it', () => {
  const all = [...new Set(Object.keys(WRITES).flatMap(headersOf))].filter(
    (name) => /^(x-amz-|if-)/.test(name) && !/^x-amz-(acl|grant-.*|meta-.*)$/.test(name) && COMMON[name] === undefined,
  );
  // The payload's own names are judged with every body, whatever the operation.
  const misplaced = Object.entries(WRITES).flatMap(([operation, { sketch, effects }]) =>
    all
      .filter((header) => effects[header] === undefined && header !== 'x-amz-sdk-checksum-algorithm')
      // minio-go repeats Create's choice on bodies and parts: the gateway compares it.
      .filter((header) => !(header.startsWith('x-amz-checksum-') && sketch.method !== 'DELETE'))
      // That makes another operation of it.
      .filter((header) => header !== 'x-amz-copy-source' || (operation !== 'PutObject' && operation !== 'UploadPart'))
      .map((header) => ({ operation, sketch, header })),
  );
  test.each(misplaced)('$operation refuses $header', async ({ sketch, header }) => {
    const sample = SAMPLES[header];
    const headers = [...(sketch.headers ?? []), [header, sample?.value ?? 'x'] as const];
    expect(await refusalOf({ ...sketch, headers })).toBeInstanceOf(GatewayError);
  });

  test('the checksum of a body that nobody reads is refused', async () => {
    for (const operation of ['CopyObject', 'CreateMultipartUpload', 'UploadPartCopy'] as const) {
      const { sketch } = WRITES[operation]!;
      const headers = [...(sketch.headers ?? []), ['x-amz-checksum-crc32', 'AAAAAA=='] as const];
      await expect(s3.decodeRequest(verified({ ...sketch, headers }))).rejects.toMatchObject({
        code: 'NotImplemented',
      });
    }
  });
});

describe('a sub-resource that crosses to the store', () => {
  const lifecycle = { method: 'PUT', bucket: 'bucket', query: 'lifecycle' };

  test.each(['x-amz-something-new', 'x-amz-object-lock-mode', 'if-match'])(
    'does not cross without its %s',
    async (name) => {
      await expect(s3.decodeRequest(verified({ ...lifecycle, headers: [[name, 'x']] }))).rejects.toMatchObject({
        code: 'NotImplemented',
      });
    },
  );

  test('crosses with what belongs to it', async () => {
    const headers: HeaderLines = [['x-amz-transition-default-minimum-object-size', 'varies_by_storage_class']];
    expect(await s3.decodeRequest(verified({ ...lifecycle, headers }))).toMatchObject({ operation: 'Passthrough' });
  });
});

describe('names that nobody knows', () => {
  test.each(['x-amz-something-new', 'x-amz-if-match-something', 'content-range'])(
    '%s is refused on writes',
    async (name) => {
      for (const { sketch } of Object.values(WRITES)) {
        const headers = [...(sketch.headers ?? []), [name, 'bytes 0-1/2'] as const];
        await expect(s3.decodeRequest(verified({ ...sketch, headers }))).rejects.toMatchObject({
          code: 'NotImplemented',
          details: { Header: name },
        });
      }
    },
  );

  test('a value that asks for what holds anyway is none', async () => {
    const headers: HeaderLines = [
      ['x-amz-bucket-object-lock-enabled', 'false'],
      ['x-amz-object-ownership', 'BucketOwnerEnforced'],
      ['x-amz-bucket-namespace', 'global'],
    ];
    expect(await meaning({ method: 'PUT', bucket: 'bucket', headers })).toBe(
      await meaning({ method: 'PUT', bucket: 'bucket' }),
    );
  });

  test('what SDKs, signers and proxies send of themselves is no wish', async () => {
    const headers: HeaderLines = [
      ['x-amz-user-agent', 'aws-sdk-js/3'],
      ['x-amz-date', '20261121T170000Z'],
      ['x-amz-content-sha256', 'UNSIGNED-PAYLOAD'],
      ['x-amz-security-token', 't'],
      ['x-amz-decoded-content-length', '0'],
      ['amz-sdk-request', 'attempt=1'],
      ['amz-sdk-invocation-id', 'i'],
      ['x-amzn-trace-id', 'Root=1'],
      ['x-forwarded-for', '127.0.0.1'],
    ];
    const sketch = { method: 'PUT', ...at };
    expect(await meaning({ ...sketch, headers })).toBe(await meaning(sketch));
  });
});
