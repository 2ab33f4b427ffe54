import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { framed } from '../../../src/gateway/call/framing.ts';
import type { StorageRequest } from '../../../src/model/operations.ts';
import type { WireRequest } from '../../../src/wire/message.ts';

const MIB = 1024 * 1024;
const WIRE: WireRequest = {
  method: 'PUT',
  target: '/b/k',
  path: '/b/k',
  query: [],
  headers: [['transfer-encoding', 'chunked']],
  host: 'localhost',
  connection: { peer: '127.0.0.1', secure: false, tlsVersion: undefined, listener: 'http' },
  body: Readable.from([]),
  receivedAt: 0,
  requestId: 'request',
};

async function* chunks(count: number): AsyncGenerator<Uint8Array, void, undefined> {
  const chunk = new Uint8Array(MIB);
  for (let number = 0; number < count; number++) {
    await Promise.resolve();
    yield chunk;
  }
}

function put(count: number): StorageRequest<'PutObject'> {
  const body = { bytes: chunks(count), length: undefined };
  const metadata = { user: {} };
  return { operation: 'PutObject', bucket: 'b', key: 'k', wish: { state: 'absent' }, metadata, conditions: {}, body };
}

async function size(request: StorageRequest): Promise<number> {
  let seen = 0;
  if ('body' in request) for await (const chunk of request.body.bytes) seen += chunk.length;
  return seen;
}

test('content of unknown length ends at 5 GiB', async () => {
  expect(await size(framed(WIRE, put(5120)))).toBe(5120 * MIB);
  await expect(size(framed(WIRE, put(5121)))).rejects.toMatchObject({
    code: 'EntityTooLarge',
    details: { MaxSizeAllowed: 5_368_709_120 },
  });
});
