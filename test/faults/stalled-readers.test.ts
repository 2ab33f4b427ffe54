import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';

/** Bounded: each reader asks for 8 MiB once and reads nothing; the kernel's buffers take what they take. */
const READERS = 1000;
const MOST_GROWTH = 64 * 1024 * 1024;
const MOST_OF_AN_OBJECT = 32 * 1024;
/** Blocks to read ahead, which all readers share. */
const SHARED = 8 * 1024 * 1024;

interface Ready {
  readonly port: number;
  readonly path: string;
}
interface Memory {
  readonly rss: number;
  readonly arrayBuffers: number;
  /** ms that the process has computed so far. */
  readonly cpu: number;
}

const sockets: Socket[] = [];
let gateway: ChildProcess | undefined;
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  gateway?.kill();
  gateway = undefined;
});

describe.each(['managed', 'none'])('a thousand readers that stall, of objects under %s', (encryption) => {
  test('grow the working process by less than 64 MiB, and hold at most 32 KiB each', { timeout: 400_000 }, async () => {
    gateway = fork(`${import.meta.dirname}/stalled-readers-gateway.ts`, [encryption], { execArgv: ['--expose-gc'] });
    const [ready] = (await once(gateway, 'message')) as [Ready];
    const idle = await memory(gateway);
    // As many at once as make every block that readers share.
    for (let round = 0; round < 3; round++) await Promise.all(Array.from({ length: 32 }, () => whole(ready)));
    const working = await memory(gateway);
    for (let i = 0; i < READERS; i++) sockets.push(await stalled(ready));
    const held = await atRest(gateway);
    const growth = held.rss - working.rss;
    const each = (held.arrayBuffers - working.arrayBuffers) / READERS / 1024;
    process.stdout.write(
      `${READERS} stalled readers under ${encryption}: idle ${mib(idle.rss)}, working ${mib(working.rss)}, stalled ${mib(held.rss)} MiB resident; ${each.toFixed(1)} KiB in buffers each\n`,
    );
    expect(growth).toBeLessThan(MOST_GROWTH);
    expect(held.arrayBuffers - working.arrayBuffers).toBeLessThan(READERS * MOST_OF_AN_OBJECT + SHARED);
    // They are still served: what was taken from a reader is read again.
    const one = sockets.at(-1);
    expect(one).toBeDefined();
    let bytes = 0;
    one?.on('data', (chunk: Buffer) => (bytes += chunk.length));
    one?.resume();
    await expect.poll(() => bytes, { timeout: 30_000 }).toBeGreaterThan(8 * 1024 * 1024);
  });
});

function mib(bytes: number): string {
  return (bytes / 1024 / 1024).toFixed(0);
}

/** Once it has nothing to do any more: until then not every reader has stalled. */
async function atRest(child: ChildProcess): Promise<Memory> {
  let before = await memory(child);
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 3000));
    const now = await memory(child);
    if (now.cpu - before.cpu < 300) return now;
    before = now;
  }
}

async function memory(child: ChildProcess): Promise<Memory> {
  child.send('memory');
  const [answer] = (await once(child, 'message')) as [Memory];
  return answer;
}

function asking({ port, path }: Ready): Socket {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.write(`GET ${path} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nconnection: close\r\n\r\n`);
  return socket;
}

async function whole(ready: Ready): Promise<void> {
  const socket = asking(ready);
  socket.resume();
  await once(socket, 'close');
}

async function stalled(ready: Ready): Promise<Socket> {
  const socket = asking(ready);
  socket.pause();
  await once(socket, 'connect');
  return socket;
}
