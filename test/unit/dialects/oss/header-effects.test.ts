import { describe, expect, test } from 'vitest';
import type { VerifiedRequest } from '../../../../src/dialects/dialect.ts';
import { oss } from '../../../../src/dialects/oss/index.ts';
import { bodyOf } from '../../../../src/dialects/oss/payload/payload.ts';
import { paced } from '../../../../src/wire/paced.ts';
import { wireRequest } from './wire-request.ts';

/**
 * What becomes of every header that OSS or one of its SDKs (ali-oss, oss2, alibabacloud-oss-v2) has for a write: `honoured` changes
 * what the request means, `hint` asks for nothing that could be lost (the reason stands beside it), a code is the refusal.
 */
const HINTS: Readonly<Record<string, string>> = {
  'x-oss-request-payer': 'the requester agrees to pay, and nobody charges',
  'x-oss-server-side-data-encryption': 'OSS ignores it where no KMS is asked for; it is audited',
  repeated: 'ali-oss repeats the headers of the initiate on parts and Complete, where OSS takes the initiate’s',
  copied: 'a copy takes no bandwidth of the client’s',
};
type Effect = 'honoured' | 'hint' | 'NotImplemented' | 'InvalidArgument' | 'AccessDenied';

interface Operation {
  readonly method: string;
  readonly target: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Effects beside NotImplemented, which all others have. */
  readonly effects: Readonly<Record<string, Effect>>;
}

const SAMPLES: Readonly<Record<string, string>> = {
  'x-oss-tagging': 'a=b',
  'x-oss-storage-class': 'IA',
  'x-oss-object-acl': 'public-read',
  'x-oss-acl': 'public-read',
  'x-oss-forbid-overwrite': 'true',
  'x-oss-metadata-directive': 'REPLACE',
  'x-oss-tagging-directive': 'Replace',
  'x-oss-copy-source-range': 'bytes=0-1',
  'x-oss-copy-source-if-match': '"e"',
  'x-oss-copy-source-if-none-match': '"e"',
  'x-oss-copy-source-if-modified-since': 'Sat, 21 Nov 2026 17:00:00 GMT',
  'x-oss-copy-source-if-unmodified-since': 'Sat, 21 Nov 2026 17:00:00 GMT',
  'x-oss-server-side-encryption': 'KMS',
  'x-oss-server-side-data-encryption': 'SM4',
  'x-oss-complete-all': 'yes',
  'if-match': '"e"',
  'if-none-match': '*',
};
const META = 'x-oss-meta-colour';
const NAMES = [
  ...Object.keys(SAMPLES),
  META,
  'content-range',
  'x-oss-request-payer',
  'x-oss-bypass-governance-retention',
  'x-oss-object-worm-mode',
  'x-oss-object-worm-retain-until-date',
  'x-oss-object-worm-legal-hold',
  'x-oss-persistent-headers',
  'x-oss-transition-time',
  'x-oss-hash-crc64ecma',
  'x-oss-hash-sha1',
  'x-oss-bucket-tagging',
  'x-oss-resource-group-id',
  'x-oss-symlink-target',
  'x-oss-something-new',
  'x-oss-callback',
];

const COMMON: Readonly<Record<string, Effect>> = { 'x-oss-request-payer': 'hint', 'x-oss-callback': 'AccessDenied' };
const WRITE: Readonly<Record<string, Effect>> = {
  'x-oss-tagging': 'honoured',
  'x-oss-storage-class': 'honoured',
  'x-oss-object-acl': 'honoured',
  'x-oss-forbid-overwrite': 'honoured',
  'x-oss-server-side-encryption': 'honoured',
  'x-oss-server-side-data-encryption': 'honoured',
  'if-match': 'honoured',
  'if-none-match': 'honoured',
  [META]: 'honoured',
};
const SOURCE: Readonly<Record<string, Effect>> = Object.fromEntries(
  Object.keys(SAMPLES)
    .filter((name) => name.startsWith('x-oss-copy-source-if-'))
    .map((name) => [name, 'honoured' as const]),
);
const REPEATED: Readonly<Record<string, Effect>> = {
  'x-oss-tagging': 'hint',
  'x-oss-storage-class': 'hint',
  [META]: 'hint',
};
const ENCRYPTION: Readonly<Record<string, Effect>> = {
  'x-oss-server-side-encryption': 'InvalidArgument',
  'x-oss-server-side-data-encryption': 'InvalidArgument',
};
const { 'if-match': _match, 'if-none-match': _none, ...COPY } = WRITE;
const COMPLETE =
  '<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>e</ETag></Part></CompleteMultipartUpload>';

const OPERATIONS: Readonly<Record<string, Operation>> = {
  PutObject: { method: 'PUT', target: '/b/k', effects: WRITE },
  AppendObject: { method: 'POST', target: '/b/k?append&position=0', effects: WRITE },
  CopyObject: {
    method: 'PUT',
    target: '/b/k',
    headers: { 'x-oss-copy-source': '/b/s' },
    effects: {
      ...COPY,
      ...SOURCE,
      'x-oss-metadata-directive': 'honoured',
      'x-oss-tagging-directive': 'honoured',
    },
  },
  InitiateMultipartUpload: { method: 'POST', target: '/b/k?uploads', effects: WRITE },
  UploadPart: {
    method: 'PUT',
    target: '/b/k?uploadId=u&partNumber=1',
    effects: { ...REPEATED, 'x-oss-forbid-overwrite': 'hint', 'x-oss-server-side-encryption': 'InvalidArgument' },
  },
  UploadPartCopy: {
    method: 'PUT',
    target: '/b/k?uploadId=u&partNumber=1',
    headers: { 'x-oss-copy-source': '/b/s' },
    effects: {
      ...REPEATED,
      ...SOURCE,
      'x-oss-forbid-overwrite': 'hint',
      'x-oss-copy-source-range': 'honoured',
      'x-oss-server-side-encryption': 'InvalidArgument',
    },
  },
  CompleteMultipartUpload: {
    method: 'POST',
    target: '/b/k?uploadId=u',
    body: COMPLETE,
    effects: {
      ...REPEATED,
      'x-oss-forbid-overwrite': 'honoured',
      'if-match': 'honoured',
      'if-none-match': 'honoured',
      'x-oss-server-side-encryption': 'InvalidArgument',
      'x-oss-complete-all': 'InvalidArgument',
    },
  },
  AbortMultipartUpload: { method: 'DELETE', target: '/b/k?uploadId=u', effects: { ...ENCRYPTION, [META]: 'hint' } },
  DeleteObject: { method: 'DELETE', target: '/b/k', effects: { ...ENCRYPTION, [META]: 'hint' } },
  DeleteMultipleObjects: {
    method: 'POST',
    target: '/b?delete',
    body: '<Delete><Object><Key>k</Key></Object></Delete>',
    effects: { ...ENCRYPTION, [META]: 'hint' },
  },
  PutObjectTagging: {
    method: 'PUT',
    target: '/b/k?tagging',
    body: '<Tagging><TagSet></TagSet></Tagging>',
    effects: { ...ENCRYPTION, [META]: 'hint' },
  },
  PutBucket: {
    method: 'PUT',
    target: '/bucket',
    effects: {
      'x-oss-acl': 'honoured',
      'x-oss-server-side-encryption': 'honoured',
      'x-oss-server-side-data-encryption': 'honoured',
      [META]: 'hint',
    },
  },
};

async function decode({ method, target, headers = {}, body = '' }: Omit<Operation, 'effects'>): Promise<unknown> {
  const bytes = Buffer.from(body);
  const lines = [...Object.entries(headers), ['content-length', String(bytes.length)] as const];
  const wire = wireRequest({ method, target, headers: lines, body: bytes });
  const [bucket, key] = wire.path.slice(1).split('/');
  const request: VerifiedRequest = { wire, accessKeyId: 'a', form: 'oss-v4', bucket, key, body: bodyOf(wire) };
  const { body: _body, ...model } = (await oss.decodeRequest(request)) as { readonly body?: unknown };
  return model;
}

const CASES = Object.entries(OPERATIONS).flatMap(([name, operation]) =>
  NAMES
    // ACLs have a table of their own; `repeated` encryption words on parts are told apart in request.test.ts.
    .filter((header) => !/-acl$/.test(header) || operation.effects[header] !== undefined)
    .filter((header) => header !== 'x-oss-server-side-data-encryption' || operation.effects[header] !== undefined)
    .map((header) => ({
      name,
      header,
      operation,
      effect: operation.effects[header] ?? COMMON[header] ?? ('NotImplemented' as const),
    })),
);

describe('every header that OSS has for a write', () => {
  test('the hints have reasons', () => {
    for (const reason of Object.values(HINTS)) expect(reason).toMatch(/./);
  });

  test.each(CASES)('$name $header: $effect', async ({ header, operation, effect }) => {
    const before = await decode(operation);
    const given = { ...operation, headers: { ...operation.headers, [header]: SAMPLES[header] ?? 'x' } };
    if (effect === 'honoured') expect(await decode(given)).not.toEqual(before);
    else if (effect === 'hint') expect(await decode(given)).toEqual(before);
    else await expect(decode(given)).rejects.toMatchObject({ code: effect });
  });

  test('the doubled headers of ali-oss copies say nothing more', async () => {
    const doubled = {
      'x-oss-copy-source': '/b/s',
      'x-oss-storage-class': 'IA',
      'x-oss-copy-source-x-oss-storage-class': 'IA',
    };
    expect(await decode({ method: 'PUT', target: '/b/k', headers: doubled })).toMatchObject({
      storageClass: 'STANDARD_IA',
    });
    const condition = { 'x-oss-copy-source': '/b/s', 'if-match': '"e"', 'x-oss-copy-source-if-match': '"e"' };
    expect(await decode({ method: 'PUT', target: '/b/k', headers: condition })).toMatchObject({
      conditions: {},
      sourceConditions: { ifMatch: ['e'] },
    });
  });

  test('a bucket of another class or redundancy than the default is refused', async () => {
    const bucket = (inner: string) =>
      decode({
        method: 'PUT',
        target: '/bucket',
        body: `<CreateBucketConfiguration>${inner}</CreateBucketConfiguration>`,
      });
    await expect(bucket('<StorageClass>IA</StorageClass>')).rejects.toMatchObject({ code: 'NotImplemented' });
    await expect(bucket('<DataRedundancyType>ZRS</DataRedundancyType>')).rejects.toMatchObject({
      code: 'NotImplemented',
    });
    expect(
      await bucket('<StorageClass>Standard</StorageClass><DataRedundancyType>LRS</DataRedundancyType>'),
    ).toMatchObject({ operation: 'CreateBucket' });
  });
});

describe('x-oss-traffic-limit', () => {
  test.each(['819199', '838860801', 'fast', '-1', ''])('%j is no limit that OSS knows', async (limit) => {
    for (const method of ['PUT', 'GET'])
      await expect(decode({ method, target: '/b/k', headers: { 'x-oss-traffic-limit': limit } })).rejects.toMatchObject(
        { code: 'InvalidArgument' },
      );
  });

  test('is kept to on a read, as a header and in an address', async () => {
    expect(await decode({ method: 'GET', target: '/b/k', headers: { 'x-oss-traffic-limit': '819200' } })).toMatchObject(
      {
        bytesPerSecond: 102_400,
      },
    );
    expect(await decode({ method: 'GET', target: '/b/k?x-oss-traffic-limit=819200' })).toMatchObject({
      bytesPerSecond: 102_400,
    });
  });

  test('is kept to on a write: the body is read no faster', async () => {
    const bytes = Buffer.alloc(64 * 1024);
    const headers = [
      ['x-oss-traffic-limit', '819200'],
      ['content-length', String(bytes.length * 2)],
    ] as const;
    const wire = wireRequest({ method: 'PUT', target: '/b/k', headers, body: bytes });
    const halves = (async function* () {
      await Promise.resolve();
      yield bytes;
      yield bytes;
    })();
    const request = { wire, accessKeyId: 'a', form: 'oss-v4', bucket: 'b', key: 'k' } as const;
    const decoded = await oss.decodeRequest({ ...request, body: { bytes: halves, length: bytes.length * 2 } });
    const begun = performance.now();
    let size = 0;
    if (decoded.operation === 'PutObject') for await (const chunk of decoded.body.bytes) size += chunk.length;
    expect(size).toBe(bytes.length * 2);
    // 64 KiB at 100 KiB/s before the second half.
    expect(performance.now() - begun).toBeGreaterThan(600);
  });

  test('bytes come at the pace that was asked, idle time is not made up for, and an early end reaches the source', async () => {
    let clock = 0;
    const waits: number[] = [];
    const pace = {
      now: () => clock,
      wait: (ms: number) => {
        waits.push(ms);
        clock += ms;
        return Promise.resolve();
      },
    };
    let closed = false;
    const source = {
      [Symbol.asyncIterator]: () => ({
        next: () => Promise.resolve({ done: false as const, value: new Uint8Array(500) }),
        return: () => {
          closed = true;
          return Promise.resolve({ done: true as const, value: undefined });
        },
      }),
    };
    const iterator = paced(source, 1000, pace)[Symbol.asyncIterator]();
    await iterator.next();
    await iterator.next();
    clock += 10_000;
    await iterator.next();
    await iterator.next();
    expect(waits).toEqual([500, 500]);
    await iterator.return?.();
    expect(closed).toBe(true);
  });
});
