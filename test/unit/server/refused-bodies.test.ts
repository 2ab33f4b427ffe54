import { connect, type Socket } from 'node:net';
import { once } from 'node:events';
import { afterEach, describe, expect, test } from 'vitest';
import { GatewayError } from '../../../src/model/errors.ts';
import { encodeFailure, pause, stage, statusOf, type Stage } from './raw-client.ts';

const stages: Stage[] = [];
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await Promise.all(stages.splice(0).map((each) => each.close()));
});

const TWENTY_MB = Buffer.alloc(20 * 1024 * 1024, 'x');

async function refusing(admits = false): Promise<Stage> {
  const house = await stage(async (_wire, _signal, admit) => {
    if (admits) admit('a client');
    return encodeFailure(new GatewayError('AccessDenied', 'no'), { wire: undefined, listener: '', requestId: 'r' });
  });
  stages.push(house);
  return house;
}

function opened(port: number): Socket {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  sockets.push(socket);
  return socket;
}

/** Like Python's http.client: reads nothing until everything is written. */
async function writesFirst(port: number): Promise<string> {
  const socket = opened(port);
  socket.pause();
  const failed = once(socket, 'close').then(() => 'reset');
  socket.write(`PUT /b/k HTTP/1.1\r\nhost: h\r\ncontent-length: ${TWENTY_MB.length}\r\n\r\n`);
  const written = new Promise<string>((resolve) => socket.write(TWENTY_MB, () => resolve('written')));
  if ((await Promise.race([written, failed])) === 'reset') return 'reset';
  let text = '';
  for await (const chunk of socket) text += String(chunk);
  return text;
}

describe('a refused body that its client goes on sending', () => {
  test('is read away until the client has its answer: thirty of thirty tries', async () => {
    const house = await refusing();
    const statuses: number[] = [];
    for (let i = 0; i < 30; i++) statuses.push(statusOf(await writesFirst(house.port)));
    expect(statuses).toEqual(Array<number>(30).fill(400));
  });

  test('holds no place and is observed when its answer is written, not when its client is done', async () => {
    const house = await refusing(true);
    const socket = opened(house.port);
    socket.write(`PUT /b/k HTTP/1.1\r\nhost: h\r\ncontent-length: ${TWENTY_MB.length}\r\n\r\nabc`);
    await once(socket, 'data');
    expect(house.running.inFlight()).toEqual({ requests: 0, bytes: 0 });
    expect(house.observed).toHaveLength(1);
    expect(house.observed[0]).toMatchObject({ status: 400, complete: true });
    socket.destroy();
    await pause(100);
    expect(house.observed).toHaveLength(1);
  });

  test.each(['HEAD', 'DELETE', 'PUT'])(
    'an answer to %s without a body of its own is not kept back meanwhile',
    async (method) => {
      const house = await stage(() =>
        Promise.resolve({ status: method === 'DELETE' ? 204 : 200, headers: [], body: undefined }),
      );
      stages.push(house);
      const socket = opened(house.port);
      socket.write(`${method} /b/k HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n`);
      const began = performance.now();
      const [first] = (await once(socket, 'data')) as [Buffer];
      expect(statusOf(String(first))).toBe(method === 'DELETE' ? 204 : 200);
      expect(performance.now() - began).toBeLessThan(1000);
    },
  );

  test('is bounded in bytes: an endless one is cut off', async () => {
    const house = await refusing();
    const socket = opened(house.port);
    socket.resume();
    socket.write(`PUT /b/k HTTP/1.1\r\nhost: h\r\ncontent-length: ${1024 ** 4}\r\n\r\n`);
    let sent = 0;
    while (!socket.destroyed && sent < 50) {
      await new Promise<void>((resolve) => {
        socket.write(TWENTY_MB, () => resolve());
        socket.once('close', () => resolve());
      });
      sent++;
    }
    expect(socket.destroyed).toBe(true);
    expect(sent).toBeLessThan(10);
  });

  test('is bounded in silence: who stops sending is let go', async () => {
    const house = await refusing();
    const socket = opened(house.port);
    socket.resume();
    socket.write('PUT /b/k HTTP/1.1\r\nhost: h\r\ncontent-length: 1000000\r\n\r\nabc');
    const began = performance.now();
    await once(socket, 'close');
    expect(performance.now() - began).toBeLessThan(5000);
  });

  test('does not hold up a house that closes', async () => {
    const house = await refusing();
    const socket = opened(house.port);
    socket.write('PUT /b/k HTTP/1.1\r\nhost: h\r\ncontent-length: 1000000\r\n\r\nabc');
    await once(socket, 'data');
    house.running.stopAccepting();
    expect(await house.running.drain(1000)).toBe(true);
  });

  test('of few connections at once: the house keeps answering others while hundreds linger', async () => {
    const house = await refusing();
    const lingering = await Promise.all(
      Array.from({ length: 400 }, async () => {
        const socket = opened(house.port);
        socket.write('PUT /b/k HTTP/1.1\r\nhost: h\r\ncontent-length: 1000000\r\n\r\nabc');
        await once(socket, 'data');
        return socket;
      }),
    );
    await pause(300);
    // 256 are waited for; the others had their answer, and were closed.
    expect(lingering.filter((socket) => !socket.readableEnded && !socket.destroyed).length).toBeLessThanOrEqual(256);
    const socket = opened(house.port);
    socket.write('GET /b/k HTTP/1.1\r\nhost: h\r\n\r\n');
    expect(statusOf(String((await once(socket, 'data'))[0]))).toBe(400);
  });
});

describe('a body slower than the least rate', () => {
  const slow = { minimumRate: 1000, minimumRateWindow: 600 };

  test('is ended with RequestTimeout, though bytes keep coming', async () => {
    const house = await stage(
      async (wire) => {
        await wire.body.toArray();
        throw new Error('never');
      },
      { limits: slow },
    );
    stages.push(house);
    const socket = opened(house.port);
    socket.write('PUT /k HTTP/1.1\r\nhost: h\r\ncontent-length: 100000\r\n\r\n');
    const drip = setInterval(() => socket.write('x'), 20);
    const [first] = (await once(socket, 'data')) as [Buffer];
    clearInterval(drip);
    expect(String(first)).toMatch(/^HTTP\/1\.1 400 /);
    expect(String(first)).toContain('RequestTimeout');
  });

  test('is not ended while its reader, not its client, takes the time', async () => {
    const house = await stage(
      async (wire) => {
        let size = 0;
        for await (const chunk of wire.body) {
          size += (chunk as Buffer).length;
          await pause(700);
        }
        return { status: 200, headers: [], body: Buffer.from(String(size)) };
      },
      { limits: slow },
    );
    stages.push(house);
    const socket = opened(house.port);
    socket.write(`PUT /k HTTP/1.1\r\nhost: h\r\ncontent-length: 200000\r\n\r\n${'x'.repeat(200_000)}`);
    const [first] = (await once(socket, 'data')) as [Buffer];
    expect(String(first)).toMatch(/^HTTP\/1\.1 200 [^]*200000$/);
  });
});
