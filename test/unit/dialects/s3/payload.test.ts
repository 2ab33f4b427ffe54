import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { verifyS3 } from '../../../../src/dialects/s3/verification.ts';
import { sign } from './independent-signer.ts';
import { credentialOf, readAll, refusalOf, refusalOfReading, verifyContext, wireRequest } from './signed-requests.ts';

const NOW = Date.UTC(2026, 10, 21, 17, 0, 0);
const secretKey = randomBytes(30).toString('base64');
const context = verifyContext(NOW, [credentialOf('CLIENT', secretKey)]);
const content = randomBytes(10_000);
const base64 = (name: string): string => createHash(name).update(content).digest('base64');
const crc = Buffer.alloc(4);
crc.writeUInt32BE(crc32(content));
const STREAMING = 'STREAMING-UNSIGNED-PAYLOAD-TRAILER';

interface Upload {
  readonly method?: string;
  readonly target?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly payloadHash?: string;
  readonly body?: Iterable<Uint8Array>;
}

function wireOf({ method = 'PUT', target = '/bucket/key', headers = {}, payloadHash, body = [content] }: Upload) {
  const signed = sign(
    { method, target, headers, now: NOW, ...(payloadHash === undefined ? {} : { payloadHash }) },
    'CLIENT',
    secretKey,
  );
  return wireRequest({ ...signed, body });
}

function verify(upload: Upload) {
  return verifyS3(wireOf(upload), context).body;
}

const length = { 'content-length': String(content.length) };

describe('checksums in headers', () => {
  test.each([
    ['content-md5', base64('md5')],
    ['x-amz-checksum-crc32', crc.toString('base64')],
    ['x-amz-checksum-md5', base64('md5')],
    ['x-amz-checksum-sha1', base64('sha1')],
    ['x-amz-checksum-sha256', base64('sha256')],
    ['x-amz-checksum-sha512', base64('sha512')],
  ])('%s is accepted when right and BadDigest when wrong, at the end', async (name, value) => {
    const good = verify({ headers: { ...length, [name]: value } });
    expect(await readAll(good.bytes)).toEqual(content);
    if (name === 'content-md5') expect(good.md5).toBe(value);
    else expect(good.checksum?.value()).toBe(value);
    const wrong = Buffer.from(value, 'base64').fill(7).toString('base64');
    const bad = verify({ headers: { ...length, [name]: wrong } });
    const seen: number[] = [];
    await expect(async () => {
      for await (const chunk of bad.bytes) seen.push(chunk.length);
    }).rejects.toMatchObject({ code: 'BadDigest' });
    expect(seen).toEqual([content.length]);
  });

  test.each([
    [{ 'content-md5': 'x' }, 'InvalidDigest'],
    [{ 'content-md5': '' }, 'InvalidDigest'],
    [{ 'content-md5': base64('sha1') }, 'InvalidDigest'],
    [{ 'x-amz-checksum-crc32': 'AAAAAA' }, 'InvalidRequest'],
    [{ 'x-amz-checksum-crc32': 'AAAAAAAA' }, 'InvalidRequest'],
    [{ 'x-amz-checksum-crc32': '' }, 'InvalidRequest'],
    [{ 'x-amz-checksum-xxhash64': 'AAAAAAAAAAA=' }, 'NotImplemented'],
    [{ 'x-amz-checksum-crc32': 'AAAAAA==', 'x-amz-checksum-sha1': base64('sha1') }, 'InvalidRequest'],
    [{ 'x-amz-checksum-crc32': 'AAAAAA==', 'x-amz-trailer': 'x-amz-checksum-crc32' }, 'InvalidRequest'],
    [{ 'x-amz-sdk-checksum-algorithm': 'CRC32' }, 'InvalidRequest'],
    [{ 'x-amz-sdk-checksum-algorithm': 'SHA1', 'x-amz-checksum-crc32': 'AAAAAA==' }, 'InvalidRequest'],
    [{ 'x-amz-trailer': 'x-amz-checksum-crc32' }, 'MalformedTrailerError'],
    [{ 'x-amz-trailer': 'x-amz-meta-a' }, 'InvalidRequest'],
  ])('%j is refused before the body', (headers, code) => {
    expect(refusalOf(() => verify({ headers: { ...length, ...headers } })).code).toBe(code);
  });

  test('Complete names the object’s checksum, which its own XML need not have', async () => {
    const body = verify({
      method: 'POST',
      target: '/bucket/key?uploadId=1',
      headers: { ...length, 'x-amz-checksum-crc32': 'AAAAAA==', 'x-amz-checksum-type': 'FULL_OBJECT' },
    });
    expect(body.checksum).toBeUndefined();
    expect(await readAll(body.bytes)).toEqual(content);
  });
});

describe('lengths', () => {
  test.each([9_999, 10_001])('a body of another length than %i is IncompleteBody', async (declared) => {
    const body = verify({ headers: { 'content-length': String(declared) } });
    expect((await refusalOfReading(body.bytes)).code).toBe('IncompleteBody');
  });

  test('no framing is an empty body, chunked transfer one of unknown length', async () => {
    expect(verify({ body: [] }).length).toBe(0);
    const body = verify({ headers: { 'transfer-encoding': 'chunked' } });
    expect(body.length).toBeUndefined();
    expect(await readAll(body.bytes)).toEqual(content);
  });

  test('a connection that breaks is IncompleteBody, and the reader’s leaving does not close it', async () => {
    const broken = { ...wireOf({ headers: length }), body: Readable.from(failing()) };
    expect((await refusalOfReading(verifyS3(broken, context).body.bytes)).code).toBe('IncompleteBody');
    const wire = wireOf({ headers: length, body: [content.subarray(0, 10), content.subarray(10)] });
    for await (const chunk of verifyS3(wire, context).body.bytes) {
      expect(chunk.length).toBe(10);
      break;
    }
    expect(wire.body.destroyed).toBe(false);
  });
});

describe('streaming uploads', () => {
  const chunked = (trailer: string) => [
    Buffer.from(`${content.length.toString(16)}\r\n`),
    content,
    Buffer.from(`\r\n0\r\n${trailer}\r\n`),
  ];
  const headers = { 'x-amz-decoded-content-length': '10000', 'x-amz-trailer': 'x-amz-checksum-crc32' };
  const upload = (value: string, more: Partial<Upload> = {}) => ({
    headers,
    payloadHash: STREAMING,
    body: chunked(`x-amz-checksum-crc32:${value}\r\n`),
    ...more,
  });

  test('a trailing checksum is judged', async () => {
    const body = verify(upload(crc.toString('base64')));
    expect(body.length).toBe(10_000);
    expect(await readAll(body.bytes)).toEqual(content);
    expect(body.checksum?.value()).toBe(crc.toString('base64'));
    expect(await refusalOfReading(verify(upload('AAAAAA==')).bytes)).toMatchObject({
      code: 'BadDigest',
      message: 'The CRC32 you specified did not match the calculated checksum.',
    });
    expect(await refusalOfReading(verify(upload('AAAA')).bytes)).toMatchObject({
      code: 'InvalidRequest',
      message: 'Value for x-amz-checksum-crc32 trailing header is invalid.',
    });
  });

  test.each(['', 'x', '-1', '1e3', '0x10', '99999999999999999999'])(
    'a decoded length of %j is MissingContentLength',
    (value) => {
      const changed = { ...headers, 'x-amz-decoded-content-length': value };
      expect(refusalOf(() => verify(upload('', { headers: changed }))).code).toBe('MissingContentLength');
    },
  );

  test('a missing decoded length is MissingContentLength, another one IncompleteBody', async () => {
    const trailer = { 'x-amz-trailer': 'x-amz-checksum-crc32' };
    expect(refusalOf(() => verify(upload('', { headers: trailer }))).code).toBe('MissingContentLength');
    for (const value of ['9999', '10001']) {
      const body = verify(upload('AAAAAA==', { headers: { ...headers, 'x-amz-decoded-content-length': value } }));
      expect((await refusalOfReading(body.bytes)).code).toBe('IncompleteBody');
    }
  });

  test.each([
    { method: 'GET' },
    { method: 'POST', target: '/bucket/key?uploads' },
    { target: '/bucket' },
    { target: '/bucket/key?acl' },
    { target: '/bucket/key?tagging=' },
    { target: '/bucket?encryption' },
    { headers: { ...headers, 'x-amz-copy-source': 'a/b' } },
  ])('is refused where no content is written: %j', (more) => {
    expect(refusalOf(() => verify(upload('', more)))).toMatchObject({
      code: 'InvalidRequest',
      message: 'The value of x-amz-content-sha256 header is invalid.',
    });
  });

  test('a part with its own query is an upload', async () => {
    const target = '/bucket/key?partNumber=1&uploadId=u&x-id=UploadPart';
    expect(await readAll(verify(upload(crc.toString('base64'), { target })).bytes)).toEqual(content);
  });
});

async function* failing(): AsyncGenerator<Uint8Array> {
  await Promise.resolve();
  yield content.subarray(0, 10);
  throw new Error('aborted');
}
