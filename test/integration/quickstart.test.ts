import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { haystack } from './gateway.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const START_TIMEOUT_MS = 60_000;

/** A fresh checkout's `config/`, on free ports, with the packages that the snippets import beside it. */
function checkout(): string {
  const root = mkdtempSync(join(tmpdir(), 'quickstart-'));
  mkdirSync(join(root, 'config'));
  copyFileSync(join(ROOT, 'config/policy.yaml'), join(root, 'config/policy.yaml'));
  const config = readFileSync(join(ROOT, 'config/quickstart.yaml'), 'utf8').replaceAll(/port: \d+/g, 'port: 0');
  writeFileSync(join(root, 'config/quickstart.yaml'), config);
  symlinkSync(join(ROOT, 'node_modules'), join(root, 'node_modules'));
  return root;
}

interface Started {
  readonly child: ChildProcess;
  readonly out: () => string;
  readonly err: () => string;
}

async function quickstart(root: string): Promise<Started> {
  const child = spawn(
    process.execPath,
    [join(ROOT, 'src/main.ts'), 'serve', '--config', 'config/quickstart.yaml', '--quickstart'],
    { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  const deadline = Date.now() + START_TIMEOUT_MS;
  // The certificate's line is the last one.
  while (!/AWS_CA_BUNDLE=.*\n/.test(out)) {
    if (child.exitCode !== null || Date.now() > deadline) throw new Error(`the quickstart did not start: ${out}${err}`);
    await new Promise((done) => setTimeout(done, 50));
  }
  return { child, out: () => out, err: () => err };
}

async function stop({ child }: Started): Promise<number | null> {
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const [code] = (await ended) as [number | null];
  return code;
}

/** What stands between a comment that begins so and the next empty line, comment included. */
function snippet(out: string, beginning: string): string {
  const start = out.indexOf(`\n${beginning}`) + 1;
  expect(start).toBeGreaterThan(0);
  return `${out.slice(start).split('\n\n')[0] ?? ''}\n`;
}

async function run(root: string, name: string, code: string): Promise<string> {
  writeFileSync(join(root, name), code);
  const { stdout } = await promisify(execFile)(process.execPath, [name], { cwd: root });
  return stdout.trim();
}

describe('the quickstart', () => {
  let root: string;
  let started: Started;
  beforeAll(async () => {
    root = checkout();
    started = await quickstart(root);
  }, START_TIMEOUT_MS);
  afterAll(async () => {
    if (started.child.exitCode === null) await stop(started);
    rmSync(root, { recursive: true, force: true });
  });

  test('prints the endpoint and the credentials that it made, and logs no secret', () => {
    const read = (name: string): string => readFileSync(join(root, 'data', name), 'utf8').trim();
    expect(started.out()).toMatch(/^endpoint +http:\/\/127\.0\.0\.1:\d+$/m);
    expect(started.out()).toContain(`access key id      ${read('access-key-id')}\n`);
    expect(started.out()).toContain(`secret access key  ${read('secret-access-key')}\n`);
    expect(started.err()).not.toContain(read('secret-access-key'));
  });

  test('says how many warnings there are in one line', () => {
    const lines = started
      .err()
      .split('\n')
      .filter((line) => line.includes('warning'));
    expect(lines).toEqual([expect.stringMatching(/^config\/quickstart\.yaml: \d+ warnings; npx bucketseal check /)]);
  });

  test('its S3 lines run as printed, twice', async () => {
    const code = snippet(started.out(), '// @aws-sdk/client-s3');
    expect(await run(root, 's3.mjs', code)).toBe('aws:kms demo');
    expect(await run(root, 's3.mjs', code)).toBe('aws:kms demo');
  }, 60_000);

  test('its OSS lines run as printed, twice', async () => {
    const code = snippet(started.out(), '// ali-oss');
    expect(await run(root, 'oss.mjs', code)).toContain("'x-oss-server-side-encryption', 'KMS'");
    expect(await run(root, 'oss.mjs', code)).toContain("'x-oss-server-side-encryption', 'KMS'");
  }, 60_000);

  test('its shell lines name what exists', () => {
    const shell = snippet(started.out(), '# AWS CLI');
    expect(shell).toMatch(/^export AWS_ACCESS_KEY_ID=\S+ AWS_SECRET_ACCESS_KEY=\S+ AWS_DEFAULT_REGION=us-east-1$/m);
    expect(shell.match(/--endpoint-url http:\/\/127\.0\.0\.1:\d+ s3api /g)).toHaveLength(3);
    const certificate = /AWS_CA_BUNDLE=(\S+)/.exec(started.out())?.[1] ?? '';
    expect(existsSync(join(root, certificate))).toBe(true);
  });

  test(
    'stops on SIGTERM, keeps ciphertext only, and starts again with the same credentials',
    async () => {
      expect(await stop(started)).toBe(0);
      expect(haystack(join(root, 'data/objects')).length).toBeGreaterThan(0);
      expect(haystack(join(root, 'data/objects')).includes('this lies sealed')).toBe(false);
      const before = readFileSync(join(root, 'data/secret-access-key'), 'utf8');
      started = await quickstart(root);
      expect(started.out()).not.toContain('created  ');
      expect(readFileSync(join(root, 'data/secret-access-key'), 'utf8')).toBe(before);
      expect(started.out()).toContain(before.trim());
    },
    START_TIMEOUT_MS,
  );
});
