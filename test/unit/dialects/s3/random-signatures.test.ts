import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { verifyS3 } from '../../../../src/dialects/s3/verification.ts';
import { presign, sign } from './independent-signer.ts';
import { credentialOf, refusalOf, verifyContext, wireRequest } from './signed-requests.ts';

const NOW = Date.UTC(2026, 10, 21, 17, 0, 0);
const secretKey = randomBytes(30).toString('base64');
const context = verifyContext(NOW, [credentialOf('CLIENT', secretKey)]);

const OPERATIONS = [
  ['PUT', '/bucket/key'],
  ['PUT', '/bucket/key?partNumber=1&uploadId=u'],
  ['POST', '/bucket/key?uploads'],
  ['POST', '/bucket/key?uploadId=u'],
  ['DELETE', '/bucket/key?uploadId=u'],
  ['DELETE', '/bucket/key'],
  ['POST', '/bucket?delete'],
  ['PUT', '/bucket?encryption'],
  ['GET', '/bucket/key'],
  ['GET', '/'],
] as const;
const PAYLOADS = [
  'UNSIGNED-PAYLOAD',
  'STREAMING-AWS4-HMAC-SHA256-PAYLOAD',
  'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER',
  'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
  'a'.repeat(64),
] as const;

/** A body that fails the test when it is touched. */
function untouchable(): Readable {
  return new Readable({
    read() {
      throw new Error('the body was read');
    },
  });
}

describe('a known key with a random signature', () => {
  test.each(OPERATIONS)('opens nothing: %s %s in every payload form and place', (method, target) => {
    for (const payloadHash of PAYLOADS) {
      const headers = { 'x-amz-decoded-content-length': '1', 'x-amz-trailer': 'x-amz-checksum-crc32' };
      const request = { method, target, headers, now: NOW, payloadHash };
      const forged = sign(request, 'CLIENT', randomBytes(30).toString('base64'));
      expect(refusalOf(() => verifyS3({ ...wireRequest(forged), body: untouchable() }, context)).code).toBe(
        'SignatureDoesNotMatch',
      );
      const url = presign({ ...request, headers: {} }, 'CLIENT', randomBytes(30).toString('base64'));
      expect(refusalOf(() => verifyS3({ ...wireRequest(url), body: untouchable() }, context)).code).toBe(
        'SignatureDoesNotMatch',
      );
      const [path, query = ''] = target.split('?');
      const v2 = `${path ?? ''}?${query}&AWSAccessKeyId=CLIENT&Expires=9999999999&Signature=${encodeURIComponent(randomBytes(20).toString('base64'))}`;
      const wire = {
        ...wireRequest({ method, target: v2, headers: { host: 'storage.localhost' } }),
        body: untouchable(),
      };
      expect(['SignatureDoesNotMatch', 'InvalidRequest']).toContain(refusalOf(() => verifyS3(wire, context)).code);
    }
  });
});
