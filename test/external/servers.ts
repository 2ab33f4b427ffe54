import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/** A store that nobody here wrote, on loopback, ended with the test. */
export interface Server {
  readonly endpoint: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Where its bytes lie, if they lie in files. */
  readonly directory: string;
  readonly env: Readonly<Record<string, string>>;
  /** 0 where there is more than one process. */
  readonly pid: number;
  close(): Promise<void>;
}

const START_TIMEOUT_MS = 90_000;

/**
 * MinIO; with `kms` it has one static key, `my-key` or the one that is named, and so SSE-S3 and SSE-KMS. `copyOf`: it holds
 * what another one holds, whose KMS it does not have.
 */
export async function startMinio(options: {
  readonly kms: boolean;
  readonly key?: string;
  readonly copyOf?: Server;
}): Promise<Server> {
  const { key = 'my-key', copyOf } = options;
  const keys =
    copyOf === undefined ? newKeys() : { accessKeyId: copyOf.accessKeyId, secretAccessKey: copyOf.secretAccessKey };
  const directory = mkdtempSync(join(tmpdir(), 'minio-'));
  if (copyOf !== undefined) {
    cpSync(copyOf.directory, directory, { recursive: true });
    // Its own settings are encrypted under the KMS too.
    rmSync(join(directory, '.minio.sys/config'), { recursive: true, force: true });
  }
  const port = await freePort();
  return await startProcess({
    command: tool('minio'),
    args: [
      'server',
      directory,
      '--address',
      `127.0.0.1:${port}`,
      '--console-address',
      `127.0.0.1:${await freePort()}`,
      '--quiet',
    ],
    env: {
      MINIO_ROOT_USER: keys.accessKeyId,
      MINIO_ROOT_PASSWORD: keys.secretAccessKey,
      MINIO_UPDATE: 'off',
      ...(options.kms ? { MINIO_KMS_SECRET_KEY: `${key}:${randomBytes(32).toString('base64')}` } : {}),
    },
    port,
    directory,
    keys,
  });
}

/** versitygw over a POSIX folder: no encryption at all. */
export async function startVersity(): Promise<Server> {
  const keys = newKeys();
  const directory = mkdtempSync(join(tmpdir(), 'versity-'));
  const port = await freePort();
  return await startProcess({
    command: tool('versitygw'),
    args: [
      '--port',
      `127.0.0.1:${port}`,
      '--access',
      keys.accessKeyId,
      '--secret',
      keys.secretAccessKey,
      'posix',
      directory,
    ],
    env: {},
    port,
    directory,
    keys,
  });
}

/** Ceph RGW 16: KMS keys testkey-1 and testkey-2; AES256 is answered with 200 and stored in clear. */
export async function startCeph(): Promise<Server & { readonly rados: (...args: readonly string[]) => Buffer }> {
  const keys = newKeys();
  const port = await freePortBelow(40_000);
  const directory = mkdtempSync(join(tmpdir(), 'ceph-'));
  const env = {
    ...process.env,
    MINICEPH: join(directory, 'cluster'),
    MINICEPH_ACCESS_KEY: keys.accessKeyId,
    MINICEPH_SECRET_KEY: keys.secretAccessKey,
  };
  const script = resolve(import.meta.dirname, 'tools/miniceph.sh');
  const up = spawnSync('bash', [script, 'up', String(port)], { env, encoding: 'utf8', timeout: 240_000 });
  if (up.status !== 0) throw new Error(`Ceph did not start: ${up.stdout}\n${up.stderr}`);
  return {
    endpoint: `http://127.0.0.1:${port}`,
    ...keys,
    directory,
    env: {},
    pid: 0,
    rados: (...args) => {
      const done = spawnSync(
        'rados',
        ['-c', join(directory, 'cluster/ceph.conf'), '-p', 'default.rgw.buckets.data', ...args],
        { maxBuffer: 1 << 30 },
      );
      if (done.status !== 0) throw new Error(`rados ${args.join(' ')}: ${done.stderr.toString()}`);
      return done.stdout;
    },
    close: async () => {
      spawnSync('bash', [script, 'down', String(port)], { env, timeout: 60_000 });
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** A program of the tools folder, or of the machine. Missing is an error: a tier never passes silently. */
export function tool(name: string): string {
  const folder = process.env['BUCKETSEAL_TOOLS'];
  const own = folder === undefined ? undefined : join(folder, 'bin', name);
  const found = spawnSync('bash', ['-c', `command -v "$1" || command -v "$2"`, 'find', own ?? name, name], {
    encoding: 'utf8',
  });
  const path = found.stdout.trim().split('\n')[0] ?? '';
  if (path === '') throw new Error(`${name} is not installed; .ci/tools.sh installs it`);
  return path;
}

/** The Python that has boto3 and the OSS SDKs. */
export function python(): string {
  const folder = process.env['BUCKETSEAL_TOOLS'];
  if (folder === undefined) throw new Error('BUCKETSEAL_TOOLS is not set: source .ci/tools.sh first');
  return join(folder, 'python/bin/python');
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as { port: number };
  await new Promise((done) => server.close(done));
  return port;
}

interface Started {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly port: number;
  readonly directory: string;
  readonly keys: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

async function startProcess(options: Started): Promise<Server> {
  const child = spawn(options.command, options.args, {
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output: string[] = [];
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => output.push(chunk.toString()));
  const endpoint = `http://127.0.0.1:${options.port}`;
  const close = async (): Promise<void> => {
    await ended(child);
    rmSync(options.directory, { recursive: true, force: true });
  };
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (!(await answers(endpoint))) {
    if (child.exitCode !== null || Date.now() > deadline) {
      await close();
      throw new Error(`${options.command} did not start: ${output.join('')}`);
    }
    await new Promise((done) => setTimeout(done, 100));
  }
  return { endpoint, ...options.keys, directory: options.directory, env: {}, pid: child.pid as number, close };
}

async function answers(endpoint: string): Promise<boolean> {
  try {
    const response = await fetch(endpoint, { signal: AbortSignal.timeout(2000) });
    await response.arrayBuffer();
    return response.status < 500;
  } catch {
    return false;
  }
}

export async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((done) => child.once('exit', done));
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 5000);
  await gone;
  clearTimeout(timer);
}

/** Ceph's script derives two more ports from the first, so that all must fit below 65536. */
async function freePortBelow(limit: number): Promise<number> {
  for (;;) {
    const port = 10_000 + (randomBytes(2).readUInt16BE() % (limit - 10_000));
    const server = createServer();
    const free = await new Promise<boolean>((done) => {
      server.once('error', () => done(false));
      server.listen(port, '127.0.0.1', () => server.close(() => done(true)));
    });
    if (free) return port;
  }
}

function newKeys(): { readonly accessKeyId: string; readonly secretAccessKey: string } {
  return { accessKeyId: `ak${randomBytes(8).toString('hex')}`, secretAccessKey: randomBytes(20).toString('hex') };
}
