import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CreateBucketCommand,
  GetObjectCommand,
  PutObjectCommand,
  type PutObjectCommandOutput,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGateway, type TestGateway } from '../integration/gateway.ts';
import { awsClient } from '../integration/s3-clients.ts';

const SECONDS = process.env['BUCKETSEAL_LONG'] === '1' ? 60 : 20;
const EVERY_MS = 100;
const WORKERS = 4;

/** Each good policy is told by its answer alone: both of its buckets' rules name its key, or it refuses both. */
const VERSIONS = ['red', 'blue', 'deny', 'invalid'] as const;
type Version = (typeof VERSIONS)[number];
type Good = Exclude<Version, 'invalid'>;

function policyOf(version: Good): object {
  const encryption =
    version === 'deny'
      ? { default: { kms: 'red' }, clients: 'choose', accept: [] }
      : { default: { kms: version }, clients: 'ignore' };
  return {
    version: 1,
    keys: { red: {}, blue: {}, never: {} },
    // A denying policy refuses everything in clear; the load runs over plain HTTP.
    defaults: { transport: { httpsOnly: version === 'deny' } },
    buckets: [{ match: 'load', store: 'local', encryption }],
  };
}

interface Seen {
  readonly from: number;
  readonly to: number;
  readonly answer: string;
}

describe('reloads under load', () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await startGateway({ policy: policyOf('red'), config: { admin: { host: '127.0.0.1', port: 0 } } });
  });
  afterAll(() => gateway.close());

  test(
    'every request is answered by one good policy that was in force while it ran; never a 5xx, never the invalid one',
    async () => {
      const s3 = awsClient(gateway);
      await s3.send(new CreateBucketCommand({ Bucket: 'load' }));
      /** When each version began to be loaded, and when its reload was acknowledged. */
      const reigns: { readonly version: Good; readonly asked: number; readonly acknowledged: number }[] = [
        { version: 'red', asked: 0, acknowledged: 0 },
      ];
      const seen: Seen[] = [];
      const unexpected: string[] = [];
      const end = performance.now() + SECONDS * 1000;
      const workers = Array.from({ length: WORKERS }, (_, worker) => load(s3, worker, end, seen, unexpected));

      let reloads = 0;
      let refused = 0;
      while (performance.now() < end) {
        const version = VERSIONS[reloads++ % VERSIONS.length] as Version;
        const asked = performance.now();
        if (version === 'invalid') {
          writeFileSync(
            join(gateway.directory, 'policy.yaml'),
            'version: 1\nkeys: { never: {} }\nbuckets: [{ match: load, store: local, encryption: { default: { kms: never }, klients: ignore } }]\n',
          );
          const outcome = await gateway.runtime.reload();
          expect(outcome.ok).toBe(false);
          refused++;
        } else {
          gateway.writePolicy(policyOf(version));
          const outcome = await gateway.runtime.reload();
          expect(outcome.ok).toBe(true);
          reigns.push({ version, asked, acknowledged: performance.now() });
        }
        await sleep(Math.max(0, EVERY_MS - (performance.now() - asked)));
      }
      await Promise.all(workers);

      expect(unexpected).toEqual([]);
      expect(reloads).toBeGreaterThan(SECONDS * 2);
      expect(refused).toBeGreaterThan(SECONDS / 2);
      const answers = new Set(seen.map(({ answer }) => answer));
      expect(answers).toEqual(new Set(['red', 'blue', 'deny']));
      expect(seen.filter(({ from, to, answer }) => !inForce(reigns, from, to).has(answer))).toEqual([]);
      // What a reload has acknowledged decides every request that starts after it.
      const settled = seen.filter(({ from, to }) => inForce(reigns, from, to).size === 1);
      expect(settled.length).toBeGreaterThan(SECONDS);
      expect(settled.some(({ answer }) => answer === 'deny')).toBe(true);
      const { inFlight } = gateway.runtime.listening;
      expect(inFlight().requests).toBe(0);
    },
    SECONDS * 1000 + 60_000,
  );
});

/** Versions that may answer a request of this time: the one in force at its start, and those that came meanwhile. */
function inForce(
  reigns: readonly { readonly version: Good; readonly asked: number; readonly acknowledged: number }[],
  from: number,
  to: number,
): ReadonlySet<string> {
  const last = reigns.findLastIndex(({ acknowledged }) => acknowledged <= from);
  return new Set(
    reigns.slice(last).flatMap(({ version, asked }, index) => (index === 0 || asked <= to ? [version] : [])),
  );
}

async function load(
  s3: ReturnType<typeof awsClient>,
  worker: number,
  end: number,
  seen: Seen[],
  unexpected: string[],
): Promise<void> {
  for (let at = 0; performance.now() < end; at++) {
    const key = `w${worker}-${at % 50}`;
    const from = performance.now();
    const put = await s3.send(new PutObjectCommand({ Bucket: 'load', Key: key, Body: `${worker} ${at}` })).then(
      (output: PutObjectCommandOutput) => output.SSEKMSKeyId ?? 'none',
      (error: unknown) => answerOf(error, unexpected),
    );
    seen.push({ from, to: performance.now(), answer: put });
    if (put === 'deny') continue;
    const fromRead = performance.now();
    // An earlier write's key is shown, so that only a refusal tells the version here.
    const got = await s3.send(new GetObjectCommand({ Bucket: 'load', Key: key })).then(
      async ({ Body }) => ((await Body?.transformToString()) === `${worker} ${at}` ? 'read' : 'other bytes'),
      (error: unknown) => answerOf(error, unexpected),
    );
    if (got === 'other bytes') unexpected.push(`${key}: other bytes`);
    if (got === 'deny') seen.push({ from: fromRead, to: performance.now(), answer: got });
  }
}

function answerOf(error: unknown, unexpected: string[]): string {
  const { name, $metadata } = error as { readonly name: string; readonly $metadata?: { httpStatusCode?: number } };
  if (name === 'AccessDenied' && $metadata?.httpStatusCode === 403) return 'deny';
  unexpected.push(`${name} ${$metadata?.httpStatusCode ?? ''} ${String(error)}`);
  return name;
}
