import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { OSS_CAPABILITIES } from '../../../../src/dialects/oss/capabilities.ts';
import { oss } from '../../../../src/dialects/oss/index.ts';
import type { StoreTarget } from '../../../../src/dialects/dialect.ts';
import { secret } from '../../../../src/model/encryption.ts';
import { GatewayError } from '../../../../src/model/errors.ts';
import type { OperationName, StorageRequest } from '../../../../src/model/operations.ts';
import type { WireResponse } from '../../../../src/wire/message.ts';

const REF = { bucket: 'b', key: 'k' };
const READ = { ...REF, conditions: {}, checksumMode: false, overrides: {} };
const GET: StorageRequest<'GetObject'> = { operation: 'GetObject', ...READ };
const HEAD: StorageRequest<'HeadObject'> = { operation: 'HeadObject', ...READ };
const TARGET: StoreTarget = {
  endpoint: 'https://oss.example',
  region: 'cn-hangzhou',
  addressing: 'virtual',
  credential: { accessKeyId: 'AK', secretAccessKey: secret('SK') },
  capabilities: OSS_CAPABILITIES,
};

function answer(status: number, headers: Readonly<Record<string, string>>, body = ''): WireResponse {
  return { status, headers: Object.entries(headers), body: Readable.from([Buffer.from(body)]) };
}

function error(status: number, code: string, message = 'no'): WireResponse {
  return answer(status, {}, `<Error><Code>${code}</Code><Message>${message}</Message></Error>`);
}

const asked = <N extends OperationName>(request: StorageRequest<N>, response: WireResponse) =>
  oss.decodeResponse(request, response);

async function refusal(request: StorageRequest, response: WireResponse): Promise<GatewayError> {
  return await asked(request, response).then(
    () => expect.unreachable(),
    (failure: unknown) => {
      expect(failure).toBeInstanceOf(GatewayError);
      return failure as GatewayError;
    },
  );
}

describe('a status is not a reason', () => {
  test.each([
    ['a KMS key that is lost', GET, error(404, 'KeyNotFound'), 'KMS.NotFoundException'],
    ['a code that nobody knows', GET, error(404, 'SymlinkTargetNotExist'), 'InvalidRequest'],
    ['a page of a proxy', GET, answer(404, {}, '<html></html>'), 'ServiceUnavailable'],
    ['a HEAD that says nothing', HEAD, answer(404, {}), 'NoSuchKey'],
    ['an upload', { operation: 'AbortMultipartUpload', ...REF, uploadId: 'u' }, answer(404, {}), 'NoSuchUpload'],
    ['a bucket', { operation: 'GetBucketAcl', bucket: 'b' }, answer(404, {}), 'NoSuchBucket'],
  ] as const)('%s', async (_name, request, response, code) => {
    expect((await refusal(request, response)).code).toBe(code);
  });

  test('what names the store`s own address or account stays here', async () => {
    const message =
      'The bucket must be addressed by b.oss-cn-hangzhou-internal.aliyuncs.com, acs:ram::1234:role/gateway';
    expect((await refusal(GET, error(403, 'AccessDenied', message))).message).not.toMatch(/aliyuncs|acs:/);
  });

  test('an error inside a 200 has its own code', async () => {
    const complete = {
      operation: 'CompleteMultipartUpload',
      ...REF,
      uploadId: 'u',
      parts: 'all',
      conditions: {},
    } as const;
    expect((await refusal(complete, error(200, 'NoSuchUpload'))).code).toBe('NoSuchUpload');
    expect((await refusal(complete, error(200, 'XUnheardOf'))).code).toBe('InternalError');
  });
});

describe('odd answers that do no harm', () => {
  const about = { etag: '"E"', 'last-modified': 'Sat, 21 Nov 2026 17:00:00 GMT' };

  test.each([GET, HEAD])('$operation: a range of an empty object', async (request) => {
    const suffix = { ...request, range: { kind: 'suffix', length: 8 } } as const;
    const empty = { ...about, 'content-length': '0' };
    expect((await refusal(suffix, answer(206, { ...empty, 'content-range': 'bytes 0--1/0' }))).code).toBe(
      'InvalidRange',
    );
    expect(await asked(suffix, answer(200, empty))).toMatchObject({ size: 0 });
  });

  test('counters that are none', async () => {
    const odd = { ...about, 'content-length': '3', 'x-oss-tagging-count': 'many', 'x-oss-next-append-position': '' };
    expect(await asked(HEAD, answer(200, odd))).toMatchObject({ size: 3 });
  });

  test('nothing where there is nothing to say', async () => {
    expect(await asked({ operation: 'GetBucketVersioning', bucket: 'b' }, answer(200, {}))).toEqual({
      status: undefined,
    });
    expect(await asked({ operation: 'GetObjectTagging', ...REF }, answer(200, {}))).toEqual({ tags: {} });
    const deletes = { operation: 'DeleteObjects', bucket: 'b', objects: [{ key: 'x' }], quiet: false } as const;
    expect((await asked(deletes, answer(200, {}))).errors).toMatchObject([{ key: 'x' }]);
  });

  test('more elements in a rule than this gateway knows', async () => {
    const rule = '<SSEAlgorithm>KMS</SSEAlgorithm><KMSMasterKeyID>id</KMSMasterKeyID><Newest>yes</Newest>';
    const document = `<ServerSideEncryptionRule><ApplyServerSideEncryptionByDefault>${rule}</ApplyServerSideEncryptionByDefault></ServerSideEncryptionRule>`;
    expect(await asked({ operation: 'GetBucketEncryption', bucket: 'b' }, answer(200, {}, document))).toMatchObject({
      rule: { kind: 'kms', key: 'id' },
    });
  });

  test('an ACL that no word says is not implemented, and no fault', async () => {
    const policy =
      '<AccessControlPolicy><AccessControlList><Grant>odd</Grant></AccessControlList></AccessControlPolicy>';
    expect((await refusal({ operation: 'GetBucketAcl', bucket: 'b' }, answer(200, {}, policy))).code).toBe(
      'NotImplemented',
    );
  });
});

describe('documents with a client`s text', () => {
  test('a part`s tag that no document can hold is no part`s', () => {
    const parts = [{ partNumber: 1, etag: 'bell\u0007' }];
    const complete = { operation: 'CompleteMultipartUpload', ...REF, uploadId: 'u', parts, conditions: {} } as const;
    expect(() => oss.encodeRequest(complete, TARGET)).toThrow(
      expect.objectContaining({ code: 'InvalidPart' }) as Error,
    );
  });
});
