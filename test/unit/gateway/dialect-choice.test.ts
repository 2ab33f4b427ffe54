import { describe, expect, test } from 'vitest';
import { chooseDialect, dialectForErrors, type Pins } from '../../../src/gateway/dialect-choice.ts';
import { wireRequest, type WireParts } from '../dialects/oss/wire-request.ts';

const SIGNED_S3 = 'AWS4-HMAC-SHA256 Credential=AK/20261101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0';
const signatures = { ossV1: 'allow', sigV2: 'allow' } as const;
const PINS: Pins = {
  hosts: new Map([['jd.example.com', 'jd']]),
  listeners: new Map([['oss-only', { dialect: 'oss', signatures }]]),
  clients: new Map([['AKJD', { dialect: 'jd' }]]),
};
const errorsOf = (parts: Partial<WireParts>, listener = 'test'): string => {
  const wire = wireRequest({ method: 'GET', target: '/', ...parts });
  return dialectForErrors({ ...wire, connection: { ...wire.connection, listener } }, PINS).name;
};

describe('a host that pins a language', () => {
  test.each(['jd.example.com', 'jd.example.com.', 'jd.example.com:9000', 'jd.example.com.:9000'])(
    'does so as %s',
    (host) => {
      expect(errorsOf({ host })).toBe('jd');
      const wire = wireRequest({ method: 'GET', target: '/', host, headers: [['authorization', SIGNED_S3]] });
      expect(chooseDialect(wire, PINS).name).toBe('jd');
    },
  );
});

describe('the language of errors', () => {
  test.each<[string, Partial<WireParts>, string]>([
    ['nothing at all', {}, 's3'],
    ['an x-oss- header', { headers: [['x-oss-date', '20261101T000000Z']] }, 'oss'],
    ['an x-oss- parameter', { target: '/?x-oss-process=image' }, 'oss'],
    ['an x-amz- header', { headers: [['x-amz-date', '20261101T000000Z']] }, 's3'],
    [
      'a SigV4 signature, whatever stands beside it',
      {
        headers: [
          ['authorization', SIGNED_S3],
          ['x-oss-acl', 'private'],
        ],
      },
      's3',
    ],
    ['an OSS signature', { headers: [['authorization', 'OSS AK:sig']] }, 'oss'],
    [
      'two signatures of two languages',
      { target: '/?OSSAccessKeyId=AK&Signature=s', headers: [['authorization', SIGNED_S3]] },
      's3',
    ],
    [
      'two signatures and an x-oss- header',
      {
        target: '/?OSSAccessKeyId=AK',
        headers: [
          ['authorization', SIGNED_S3],
          ['x-oss-acl', 'private'],
        ],
      },
      'oss',
    ],
    ['the signature of a pinned client', { headers: [['authorization', SIGNED_S3.replace('AK/', 'AKJD/')]] }, 'jd'],
  ])('of a request with %s', (_name, parts, dialect) => {
    expect(errorsOf(parts)).toBe(dialect);
  });

  test('a listener’s pin goes before what stands in the request, also where the head was refused', () => {
    expect(errorsOf({ headers: [['authorization', SIGNED_S3]] }, 'oss-only')).toBe('oss');
    expect(dialectForErrors(undefined, PINS, 'oss-only').name).toBe('oss');
    expect(dialectForErrors(undefined, PINS, 'test').name).toBe('s3');
  });
});
