import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Call, Place } from '../../../src/gateway/call/call.ts';
import { withCopySource } from '../../../src/gateway/objects/copy-source.ts';
import { mergedParts } from '../../../src/gateway/uploads/join-parts.ts';
import { keepPart, keptParts, openKept, replaceKept, type KeptPart } from '../../../src/gateway/uploads/kept-part.ts';
import type { Keyring } from '../../../src/model/keyring.ts';
import type { PartInfo } from '../../../src/model/objects.ts';
import { collect } from '../envelope/byte-streams.ts';
import { testKeyring } from './protect/sealed-objects.ts';

const MIB = 1024 * 1024;

let keyring: Keyring;
beforeAll(async () => {
  keyring = await testKeyring();
});

/** A store in memory, as far as kept parts need one. */
function world(native: readonly PartInfo[] = []) {
  const objects = new Map<string, Buffer>();
  const given: Readable[] = [];
  const execute = async (request: { operation: string; [field: string]: unknown }): Promise<unknown> => {
    const key = request['key'] as string;
    switch (request.operation) {
      case 'PutObject':
        objects.set(key, await collect((request['body'] as { bytes: AsyncIterable<Uint8Array> }).bytes));
        return { etag: 'e' };
      case 'DeleteObject':
        objects.delete(key);
        return {};
      case 'ListObjectsV2': {
        const found = [...objects.keys()].filter((name) => name.startsWith(request['prefix'] as string)).sort();
        return { objects: found.map((name) => ({ key: name, lastModified: 1000 })), truncated: false };
      }
      case 'ListParts':
        return { parts: native, truncated: false };
      case 'GetObject': {
        const bytes = objects.get(key) ?? Buffer.alloc(0);
        const stream = Readable.from(
          Array.from({ length: Math.ceil(bytes.length / 1000) }, (_, at) =>
            bytes.subarray(at * 1000, at * 1000 + 1000),
          ),
        );
        given.push(stream);
        return {
          content: { kind: 'plain', bytes: stream, length: bytes.length },
          encryption: { kind: 'none' },
          metadata: { user: {} },
        };
      }
      default:
        throw new Error(request.operation);
    }
  };
  const call = {
    snapshot: { keyring },
    services: { randomBytes },
    context: { requestId: 'r' },
    dialect: { traits: {} },
    wire: { connection: { secure: true } },
    verified: {},
  } as unknown as Call;
  const place = { storeBucket: 'b', backend: { capabilities: {}, execute } } as unknown as Place;
  const keep = async (storeUploadId: string, partNumber: number, plain: Buffer): Promise<KeptPart> => {
    const body = { bytes: Readable.from([plain]), length: plain.length };
    const { etag } = await keepPart(call, place, { storeUploadId, partNumber, body, length: plain.length });
    const part = (await keptParts(call, place, storeUploadId)).find((each) => each.etag === etag);
    if (part === undefined) throw new Error('nothing was kept');
    return part;
  };
  return { call, place, objects, given, keep };
}

describe('a kept part', () => {
  test('comes back as it was', async () => {
    const { call, place, keep } = world();
    const plain = randomBytes(MIB);
    expect(await collect(openKept(call, place, await keep('u', 1, plain)))).toEqual(plain);
  });

  test('lets go of the answer when its reader gives up half-way', async () => {
    const { call, place, keep, given } = world();
    const part = await keep('u', 1, randomBytes(MIB));
    for await (const _chunk of openKept(call, place, part)) break;
    expect(given.map((stream) => stream.destroyed)).toEqual([true]);
  });

  test('lets go of the answer when it cannot be opened', async () => {
    const { call, place, keep, given, objects } = world();
    const part = await keep('u', 1, randomBytes(MIB));
    objects.get(part.objectKey)!.write('{"no', 4);
    await expect(collect(openKept(call, place, part))).rejects.toThrow();
    expect(given.map((stream) => stream.destroyed)).toEqual([true]);
  });

  test('of another upload does not open, whatever its place', async () => {
    const { call, place, keep, objects } = world();
    const [mine, other] = [await keep('mine', 1, randomBytes(MIB)), await keep('other', 1, randomBytes(MIB))];
    objects.set(mine.objectKey, objects.get(other.objectKey)!);
    await expect(collect(openKept(call, place, mine))).rejects.toThrow();
  });

  test('that the store took itself afterwards is kept no longer, and others are', async () => {
    const { call, place, keep } = world();
    await keep('u', 1, randomBytes(10));
    await keep('u', 11, randomBytes(10));
    await replaceKept(call, place, 'u', 1);
    expect((await keptParts(call, place, 'u')).map(({ partNumber }) => partNumber)).toEqual([11]);
  });
});

test('after a Complete that failed, what it joined is not listed beside its members: no byte would count twice', async () => {
  const joined = { partNumber: 1, size: 6 * MIB, etag: 'joined', lastModified: 2000 };
  const { call, place, keep } = world([joined, { ...joined, partNumber: 7, etag: 'large' }]);
  const kept = [await keep('u', 1, randomBytes(10)), await keep('u', 2, randomBytes(10))];
  const request = {
    operation: 'ListParts',
    bucket: 'b',
    key: 'k',
    uploadId: 'u',
    maxParts: 9,
    partNumberMarker: 0,
  } as const;
  const upload = { storeUploadId: 'u', kept: await keptParts(call, place, 'u') };
  const { parts } = await mergedParts(call, place, request, upload);
  expect(parts.map(({ etag }) => etag)).toEqual([kept[0]?.etag, kept[1]?.etag, 'large']);
});

test('a copy that fails before its source is read lets go of the source', async () => {
  const { call, place, keep, given } = world();
  const { objectKey: key } = await keep('u', 1, randomBytes(MIB));
  const read = {
    operation: 'GetObject',
    bucket: 'b',
    key,
    conditions: {},
    checksumMode: false,
    overrides: {},
  } as const;
  const failed = withCopySource(
    call,
    place,
    read,
    () => undefined,
    () => Promise.reject(new Error('the keyring is down')),
  );
  await expect(failed).rejects.toThrow('the keyring is down');
  expect(given.map((stream) => stream.destroyed)).toEqual([true]);
});
