import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  AbortMultipartUploadCommand,
  DeleteBucketCommand,
  DeleteObjectsCommand,
  ListBucketsCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  type S3Client,
} from '@aws-sdk/client-s3';
import { expect, test } from 'vitest';
import { startGatewayProcess, type GatewayProcess } from './gateway-process.ts';
import { tool } from './servers.ts';
import { throughGateway } from './store-clients.ts';

/** What is known to fail, and why. Keys of `failures` are reasons, each with the tests that it explains. */
interface Expected {
  /** Groups (the part of a name before its first `_`) that are not run at all. */
  readonly notRun: Readonly<Record<string, string>>;
  readonly failures: Readonly<Record<string, readonly string[]>>;
}

interface Outcome {
  readonly name: string;
  readonly passed: boolean;
  readonly said: string;
}

const EXPECTED_FILE = join(import.meta.dirname, 'versity-expected.json');
const TEST_TIMEOUT_MS = 60_000;
/** Gateways at once: the suite's bucket names are the same in every process, so that each needs a gateway of its own. */
const LANES = 3;

/** With VERSITY_REPORT the outcomes are also written there, a line each. */
test('versitygw’s own S3 suite fails on the embedded store exactly where it is known to', async () => {
  const expected = JSON.parse(readFileSync(EXPECTED_FILE, 'utf8')) as Expected;
  const suite = tool('versitygw');
  const names = (await testNames(suite)).filter((name) => !(groupOf(name) in expected.notRun));
  expect(names.length).toBeGreaterThan(500);
  const outcomes = await runAll(suite, names);
  report(outcomes);
  const known = Object.values(expected.failures).flat();
  const failed = outcomes.filter(({ passed }) => !passed);
  const unexpected = failed.filter(({ name }) => !known.includes(name)).map(({ name, said }) => `${name}: ${said}`);
  expect(unexpected, 'tests that fail without a reason on file').toEqual([]);
  const failing = failed.map(({ name }) => name);
  expect(
    known.filter((name) => !failing.includes(name)),
    'tests on file as failing that pass or are gone',
  ).toEqual([]);
}, 600_000);

async function runAll(suite: string, names: readonly string[]): Promise<readonly Outcome[]> {
  const waiting = [...names];
  const outcomes: Outcome[] = [];
  const folder = mkdtempSync(join(tmpdir(), 'versity-suite-'));
  const lane = async (): Promise<void> => {
    const gateway = await startTarget();
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      const outcome = await runOne(suite, name, gateway, folder);
      outcomes.push(outcome);
      // A test that fails leaves its buckets behind, and the next one begins with the same names.
      if (!outcome.passed) await empty(throughGateway(gateway));
    }
    await gateway.close();
  };
  try {
    await Promise.all(Array.from({ length: LANES }, lane));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return outcomes.sort((a, b) => names.indexOf(a.name) - names.indexOf(b.name));
}

function startTarget(): Promise<GatewayProcess> {
  return startGatewayProcess({
    policy: { version: 1, buckets: [{ match: '*', store: 'local', encryption: { default: 'store' } }] },
    config: { bucketsWithoutRule: 'none' },
  });
}

async function runOne(suite: string, name: string, gateway: GatewayProcess, folder: string): Promise<Outcome> {
  const args = [
    'test',
    '--access',
    gateway.main.accessKeyId,
    '--secret',
    gateway.main.secretAccessKey,
    '--endpoint',
    gateway.http,
    name,
  ];
  const { status, output } = await run(suite, args, folder);
  // The first failure of a test is its own; what follows is often its clean-up.
  const said =
    output.split('\n').find((line) => /^(FAIL |panic:)/.test(line)) ?? output.trim().split('\n').at(-1) ?? '';
  const short = said
    .replace(`FAIL ${name}: `, '')
    .replace(/ RequestID: [^,]*, HostID: [^,]*,/, '')
    .slice(0, 400);
  return { name, passed: status === 0, said: short };
}

async function empty(s3: S3Client): Promise<void> {
  const { Buckets } = await s3.send(new ListBucketsCommand({}));
  for (const { Name: Bucket } of Buckets ?? []) {
    for (;;) {
      const { Contents, IsTruncated } = await s3.send(new ListObjectsV2Command({ Bucket }));
      const Objects = Contents?.map(({ Key }) => ({ Key })) ?? [];
      if (Objects.length > 0) await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
      if (IsTruncated !== true) break;
    }
    const { Uploads } = await s3.send(new ListMultipartUploadsCommand({ Bucket }));
    for (const { Key, UploadId } of Uploads ?? [])
      await s3.send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId }));
    await s3.send(new DeleteBucketCommand({ Bucket }));
  }
  s3.destroy();
}

async function testNames(suite: string): Promise<readonly string[]> {
  const { output } = await run(suite, ['test', '--help'], tmpdir());
  const listed = output.slice(output.indexOf('\nCOMMANDS:'), output.indexOf('\nOPTIONS:'));
  return [...listed.matchAll(/^ {3}([A-Z]\w+) /gm)].map(([, name]) => name as string);
}

function groupOf(name: string): string {
  return name.split('_')[0] as string;
}

function run(
  command: string,
  args: readonly string[],
  cwd: string,
): Promise<{ readonly status: number | null; readonly output: string }> {
  const { AWS_CA_BUNDLE: _bundle, ...env } = process.env;
  const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], timeout: TEST_TIMEOUT_MS });
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, output: stripColours(Buffer.concat(chunks).toString('utf8')) }));
  });
}

function stripColours(text: string): string {
  return text.replace(/\u001b\[[0-9;]*m/g, '');
}

function report(outcomes: readonly Outcome[]): void {
  const file = process.env['VERSITY_REPORT'];
  if (file === undefined) return;
  writeFileSync(
    file,
    outcomes
      .map(({ name, passed, said }) => `${passed ? 'PASS' : 'FAIL'} ${name}${passed ? '' : ` :: ${said}`}\n`)
      .join(''),
  );
  if (!existsSync(file)) throw new Error(`${file} was not written`);
}
