import { describe, expect, test } from 'vitest';
import type { EncodeContext } from '../../../../src/dialects/dialect.ts';
import { OSS_ERRORS } from '../../../../src/dialects/oss/errors.ts';
import { oss } from '../../../../src/dialects/oss/index.ts';
import { ERROR_CODES, GatewayError } from '../../../../src/model/errors.ts';
import { headerOf, type WireResponse } from '../../../../src/wire/message.ts';
import { childText, parseXml, type XmlElement } from '../../../../src/wire/xml-document.ts';
import { notModified } from '../../../../src/model/not-modified.ts';

const CONTEXT: EncodeContext = {
  requestId: 'R1',
  now: 0,
  method: 'GET',
  bucket: 'b',
  resource: '/b/k',
  location: 'http://gateway.example/b/k',
  owner: '123456789012',
  host: 'gateway.example',
};

describe('errors', () => {
  test.each(ERROR_CODES)('%s has OSS`s words, and comes back from a store', async (code) => {
    const { status } = OSS_ERRORS[code];
    const answer = oss.encodeError(new GatewayError(code, 'Because <&>.', { details: { BucketName: 'b' } }), CONTEXT);
    expect(answer.status).toBe(status);
    expect(headerOf(answer.headers, 'x-oss-request-id')).toBe('R1');
    if (status === 304) return;
    const root = documentOf(answer);
    expect(['Code', 'Message', 'RequestId', 'HostId', 'BucketName'].map((name) => childText(root, name))).toEqual([
      OSS_ERRORS[code].code,
      'Because <&>.',
      'R1',
      'gateway.example',
      'b',
    ]);
    expect(Buffer.from(answer.body as Uint8Array).toString()).not.toContain('xmlns');
    const back = await failureOf(answer);
    // What concerns the gateway's own credentials is nothing that its client could mend.
    const ours = ['InvalidAccessKeyId', 'SignatureDoesNotMatch', 'RequestTimeTooSkewed', 'InvalidSecurityToken'];
    // Nobody forbade to overwrite: it was If-None-Match that failed.
    const translated = code === 'FileAlreadyExists' ? 'PreconditionFailed' : OSS_ERRORS[code].code;
    expect(OSS_ERRORS[back.code].code).toBe(ours.includes(code) ? 'InternalError' : translated);
  });

  test.each([
    ['KMS.NotFoundException', 'InvalidParameter', 400],
    ['KMS.DisabledException', 'KeyDisabled', 409],
    ['ServerSideEncryptionConfigurationNotFoundError', 'NoSuchServerSideEncryptionRule', 404],
    ['BadDigest', 'InvalidDigest', 400],
    ['KeyTooLongError', 'InvalidObjectName', 400],
    ['NotImplemented', 'NotImplemented', 400],
    ['InvalidSecurityToken', 'InvalidSecurityToken', 403],
  ] as const)('%s is %s %d', (code, name, status) => {
    expect(OSS_ERRORS[code]).toMatchObject({ code: name, status });
  });

  test('a HEAD carries the document in x-oss-err, a 304 nothing', () => {
    const head = oss.encodeError(new GatewayError('NoSuchKey', 'No.'), { ...CONTEXT, method: 'HEAD' });
    expect(head.body).toBeUndefined();
    expect(headerOf(head.headers, 'x-oss-ec')).toBe('0026-00000001');
    expect(Buffer.from(headerOf(head.headers, 'x-oss-err') ?? '', 'base64').toString()).toContain(
      '<Code>NoSuchKey</Code>',
    );
    const unchanged = oss.encodeError(notModified({ etag: 'e' }), {
      ...CONTEXT,
      method: 'HEAD',
    });
    expect(unchanged).toMatchObject({ status: 304, body: undefined });
    expect(headerOf(unchanged.headers, 'etag')).toBe('"e"');
    expect(headerOf(unchanged.headers, 'x-oss-err')).toBeUndefined();
  });

  test('an error`s own EC, headers and wording win', () => {
    const error = new GatewayError('PositionNotEqualToLength', 'Position.', {
      ec: '1',
      details: { nextAppendPosition: 7 },
      wording: { oss: 'Bei OSS.' },
    });
    const answer = oss.encodeError(error, CONTEXT);
    expect(headerOf(answer.headers, 'x-oss-next-append-position')).toBe('7');
    expect(['EC', 'Message'].map((name) => childText(documentOf(answer), name))).toEqual(['1', 'Bei OSS.']);
  });

  test('a message is never empty', () => {
    expect(childText(documentOf(oss.encodeError(new GatewayError('AccessDenied', ''), CONTEXT)), 'Message')).toBe(
      'AccessDenied',
    );
  });

  test('a store without a document is judged by its status', async () => {
    expect((await failureOf({ status: 403, headers: [], body: undefined })).code).toBe('AccessDenied');
    expect((await failureOf({ status: 404, headers: [], body: undefined })).code).toBe('NoSuchKey');
    expect((await failureOf({ status: 500, headers: [], body: Buffer.from('<html>') })).code).toBe('InternalError');
  });
});

async function failureOf(answer: WireResponse): Promise<GatewayError> {
  const request = {
    operation: 'HeadObject',
    bucket: 'b',
    key: 'k',
    conditions: {},
    checksumMode: false,
    overrides: {},
  } as const;
  const error: unknown = await oss.decodeResponse(request, answer).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof GatewayError)) throw new Error('nothing was thrown');
  return error;
}

function documentOf(answer: WireResponse): XmlElement {
  const outcome = parseXml(answer.body as Uint8Array);
  if (!outcome.ok) throw new Error(outcome.reason);
  return outcome.root;
}
