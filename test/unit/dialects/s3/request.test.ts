import { readFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { s3 } from '../../../../src/dialects/s3/index.ts';
import type { HeaderLines } from '../../../../src/wire/message.ts';
import { customerHeaders, refusal, verified } from './requests.ts';
import type { Sketch } from './requests.ts';

function vectors(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`../../../vectors/s3/${name}.json`, import.meta.url), 'utf8'));
}

interface Refused {
  readonly name: string;
  readonly request: Sketch;
  readonly code: string;
  readonly message?: string;
  readonly details?: Readonly<Record<string, string>>;
}

describe('requests in the model', () => {
  test.each(vectors('requests') as readonly { name: string; request: Sketch; model: { operation: string } }[])(
    '$name',
    async ({ request, model }) => {
      const decoded = await s3.decodeRequest(verified(request));
      const fields = Object.entries(decoded).filter(([name]) => name !== 'body' && name !== 'document');
      expect(Object.fromEntries(fields)).toEqual(model);
    },
  );
});

describe('refused requests', () => {
  test.each(vectors('refusals') as readonly Refused[])('$name', async ({ request, code, message, details }) => {
    const error = await refusal(() => s3.decodeRequest(verified(request)));
    expect(error.code).toBe(code);
    if (message !== undefined) expect(error.message).toBe(message);
    if (details !== undefined) expect(error.details).toEqual(details);
  });

  test('a delete takes at most 1,000 keys', async () => {
    const body = (count: number): string => `<Delete>${'<Object><Key>k</Key></Object>'.repeat(count)}</Delete>`;
    const request = (count: number): Sketch => ({
      method: 'POST',
      bucket: 'b1x',
      query: 'delete',
      headers: [['content-md5', 'given']],
      body: body(count),
    });
    expect(await s3.decodeRequest(verified(request(1000)))).toMatchObject({ operation: 'DeleteObjects' });
    expect((await refusal(() => s3.decodeRequest(verified(request(1001))))).code).toBe('MalformedXML');
  });

  test('user metadata ends at 2 KB', async () => {
    const request = (length: number): Sketch => ({
      method: 'PUT',
      bucket: 'b1x',
      key: 'k',
      headers: [['x-amz-meta-a', 'v'.repeat(length)]],
    });
    expect(await s3.decodeRequest(verified(request(2047)))).toMatchObject({ operation: 'PutObject' });
    expect(await refusal(() => s3.decodeRequest(verified(request(2048))))).toMatchObject({ code: 'MetadataTooLarge' });
  });

  test('a key ends at 1,024 bytes of UTF-8', async () => {
    const get = (key: string): Promise<unknown> => s3.decodeRequest(verified({ method: 'GET', bucket: 'b1x', key }));
    expect(await get('é'.repeat(512))).toMatchObject({ operation: 'GetObject' });
    expect((await refusal(() => get(`${'é'.repeat(512)}x`))).code).toBe('KeyTooLongError');
  });
});

test.each(['../b/k', '/../b/k', '%2e%2e/b/k', './k', '..%2Fb%2Fk'])(
  'the copy source %s names no bucket',
  async (source) => {
    const copy = verified({ method: 'PUT', bucket: 'b1x', key: 'k', headers: [['x-amz-copy-source', source]] });
    expect((await refusal(() => s3.decodeRequest(copy))).code).toBe('InvalidArgument');
  },
);

describe('ill-formed wishes', () => {
  const put = (headers: HeaderLines, more: Partial<Sketch> = {}): Promise<{ readonly wish?: unknown }> =>
    s3.decodeRequest(verified({ method: 'PUT', bucket: 'b1x', key: 'k', headers, ...more })) as never;

  test.each(
    vectors('ill-formed-wishes') as readonly {
      name: string;
      headers: HeaderLines;
      code: string;
      message?: string;
      details?: Readonly<Record<string, string>>;
      asked: unknown;
    }[],
  )('are kept as a value: $name', async ({ headers, code, message, details, asked }) => {
    const { wish } = await put(headers);
    expect(wish).toMatchObject({ state: 'illFormed', error: { code } });
    const { error, asked: seen } = wish as { error: { message: string; details: unknown }; asked: unknown };
    if (message !== undefined) expect(error.message).toBe(message);
    if (details !== undefined) expect(error.details).toEqual(details);
    expect(seen).toEqual(asked);
  });

  test("a customer's key whose MD5 is another key's", async () => {
    const [algorithm, key] = customerHeaders('x-amz-server-side-encryption-customer', randomBytes(32));
    const [, , md5] = customerHeaders('x-amz-server-side-encryption-customer', randomBytes(32));
    const { wish } = await put([algorithm!, key!, md5!]);
    expect(wish).toMatchObject({
      error: {
        code: 'InvalidArgument',
        message: 'The calculated MD5 hash of the key did not match the hash that was provided.',
      },
    });
  });

  test("a customer's key over plain HTTP, and the answer never repeats it", async () => {
    const key = randomBytes(32);
    const { wish } = await put(customerHeaders('x-amz-server-side-encryption-customer', key), { secure: false });
    expect(wish).toMatchObject({ state: 'illFormed', error: { code: 'InvalidRequest' } });
    const { error } = wish as { error: { message: string; details: unknown } };
    expect(JSON.stringify([error.message, error.details])).not.toContain(key.toString('base64'));
  });

  test('KMS signed with SigV2', async () => {
    const { wish } = await put([], { query: 'x-amz-server-side-encryption=aws:kms', form: 'sigv2-presigned' });
    expect(wish).toMatchObject({
      error: {
        code: 'InvalidArgument',
        message:
          'Requests specifying Server Side Encryption with AWS KMS managed keys require AWS Signature Version 4.',
        details: { ArgumentName: 'Authorization', ArgumentValue: 'null' },
      },
    });
  });

  test('the same name in headers and query is a repetition', async () => {
    const { wish } = await put([['x-amz-server-side-encryption', 'AES256']], {
      query: 'x-amz-server-side-encryption=AES256',
    });
    expect(wish).toMatchObject({ state: 'illFormed', error: { code: 'InvalidArgument' } });
  });
});
