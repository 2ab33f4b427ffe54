import { connect } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import type { WireResponse } from '../../../src/wire/message.ts';
import type { Stage } from './raw-client.ts';
import { collect, pause, stage, statusOf, talk } from './raw-client.ts';

let house: Stage | undefined;
afterEach(async () => {
  await house?.close();
  house = undefined;
});

async function reply(response: () => WireResponse, limits = {}): Promise<Stage> {
  house = await stage(async () => response(), { limits });
  return house;
}

const GET = 'GET /k HTTP/1.1\r\nhost: h\r\n\r\n';

async function* chunks(...parts: (string | Error)[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) {
    if (part instanceof Error) throw part;
    yield Buffer.from(part);
  }
}

describe('an answer', () => {
  test('keeps the order and the duplicates of its header lines', async () => {
    const { port } = await reply(() => ({
      status: 200,
      headers: [
        ['x-b', '1'],
        ['x-a', '2'],
        ['x-b', '3'],
        ['connection', 'keep-alive, x-b'],
        ['transfer-encoding', 'gzip'],
      ],
      body: undefined,
    }));
    const { text } = await talk(port, GET);
    expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\nx-a: 2\r\ncontent-length: 0\r\n/);
    expect(text).not.toContain('gzip');
  });

  test('streams without a length as chunks, with a length as it is', async () => {
    const { port } = await reply(() => ({
      status: 200,
      headers: [['content-length', '5']],
      body: chunks('he', '', 'llo'),
    }));
    expect((await talk(port, GET)).text).toMatch(/content-length: 5\r\n[^]*\r\n\r\nhello$/);
    await house?.close();
    const second = await reply(() => ({ status: 200, headers: [], body: chunks('he', 'llo') }));
    expect((await talk(second.port, GET)).text).toMatch(/2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n$/);
  });

  test.each([
    ['HEAD', 200],
    ['GET', 304],
    ['GET', 204],
  ])('to %s with %i has no body, and its source is released', async (method, status) => {
    let released = false;
    let produced = false;
    const body: AsyncIterable<Uint8Array> = {
      [Symbol.asyncIterator]: () => ({
        next: async () => {
          produced = true;
          return { done: false, value: Buffer.from('x') };
        },
        return: async () => {
          released = true;
          return { done: true, value: undefined };
        },
      }),
    };
    const { port } = await reply(() => ({ status, headers: [['content-length', '7']], body }));
    const { text } = await talk(port, `${method} /k HTTP/1.1\r\nhost: h\r\n\r\n`);
    expect(statusOf(text)).toBe(status);
    expect(text.endsWith('\r\n\r\n')).toBe(true);
    expect(text.includes('content-length: 7')).toBe(status !== 204);
    expect(released).toBe(true);
    expect(produced).toBe(false);
  });

  test.each([
    ['x', 'a\r\nset-cookie: y'],
    ['x', 'a\nb'],
    ['x', 'a\0b'],
    ['x', '\u010d\u010a'],
    ['x y', 'a'],
    ['x\r\ny', 'a'],
    ['', 'a'],
  ])('with the header %j: %j becomes a 500', async (name, value) => {
    const { port, reported } = await reply(() => ({ status: 200, headers: [[name, value]], body: Buffer.from('x') }));
    const { text } = await talk(port, GET);
    expect(statusOf(text)).toBe(500);
    expect(text).not.toContain('cookie');
    expect(text).toContain('InternalError');
    expect(reported).toHaveLength(1);
  });

  test('with a length that is not its body’s becomes a 500', async () => {
    const { port } = await reply(() => ({ status: 200, headers: [['content-length', '9']], body: Buffer.from('x') }));
    expect(statusOf((await talk(port, GET)).text)).toBe(500);
  });

  test('whose body fails at once becomes an error answer', async () => {
    const { port } = await reply(() => ({ status: 200, headers: [], body: chunks(new Error('no')) }));
    expect((await talk(port, GET)).text).toMatch(/^HTTP\/1\.1 500[^]*InternalError/);
  });

  test.each([
    ['fails later', ['hello', new Error('later')], undefined],
    ['is too short', ['hello'], '9'],
    ['is too long', ['hello', 'world'], '9'],
  ] as const)('whose body %s breaks the connection and never ends cleanly', async (_name, parts, length) => {
    const { port, observed } = await reply(() => ({
      status: 200,
      headers: length === undefined ? [] : [['content-length', length]],
      body: chunks(...parts),
    }));
    const socket = connect(port, '127.0.0.1');
    let failure: NodeJS.ErrnoException | undefined;
    socket.on('error', (error) => (failure = error));
    socket.write(GET);
    const { text } = await collect(socket, 1000);
    await pause(50);
    expect(text.endsWith('0\r\n\r\n')).toBe(false);
    expect(failure?.code).toBe('ECONNRESET');
    expect(observed[0]).toMatchObject({ complete: false });
  });
});

describe('a client that does not read', () => {
  test('stops the source: what is produced stays bounded, and silence ends it', async () => {
    let produced = 0;
    let released = false;
    async function* endless(): AsyncGenerator<Uint8Array> {
      const block = Buffer.alloc(64 * 1024);
      try {
        for (;;) {
          produced += block.length;
          yield block;
        }
      } finally {
        released = true;
      }
    }
    const { port, observed } = await reply(() => ({ status: 200, headers: [], body: endless() }), { idle: 800 });
    const sockets = Array.from({ length: 5 }, () => {
      const socket = connect(port, '127.0.0.1');
      socket.pause();
      socket.on('error', () => undefined);
      socket.write(GET);
      return socket;
    });
    await pause(500);
    const early = produced;
    await pause(200);
    expect(produced).toBe(early);
    // The kernel's buffers of a loopback pair take some MiB each.
    expect(produced).toBeLessThan(5 * 16 * 1024 * 1024);
    await pause(1800);
    expect(released).toBe(true);
    expect(observed.filter(({ complete }) => !complete)).toHaveLength(5);
    for (const socket of sockets) socket.destroy();
  });

  test('but leaves releases the source', async () => {
    const released = Promise.withResolvers<undefined>();
    async function* endless(): AsyncGenerator<Uint8Array> {
      try {
        for (;;) {
          yield Buffer.alloc(1024);
          await pause(5);
        }
      } finally {
        released.resolve(undefined);
      }
    }
    const { port } = await reply(() => ({ status: 200, headers: [], body: endless() }));
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write(GET);
    await pause(100);
    socket.destroy();
    await released.promise;
  });
});
