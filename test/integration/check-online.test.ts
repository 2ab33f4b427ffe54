import { spawn } from 'node:child_process';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openLocalKeyring } from '../../src/keyrings/local/keyring.ts';
import { startGateway, writeGateway, type TestGateway, type TestOptions, type WrittenGateway } from './gateway.ts';

const MAIN = resolve(import.meta.dirname, '../../src/main.ts');

/** `bucketseal …` as operators run it. */
function command(...args: readonly string[]): Promise<{ readonly code: number; readonly out: string }> {
  return new Promise((done) => {
    const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '';
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.on('close', (code) => done({ code: code ?? -1, out }));
  });
}

describe('check --online', () => {
  /** A store that other people run: another gateway, with its own clients. */
  let store: TestGateway;
  let silent: Server;
  const written: WrittenGateway[] = [];
  beforeAll(async () => {
    store = await startGateway({
      policy: { version: 1, buckets: [{ match: '*', store: 'local', encryption: { default: 'managed' } }] },
    });
    silent = createServer((request) => request.socket.destroy());
    await new Promise<void>((done) => silent.listen(0, '127.0.0.1', done));
  });
  afterAll(async () => {
    await store.close();
    silent.close();
    for (const { directory } of written) rmSync(directory, { recursive: true, force: true });
  });

  const remote = (endpoint: string, credentials: object): TestOptions => ({
    policy: {
      version: 1,
      keys: { orders: {} },
      buckets: [
        { match: 'far', store: 'far', encryption: { default: 'store' } },
        { match: '*', store: 'local', encryption: { default: { kms: 'orders' } } },
      ],
    },
    stores: { far: { type: 's3', endpoint, region: 'us-east-1', addressing: 'path', credentials } },
  });
  const check = async (options: TestOptions, change?: (files: WrittenGateway) => void | Promise<void>) => {
    const files = await writeGateway(options);
    written.push(files);
    await change?.(files);
    return { files, ...(await command('check', '--online', '--config', files.configFile)) };
  };

  test('everything answers: 0, and nothing is made or changed', async () => {
    const { code, out, files } = await check(remote(store.http, store.main));
    expect(out).not.toMatch(/error/i);
    expect(code).toBe(0);
    expect(() => files.bytesAtRest()).toThrow('ENOENT');
  });

  test('a store that does not answer: 5, at the store’s line', async () => {
    const { port } = silent.address() as AddressInfo;
    const { code, out } = await check(remote(`http://127.0.0.1:${port}`, store.main));
    expect(out).toMatch(/gateway\.yaml:\d+:\d+ error store-unreachable/);
    expect(out).toMatch(/\n +\d+ \| +far:/);
    expect(out).not.toContain(store.main.secretAccessKey);
    expect(code).toBe(5);
  });

  test('a store that refuses the credentials: 5, in its words', async () => {
    const { code, out } = await check(
      remote(store.http, { ...store.main, secretAccessKey: randomBytes(30).toString('base64url') }),
    );
    expect(out).toMatch(/error store-refused .*SignatureDoesNotMatch/);
    expect(code).toBe(5);
  });

  test('a secret that cannot be resolved, or a certificate without its key: 3', async () => {
    const unresolved = await check(remote(store.http, store.main), ({ directory }) =>
      rmSync(join(directory, 'secrets/main.secret')),
    );
    expect(unresolved.out).toMatch(/gateway\.yaml:\d+:\d+ error unresolved-reference/);
    expect(unresolved.code).toBe(3);
    const keyless = await check(remote(store.http, store.main), ({ directory }) => rmSync(join(directory, 'tls.key')));
    expect(keyless.out).toMatch(/tls\.crt:1:1 error bad-certificate/);
    expect(keyless.code).toBe(3);
  });

  test('a keyring that others could read, and a key that is disabled: 5', async () => {
    const open = async ({ directory }: WrittenGateway) =>
      await openLocalKeyring({ file: join(directory, 'keyring.json'), now: Date.now, randomBytes });
    const readable = await check(remote(store.http, store.main), async (files) => {
      await open(files);
      chmodSync(join(files.directory, 'keyring.json'), 0o644);
    });
    expect(readable.out).toMatch(/gateway\.yaml:\d+:\d+ error keyring-unavailable/);
    expect(readable.code).toBe(5);
    const disabled = await check(remote(store.http, store.main), async (files) => {
      const keyring = await open(files);
      await keyring.ensure(['orders']);
      await keyring.disable('orders');
    });
    expect(disabled.out).toMatch(/error unusable-kms-key .*orders/);
    expect(disabled.code).toBe(5);
  });

  test('an embedded store where a file stands: 5', async () => {
    const { code, out } = await check(remote(store.http, store.main), ({ directory }) =>
      writeFileSync(join(directory, 'objects'), ''),
    );
    expect(out).toMatch(/error store-directory/);
    expect(code).toBe(5);
  });

  test('--json says the same in lines', async () => {
    const { port } = silent.address() as AddressInfo;
    const files = await writeGateway(remote(`http://127.0.0.1:${port}`, store.main));
    written.push(files);
    const { code, out } = await command('check', '--online', '--json', '--config', files.configFile);
    const lines = out
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as { code?: string; level?: string });
    expect(lines).toContainEqual(expect.objectContaining({ code: 'store-unreachable', level: 'ERROR' }));
    expect(code).toBe(5);
  });
});
