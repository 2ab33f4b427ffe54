import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { LocalStore } from '../../../../src/backends/local/store.ts';
import type { Content, SealedPart } from '../../../../src/model/seal.ts';
import {
  BODY,
  codeOf,
  crc64,
  drain,
  get,
  openWithBucket,
  plainContent,
  put,
  run,
  sealedBytes,
  sealedContent,
  sealedPart,
  sealHeader,
  WHOLE_READ,
  WHOLE_WRITE,
} from './support.ts';

const film = { bucket: 'photos', key: 'film' } as const;
const md5 = (data: Uint8Array, form: 'hex' | 'binary' = 'hex') => createHash('md5').update(data).digest(form);

async function begin(store: LocalStore, more: object = {}): Promise<string> {
  const request = { operation: 'CreateMultipartUpload', ...film, ...WHOLE_WRITE, ...more } as const;
  return (await run(store, request)).uploadId;
}

function upload(store: LocalStore, uploadId: string, partNumber: number, data: Buffer | Content) {
  const content = Buffer.isBuffer(data) ? plainContent([data]) : data;
  return run(store, { operation: 'UploadPart', ...film, uploadId, partNumber, body: BODY, content });
}

function complete(
  store: LocalStore,
  uploadId: string,
  parts: 'all' | readonly { partNumber: number; etag: string }[],
  more: object = {},
) {
  return run(store, { operation: 'CompleteMultipartUpload', ...film, uploadId, parts, conditions: {}, ...more });
}

async function settled(store: LocalStore, files: number): Promise<void> {
  await expect.poll(async () => (await store.scrub()).files).toBe(files);
}

describe('multipart', () => {
  test('joins parts without moving them, with the ETag and CRC64 of S3 and OSS', async () => {
    const store = await openWithBucket();
    const uploadId = await begin(store, { metadata: { contentType: 'video/mp4', user: {} } });
    const data = [randomBytes(300_000), randomBytes(100), randomBytes(5)];
    const etags: string[] = [];
    for (const [at, part] of data.entries()) etags.push((await upload(store, uploadId, at * 2 + 1, part)).etag);
    const parts = etags.map((etag, at) => ({ partNumber: at * 2 + 1, etag: `"${etag.toUpperCase()}"` }));
    const result = await complete(store, uploadId, parts);
    const whole = Buffer.concat(data);
    expect(result.etag).toBe(`${md5(Buffer.concat(data.map((part) => createHash('md5').update(part).digest())))}-3`);
    expect(result.crc64).toBe(crc64(whole).toString());
    expect(await get(store, 'film')).toEqual(whole);
    expect(await get(store, 'film', { range: { kind: 'from', first: 299_999, last: 300_100 } })).toEqual(
      whole.subarray(299_999, 300_101),
    );
    expect(await get(store, 'film', { partNumber: 3 })).toEqual(data[1]);
    expect(await codeOf(get(store, 'film', { partNumber: 2 }))).toBe('InvalidRange');
    const head = await run(store, { operation: 'HeadObject', ...film, ...WHOLE_READ, partNumber: 5 });
    expect(head).toMatchObject({
      partCount: 3,
      range: { first: 300_100, last: 300_104 },
      type: 'Multipart',
      metadata: { contentType: 'video/mp4' },
    });
    const page = await run(store, {
      operation: 'GetObjectAttributes',
      ...film,
      attributes: [],
      maxParts: 2,
      partNumberMarker: 0,
    });
    expect(page.parts).toMatchObject({
      total: 3,
      truncated: true,
      nextPartNumberMarker: 3,
      parts: [{ partNumber: 1, size: 300_000 }, { partNumber: 3 }],
    });
    await settled(store, 3);
  });

  test('judges the list of parts', async () => {
    const store = await openWithBucket();
    const uploadId = await begin(store);
    const one = await upload(store, uploadId, 1, Buffer.from('1'));
    const two = await upload(store, uploadId, 2, Buffer.from('2'));
    const [first, second] = [
      { partNumber: 1, etag: one.etag },
      { partNumber: 2, etag: two.etag },
    ];
    expect(await codeOf(complete(store, uploadId, [second, first]))).toBe('InvalidPartOrder');
    expect(await codeOf(complete(store, uploadId, [first, first]))).toBe('InvalidPartOrder');
    expect(await codeOf(complete(store, uploadId, [first, { partNumber: 3, etag: 'x' }]))).toBe('InvalidPart');
    expect(await codeOf(complete(store, uploadId, [{ partNumber: 1, etag: two.etag }]))).toBe('InvalidPart');
    expect(await codeOf(complete(store, uploadId, []))).toBe('MalformedXML');
    expect(await codeOf(complete(store, 'none', [first]))).toBe('NoSuchUpload');
    expect(await codeOf(get(store, 'film'))).toBe('NoSuchKey');
    await complete(store, uploadId, [second]);
    expect((await get(store, 'film')).toString()).toBe('2');
    await settled(store, 1);
  });

  test('part numbers are 1 to 10000', async () => {
    const store = await openWithBucket();
    const uploadId = await begin(store);
    for (const number of [0, -1, 10_001, 1.5])
      expect(await codeOf(upload(store, uploadId, number, Buffer.from('1')))).toBe('InvalidArgument');
    await upload(store, uploadId, 10_000, Buffer.from('1'));
  });

  test('a part uploaded again replaces the first attempt', async () => {
    const store = await openWithBucket();
    const uploadId = await begin(store);
    const old = await upload(store, uploadId, 1, Buffer.from('old'));
    const { etag } = await upload(store, uploadId, 1, Buffer.from('new'));
    const listed = await run(store, { operation: 'ListParts', ...film, uploadId, maxParts: 10, partNumberMarker: 0 });
    expect(listed).toMatchObject({
      parts: [{ partNumber: 1, etag, size: 3 }],
      truncated: false,
      nextPartNumberMarker: 1,
    });
    expect(await codeOf(complete(store, uploadId, [{ partNumber: 1, etag: old.etag }]))).toBe('InvalidPart');
    await complete(store, uploadId, 'all');
    expect((await get(store, 'film')).toString()).toBe('new');
    await settled(store, 1);
  });

  test('a repeated Complete gets the same answer, another list does not', async () => {
    const store = await openWithBucket();
    const uploadId = await begin(store);
    const { etag } = await upload(store, uploadId, 1, Buffer.from('1'));
    await upload(store, uploadId, 2, Buffer.from('2'));
    const parts = [{ partNumber: 1, etag }];
    const first = await complete(store, uploadId, parts);
    expect(await complete(store, uploadId, parts)).toEqual(first);
    expect(await codeOf(complete(store, uploadId, 'all'))).toBe('NoSuchUpload');
    expect(await codeOf(upload(store, uploadId, 3, Buffer.from('3')))).toBe('NoSuchUpload');
    expect(await codeOf(run(store, { operation: 'AbortMultipartUpload', ...film, uploadId }))).toBe('NoSuchUpload');
    expect((await get(store, 'film')).toString()).toBe('1');
  });

  test('of two completes at once both see one object', async () => {
    const store = await openWithBucket();
    const uploadId = await begin(store);
    const one = await upload(store, uploadId, 1, Buffer.from('1'));
    const two = await upload(store, uploadId, 2, Buffer.from('2'));
    const outcomes = await Promise.allSettled([
      complete(store, uploadId, [{ partNumber: 1, etag: one.etag }]),
      complete(store, uploadId, [{ partNumber: 2, etag: two.etag }]),
    ]);
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    const body = (await get(store, 'film')).toString();
    expect(body).toBe(outcomes[0].status === 'fulfilled' ? '1' : '2');
    await settled(store, 1);
  });

  test('abort or complete during an upload wins, and the part leaves nothing', async () => {
    const store = await openWithBucket();
    for (const end of ['abort', 'complete'] as const) {
      const uploadId = await begin(store);
      await upload(store, uploadId, 1, Buffer.from('1'));
      let release = (): void => undefined;
      const gate = new Promise<void>((resolve) => (release = resolve));
      const slow = upload(
        store,
        uploadId,
        2,
        plainContent(
          (async function* () {
            yield Buffer.from('2');
            await gate;
            yield Buffer.from('2');
          })(),
        ),
      );
      const failure = codeOf(slow);
      if (end === 'abort') await run(store, { operation: 'AbortMultipartUpload', ...film, uploadId });
      else await complete(store, uploadId, 'all');
      release();
      expect(await failure).toBe('NoSuchUpload');
      await settled(store, end === 'abort' ? 0 : 1);
    }
    expect((await get(store, 'film')).toString()).toBe('1');
  });

  test('a scrub aborts what began too long ago, and nothing else', async () => {
    let now = 1_000;
    let before = 0;
    const store = await openWithBucket({ now: () => now, uploadsBefore: () => before });
    const old = await begin(store);
    await upload(store, old, 1, Buffer.from('old'));
    now = 5_000;
    const young = await begin(store);
    const part = await upload(store, young, 1, Buffer.from('young'));
    await store.scrub();
    expect(await store.sealed.upload('photos', 'film', old)).toMatchObject({ initiated: 1_000 });
    before = 5_000;
    await store.scrub();
    await expect(store.sealed.upload('photos', 'film', old)).rejects.toMatchObject({ code: 'NoSuchUpload' });
    await settled(store, 1);
    await complete(store, young, [{ partNumber: 1, etag: part.etag }]);
    expect((await get(store, 'film')).toString()).toBe('young');
  });

  test('who decided an upload’s encryption is kept with it', async () => {
    const store = await openWithBucket();
    for (const underBucketRule of [true, false]) {
      const { encryption, ...state } = await store.sealed.upload(
        'photos',
        'film',
        await begin(store, { underBucketRule }),
      );
      expect([encryption, state.underBucketRule]).toEqual([{ kind: 'none' }, underBucketRule]);
    }
    expect(await store.sealed.upload('photos', 'film', await begin(store))).not.toHaveProperty('underBucketRule');
  });

  test('conditions of Complete are judged with the object, and a refusal keeps the upload', async () => {
    const store = await openWithBucket();
    await put(store, 'film', 'there');
    const uploadId = await begin(store);
    await upload(store, uploadId, 1, Buffer.from('1'));
    expect(await codeOf(complete(store, uploadId, 'all', { conditions: { ifNoneMatch: ['*'] } }))).toBe(
      'PreconditionFailed',
    );
    expect(await codeOf(complete(store, uploadId, 'all', { forbidOverwrite: true }))).toBe('FileAlreadyExists');
    expect((await get(store, 'film')).toString()).toBe('there');
    await complete(store, uploadId, 'all');
    expect((await get(store, 'film')).toString()).toBe('1');
  });

  test('a sealed upload keeps its header, takes sealed parts only and needs the record', async () => {
    const store = await openWithBucket();
    const header = sealHeader({ uploadId: 'upload-1' });
    const uploadId = await begin(store, { seal: header });
    expect(uploadId).toBe('upload-1');
    expect((await store.sealed.upload('photos', 'film', uploadId)).seal).toEqual(header);
    expect(await codeOf(upload(store, uploadId, 1, Buffer.from('plain')))).toBe('InternalError');
    const plain = [randomBytes(70_000), randomBytes(10)];
    const sealed: SealedPart[] = plain.map((data, at) => sealedPart(data, at + 1));
    for (const [at, data] of plain.entries())
      await upload(
        store,
        uploadId,
        at + 1,
        sealedContent(data, ({ digests }) => ({ digests, etag: `e${at}`, part: sealed[at]! })),
      );
    const parts = await store.sealed.parts('photos', 'film', uploadId);
    expect(parts).toMatchObject(
      plain.map((data, at) => ({ partNumber: at + 1, md5: md5(data), etag: `e${at}`, sealed: sealed[at] })),
    );
    expect(await codeOf(complete(store, uploadId, 'all'))).toBe('InternalError');

    // A rewrap between the gateway's reading and its Complete must not be undone.
    const wrapped = { keyId: 'orders', keyVersion: '2', blob: 'newer' };
    expect(await store.sealed.replaceWrappedKey(header.oid, header.wrapped.blob, wrapped)).toBe(true);
    const record = { ...header, parts: sealed, size: 70_010, sealedMeta: '', mac: '' };
    const stale = { ...record, parts: [sealed[0], { ...sealed[1], attempt: 'other' }] };
    expect(await codeOf(complete(store, uploadId, 'all', { seal: { record: stale, etag: 'x-2' } }))).toBe(
      'InvalidPart',
    );
    expect(await complete(store, uploadId, 'all', { seal: { record, etag: 'x-2', crc64: '7' } })).toMatchObject({
      etag: 'x-2',
      crc64: '7',
    });
    const answer = await run(store, { operation: 'GetObject', ...film, ...WHOLE_READ });
    if (answer.content.kind !== 'sealed') throw new Error('not sealed');
    expect(answer.content.record.wrapped).toEqual(wrapped);
    for (const [at, part] of answer.content.record.parts.entries())
      expect(await drain(answer.content.read(part, 0, part.ciphertextLength - 1))).toEqual(
        sealedBytes(plain[at] ?? Buffer.alloc(0)),
      );
    await answer.content.close();
  });
});
