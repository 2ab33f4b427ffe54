import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { startGatewayProcess, type GatewayProcess } from '../../test/external/gateway-process.ts';
import { startMinio, type Server } from '../../test/external/servers.ts';
import { cpuSeconds } from './cpu-time.ts';
import { addLoads, applyLoad, type Load } from './load-generator.ts';
import { startNginx, type Nginx } from './nginx.ts';
import { presigned, sendSigned, type Endpoint } from './presigned-requests.ts';

/**
 * What the gateway costs beside a plain reverse proxy, in one run on one machine: `node load/bench/proxy-overhead.ts
 * [--smoke] [--json FILE]`. Reports and never judges: times on a shared machine prove nothing, CPU per request does.
 */
const { values } = parseArgs({
  options: { smoke: { type: 'boolean', default: false }, json: { type: 'string' } },
});
const output = resolve(
  values.json ?? join(import.meta.dirname, `../../report/proxy-overhead${values.smoke ? '-smoke' : ''}.json`),
);
const plan = values.smoke ? { rounds: 1, seconds: 1 } : { rounds: 3, seconds: 5 };

/** One request that takes longer than this is stuck. */
const MOST_SECONDS = 30;

const KIB = 1024;
const MIB = 1024 * KIB;
const WORKLOADS = [
  { name: 'GET 4 KiB', method: 'GET', size: 4 * KIB, connections: 16, keys: 16 },
  { name: 'PUT 4 KiB', method: 'PUT', size: 4 * KIB, connections: 16, keys: 256 },
  { name: 'GET 8 MiB', method: 'GET', size: 8 * MIB, connections: 4, keys: 4 },
  { name: 'PUT 8 MiB', method: 'PUT', size: 8 * MIB, connections: 4, keys: 8 },
] as const;
type Workload = (typeof WORKLOADS)[number];

/** A way to the bytes, with the processes that work for it. */
interface Target {
  readonly name: string;
  readonly endpoint: Endpoint;
  readonly proxy: number;
  /** The store behind it; none where the proxy is the store. */
  readonly store: number | undefined;
}

interface Result {
  readonly workload: string;
  readonly target: string;
  readonly requests: number;
  readonly bytes: number;
  readonly seconds: number;
  readonly requestsPerSecond: number;
  readonly mebibytesPerSecond: number;
  readonly proxyCpuPerRequest: number;
  readonly proxyCpuPerGibibyte: number;
  /** Proxy and store together. */
  readonly totalCpuPerRequest: number;
  /** Against nginx in this run: below 1 is less. */
  readonly proxyCpuRatio: number;
  readonly totalCpuRatio: number;
  readonly throughputRatio: number;
}

const directory = mkdtempSync(join(tmpdir(), 'bench-'));
const open: { close(): Promise<void> }[] = [];
try {
  const minio = await startMinio({ kms: false });
  open.push(minio);
  const nginx = await startNginx(minio.endpoint, directory);
  open.push(nginx);
  const gateway = await startGatewayProcess(gatewayOptions(minio));
  open.push(gateway);
  const targets = targetsOf(minio, nginx, gateway);
  for (const target of targets) await prepare(target.endpoint);
  const results: Result[] = [];
  for (const workload of WORKLOADS) results.push(...(await measure(workload, targets)));
  mkdirSync(dirname(output), { recursive: true });
  const machine = { cpus: cpus().length, model: cpus()[0]?.model, node: process.version };
  writeFileSync(output, `${JSON.stringify({ at: new Date().toISOString(), machine, plan, results }, null, 2)}\n`);
  console.log(table(results));
  console.log(`written to ${output}`);
} finally {
  for (const each of open.reverse()) await each.close();
  rmSync(directory, { recursive: true, force: true });
}

function gatewayOptions(minio: Server): Parameters<typeof startGatewayProcess>[0] {
  const { endpoint, accessKeyId, secretAccessKey } = minio;
  return {
    stores: {
      minio: {
        type: 's3',
        endpoint,
        region: 'us-east-1',
        addressing: 'path',
        credentials: { accessKeyId, secretAccessKey },
        capabilities: { payload: 'unsigned' },
      },
    },
    policy: {
      version: 1,
      keys: { bench: { keyring: 'bench' } },
      buckets: [
        { match: 'sealed-*', store: 'local', encryption: { default: { kms: 'bench' } } },
        { match: 'through-*', store: 'minio', encryption: { default: 'none', by: 'store' } },
      ],
    },
  };
}

function targetsOf(minio: Server, nginx: Nginx, gateway: GatewayProcess): readonly Target[] {
  const { accessKeyId, secretAccessKey } = minio;
  return [
    {
      name: 'nginx',
      endpoint: { origin: nginx.origin, bucket: 'through-nginx', accessKeyId, secretAccessKey },
      proxy: nginx.pid,
      store: minio.pid,
    },
    {
      name: 'gateway, by store',
      endpoint: { origin: gateway.http, bucket: 'through-gateway', ...gateway.main },
      proxy: gateway.pid,
      store: minio.pid,
    },
    {
      name: 'gateway, sealed',
      endpoint: { origin: gateway.http, bucket: 'sealed-bench', ...gateway.main },
      proxy: gateway.pid,
      store: undefined,
    },
  ];
}

/** The bucket, and what the GETs ask for. */
async function prepare(endpoint: Endpoint): Promise<void> {
  await sendSigned(endpoint, 'PUT', '', undefined);
  for (const { method, size, keys } of WORKLOADS)
    if (method === 'GET')
      for (let key = 0; key < keys; key++) await sendSigned(endpoint, 'PUT', `${size}/${key}`, Buffer.alloc(size, key));
}

/** The targets take turns, so that a noisy neighbour meets all of them. */
async function measure(workload: Workload, targets: readonly Target[]): Promise<readonly Result[]> {
  const sums = targets.map((target) => ({
    target,
    load: { requests: 0, bytes: 0, seconds: 0, failed: 0 },
    proxyCpu: 0,
    storeCpu: 0,
  }));
  for (let round = 0; round <= plan.rounds; round++)
    for (const sum of sums) {
      // The first round only warms up: code is compiled, directories are made.
      const once = await measureOnce(workload, sum.target, round === 0 ? 1 : plan.seconds);
      if (round === 0) continue;
      sum.load = addLoads(sum.load, once.load);
      sum.proxyCpu += once.proxyCpu;
      sum.storeCpu += once.storeCpu;
    }
  const rows = sums.map(({ target, load, proxyCpu, storeCpu }) => {
    const bytes = load.requests * workload.size;
    return {
      workload: workload.name,
      target: target.name,
      requests: load.requests,
      bytes,
      seconds: load.seconds,
      requestsPerSecond: load.requests / load.seconds,
      mebibytesPerSecond: bytes / MIB / load.seconds,
      proxyCpuPerRequest: proxyCpu / load.requests,
      proxyCpuPerGibibyte: proxyCpu / (bytes / (1024 * MIB)),
      totalCpuPerRequest: (proxyCpu + storeCpu) / load.requests,
    };
  });
  const [plain] = rows;
  return rows.map((row) => ({
    ...row,
    proxyCpuRatio: row.proxyCpuPerRequest / (plain?.proxyCpuPerRequest ?? NaN),
    totalCpuRatio: row.totalCpuPerRequest / (plain?.totalCpuPerRequest ?? NaN),
    throughputRatio: row.requestsPerSecond / (plain?.requestsPerSecond ?? NaN),
  }));
}

/** Takes longer where not one request has ended: a large object on a busy machine. */
async function measureOnce(
  workload: Workload,
  target: Target,
  seconds: number,
): Promise<{ readonly load: Load; readonly proxyCpu: number; readonly storeCpu: number }> {
  const { proxy, store, endpoint, name } = target;
  const { method, size, connections, keys } = workload;
  const storeSeconds = (): number => (store === undefined ? 0 : cpuSeconds(store));
  const [proxyBefore, storeBefore] = [cpuSeconds(proxy), storeSeconds()];
  const requests = presigned(endpoint, method, size, keys);
  const load = await applyLoad({ requests, origin: endpoint.origin, method, size, connections, seconds, directory });
  if (load.failed > 0) throw new Error(`${workload.name} over ${name}: ${load.failed} requests failed`);
  if (load.requests > 0)
    return { load, proxyCpu: cpuSeconds(proxy) - proxyBefore, storeCpu: storeSeconds() - storeBefore };
  if (seconds > MOST_SECONDS) throw new Error(`${workload.name} over ${name}: nothing ended within ${seconds} s`);
  return await measureOnce(workload, target, seconds * 2);
}

function table(results: readonly Result[]): string {
  const head = [
    '',
    '',
    'requests/s',
    'MiB/s',
    'to nginx',
    'CPU ms/request',
    'CPU s/GiB',
    'to nginx',
    'with store',
    'to nginx',
  ];
  const rows = results.map((row) => [
    row.workload,
    row.target,
    row.requestsPerSecond.toFixed(0),
    row.mebibytesPerSecond.toFixed(1),
    `×${row.throughputRatio.toFixed(2)}`,
    (row.proxyCpuPerRequest * 1000).toFixed(3),
    row.proxyCpuPerGibibyte.toFixed(2),
    `×${row.proxyCpuRatio.toFixed(2)}`,
    (row.totalCpuPerRequest * 1000).toFixed(3),
    `×${row.totalCpuRatio.toFixed(2)}`,
  ]);
  const widths = head.map((title, at) => Math.max(title.length, ...rows.map((row) => row[at]?.length ?? 0)));
  return [head, ...rows]
    .map((row) =>
      row.map((cell, at) => (at < 2 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0))).join('  '),
    )
    .join('\n');
}
