import fc from 'fast-check';
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { bucketEncryption } from '../../src/dialects/s3/words/bucket-encryption.ts';
import { formatCopySource, parseCopySource } from '../../src/dialects/s3/words/copy-source.ts';
import { refusal, verified, CONTEXT, TARGET, textOf } from '../unit/dialects/s3/requests.ts';
import { objectEncryption } from '../../src/dialects/s3/words/encryption.ts';
import { s3 } from '../../src/dialects/s3/index.ts';
import { formatRange, parseContentRange, parseRange } from '../../src/dialects/s3/words/range.ts';
import { formatTaggingHeader, parseTaggingHeader } from '../../src/dialects/s3/words/tagging.ts';
import { secret } from '../../src/model/encryption.ts';
import type { BucketRule, Encryption, ObservedEncryption, StoreKeyId } from '../../src/model/encryption.ts';
import { GatewayError } from '../../src/model/errors.ts';
import type { ListedObject } from '../../src/model/objects.ts';
import { parseXml } from '../../src/wire/xml-document.ts';

// A real ARN, an id, a plain name; `default` means "no name".
const keyId = fc.stringMatching(/^[a-z0-9][a-z0-9:/_-]{0,40}$/).filter((id) => id !== 'default');
// An empty context names nothing to bind: it counts as none.
const context = fc.dictionary(
  fc.string({ minLength: 1 }).filter((name) => name !== 'aws:s3:arn' && name !== '__proto__'),
  fc.string(),
  { minKeys: 1 },
);
const kms = fc
  .record(
    {
      key: fc.oneof(keyId, fc.constant('default')),
      layers: fc.constantFrom(1 as const, 2 as const),
      context,
      bucketKey: fc.boolean(),
    },
    { requiredKeys: ['key', 'layers'] },
  )
  .filter(({ layers, bucketKey }) => layers === 1 || bucketKey !== true)
  .map((fields): Encryption<StoreKeyId> => ({ kind: 'kms', algorithm: 'AES256', ...fields }) as Encryption<StoreKeyId>);
const customer = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((key): Encryption<StoreKeyId> => ({
  kind: 'customer',
  algorithm: 'AES256',
  key: { key: secret(key), md5: createHash('md5').update(key).digest('base64') },
}));
const encryption = fc.oneof(
  fc.constant<Encryption<StoreKeyId>>({ kind: 'managed', algorithm: 'AES256' }),
  kms,
  customer,
);

/** A wish as comparable data: a secret is compared by its bytes. */
function plain(value: Encryption<string>): unknown {
  return value.kind === 'customer' ? { ...value, key: [...value.key.key.reveal()], md5: value.key.md5 } : value;
}

describe('encryption', () => {
  test('what goes to a store as headers is the wish that a client with these headers has', async () => {
    await fc.assert(
      fc.asyncProperty(encryption, async (asked) => {
        const request = verified({
          method: 'PUT',
          bucket: 'b1x',
          key: 'k',
          headers: objectEncryption.encodeStore(asked),
        });
        const decoded = (await s3.decodeRequest(request)) as {
          wish: { state: string; encryption: Encryption<string> };
        };
        expect(decoded.wish.state).toBe('wellFormed');
        expect(plain(decoded.wish.encryption)).toEqual(plain(asked));
      }),
    );
  });

  test("a store's answer is what a client is told", () => {
    const observed: fc.Arbitrary<ObservedEncryption> = fc.oneof(
      fc.constant<ObservedEncryption>({ kind: 'managed', algorithm: 'AES256' }),
      fc
        .record(
          {
            key: fc.option(keyId, { nil: undefined }),
            layers: fc.constantFrom(1 as const, 2 as const),
            context,
            bucketKey: fc.constant(true),
          },
          { requiredKeys: ['key', 'layers'] },
        )
        .map((fields): ObservedEncryption => ({ kind: 'kms', algorithm: 'AES256', ...fields }) as ObservedEncryption),
      fc.constant<ObservedEncryption>({ kind: 'customer', algorithm: 'AES256', md5: 'AAAAAAAAAAAAAAAAAAAAAA==' }),
    );
    fc.assert(
      fc.property(observed, (seen) => {
        expect(objectEncryption.decodeStore(objectEncryption.encodeClient(seen, { context: true }))).toEqual(seen);
      }),
    );
  });

  test('a bucket rule survives the document in both directions', () => {
    const rule = fc.oneof(
      fc.constant<BucketRule>({ kind: 'managed', algorithm: 'AES256' }),
      kms.map(
        // A bucket's rule has no context.
        (asked) =>
          Object.fromEntries(
            Object.entries({ bucketKey: false, ...asked }).filter(([name]) => name !== 'context'),
          ) as unknown as BucketRule,
      ),
    );
    fc.assert(
      fc.property(rule, (given) => {
        const outcome = parseXml(Buffer.from(bucketEncryption.encodeStore(given), 'utf8'));
        if (!outcome.ok) throw new Error(outcome.reason);
        expect(bucketEncryption.decodeStore(outcome.root)).toEqual(given);
        expect(bucketEncryption.decodeClient(outcome.root)).toEqual(given);
      }),
    );
  });

  test('no header of the family is ever accepted where it is not known', async () => {
    const name = fc.stringMatching(/^x-(amz|oss|aws|minio)-(copy-source-)?server-side-[a-z-]{1,30}$/);
    await fc.assert(
      fc.asyncProperty(name, fc.string(), async (header, value) => {
        const known = /^x-amz-(copy-source-)?server-side-encryption-customer-(algorithm|key|key-md5)$/;
        fc.pre(!known.test(header));
        const error = await refusal(() =>
          s3.decodeRequest(verified({ method: 'GET', bucket: 'b1x', key: 'k', headers: [[header, value]] })),
        );
        expect(error.code).toBe('InvalidArgument');
      }),
    );
  });
});

describe('copy sources', () => {
  const source = fc.record(
    {
      bucket: fc.stringMatching(/^[a-z0-9][a-z0-9.-]{1,40}[a-z0-9]$/),
      key: fc.string({ unit: 'grapheme', minLength: 1 }),
      versionId: fc.string({ minLength: 1, unit: 'grapheme' }),
    },
    { requiredKeys: ['bucket', 'key'] },
  );

  test('survive the header, whatever the key holds', () => {
    fc.assert(
      fc.property(source, (given) => {
        expect(parseCopySource(formatCopySource(given))).toEqual(given);
      }),
    );
  });

  test('are parsed or refused, and a bucket never holds a slash', () => {
    const odd = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.stringMatching(/^[/%?&=.+a-f0-9]{0,30}$/),
      fc.constantFrom(
        '',
        '/',
        '//',
        '/b',
        '/b/',
        'b?versionId=',
        '/b/k?versionId=',
        '/b/k?x=1',
        '/..%2Fb/k',
        '/b%2Fx/k',
        '%',
        '/b/%zz',
      ),
    );
    fc.assert(
      fc.property(odd, (text) => {
        try {
          const { bucket, key } = parseCopySource(text);
          expect(bucket).toMatch(/^[A-Za-z0-9._-]+$/);
          expect(key).not.toBe('');
        } catch (error) {
          expect(error).toBeInstanceOf(GatewayError);
          expect((error as GatewayError).code).toBe('InvalidArgument');
        }
      }),
      { numRuns: 1000 },
    );
  });

  test.each([
    ['b/k', { bucket: 'b', key: 'k' }],
    ['/b/a+b', { bucket: 'b', key: 'a+b' }],
    ['b%2Fdir%2Fk', { bucket: 'b', key: 'dir/k' }],
    ['/b//k', { bucket: 'b', key: '/k' }],
    ['/b/k%3FversionId=1', { bucket: 'b', key: 'k?versionId=1' }],
  ])('%s', (text, expected) => expect(parseCopySource(text)).toEqual(expected));

  test.each(['', '/', 'b', '/b/', '/b/k?versionId=', '/b/k?x=1', '/b/k?versionId=1&x=2', '/a%2Fb/k', '/b/%ff', '/b/%'])(
    'refuses %j',
    (text) => expect(() => parseCopySource(text)).toThrow(GatewayError),
  );
});

describe('ranges', () => {
  test('survive the header', () => {
    const range = fc.oneof(
      fc.record({ kind: fc.constant('suffix' as const), length: fc.maxSafeNat() }),
      fc.record({ kind: fc.constant('from' as const), first: fc.maxSafeNat() }),
      fc
        .tuple(fc.maxSafeNat(), fc.maxSafeNat())
        .map(([a, b]) => ({ kind: 'from' as const, first: Math.min(a, b), last: Math.max(a, b) })),
    );
    fc.assert(
      fc.property(range, (given) => {
        expect(parseRange(formatRange(given))).toEqual(given);
      }),
    );
  });

  test('are ignored when malformed: nothing throws, nothing but safe numbers comes out', () => {
    const odd = fc.oneof(fc.string(), fc.stringMatching(/^bytes=[-0-9, ]{0,50}$/));
    fc.assert(
      fc.property(odd, (text) => {
        const range = parseRange(text);
        if (range === undefined) return;
        const numbers = range.kind === 'suffix' ? [range.length] : [range.first, range.last ?? 0];
        expect(numbers.every((number) => Number.isSafeInteger(number) && number >= 0)).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  test.each(['bytes=', 'bytes=-', 'bytes=5-2', 'bytes=0-1,3-4', 'items=0-1', 'bytes=a-b', 'bytes=1-2-3', 'bytes 0-1'])(
    '%s is ignored',
    (text) => expect(parseRange(text)).toBeUndefined(),
  );

  test('a Content-Range beyond the size is none', () => {
    expect(parseContentRange('bytes 0-4/10')).toEqual({ range: { first: 0, last: 4 }, size: 10 });
    for (const odd of ['bytes 4-0/10', 'bytes 0-10/10', 'bytes 0-4/*', 'bytes */10', undefined])
      expect(parseContentRange(odd)).toBeUndefined();
  });
});

describe('tags', () => {
  test('survive the header', () => {
    const text = (max: number): fc.Arbitrary<string> =>
      fc.stringMatching(new RegExp(`^[\\p{L}0-9 +=._:/@-]{1,${max}}$`, 'u'));
    const tags = fc
      .dictionary(text(40), text(80), { maxKeys: 10 })
      .filter((given) =>
        Object.entries(given).every(
          ([key, value]) => !key.startsWith('aws:') && key.length <= 128 && value.length <= 256,
        ),
      );
    fc.assert(
      fc.property(tags, (given) => {
        expect(parseTaggingHeader(formatTaggingHeader(given))).toEqual({ ...given });
      }),
    );
  });
});

describe('lists', () => {
  const key = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 });
  const object: fc.Arbitrary<ListedObject> = fc.record({
    key,
    size: fc.maxSafeNat(),
    etag: fc.stringMatching(/^[0-9a-f]{32}$/),
    lastModified: fc.integer({ min: 0, max: 4_000_000_000_000 }),
    storageClass: fc.constantFrom('STANDARD' as const, 'GLACIER' as const),
  });

  test('what a client is answered is what a store with that answer says', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(object, { maxLength: 10 }),
        fc.array(key, { maxLength: 3 }),
        fc.option(fc.stringMatching(/^[A-Za-z0-9_-]{1,30}$/), { nil: undefined }),
        async (objects, commonPrefixes, token) => {
          const request = {
            operation: 'ListObjectsV2' as const,
            bucket: 'b1x',
            prefix: 'p/',
            delimiter: '/',
            maxKeys: 1000,
            startAfter: '',
            fetchOwner: true,
            encodingType: 'url' as const,
          };
          const result = {
            objects,
            commonPrefixes,
            truncated: token !== undefined,
            keyCount: objects.length + commonPrefixes.length,
            ...(token === undefined ? {} : { nextToken: token }),
          };
          const wire = s3.encodeResponse(request, result, CONTEXT);
          const read = await s3.decodeResponse(request, wire);
          // The store's token is wrapped so that it holds unreserved characters only; the next request unwraps it.
          const { nextToken, ...rest } = read;
          expect({ ...rest, ...(token === undefined ? {} : { nextToken: token }) }).toEqual(result);
          if (token === undefined) expect(nextToken).toBeUndefined();
          else {
            expect(nextToken).toMatch(/^[A-Za-z0-9_-]+$/);
            const next = s3.encodeRequest({ ...request, continuationToken: nextToken ?? '' }, TARGET);
            expect(new URLSearchParams(next.query).get('continuation-token')).toBe(token);
          }
        },
      ),
    );
  });

  test('keys without encoding-type come back from the document as they are', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          object.filter((entry) => !/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff\r\n\t]/.test(entry.key)),
          { maxLength: 5 },
        ),
        async (objects) => {
          const request = {
            operation: 'ListObjects' as const,
            bucket: 'b1x',
            prefix: '',
            delimiter: '',
            maxKeys: 1000,
            marker: '',
          };
          const wire = s3.encodeResponse(request, { objects, commonPrefixes: [], truncated: false }, CONTEXT);
          expect((await s3.decodeResponse(request, wire)).objects).toEqual(objects);
          expect(await textOf(wire)).toContain('http://s3.amazonaws.com/doc/2006-03-01/');
        },
      ),
    );
  });
});
