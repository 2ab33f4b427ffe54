import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createCRC64 } from 'hash-wasm';
import type { TestClient } from '../integration/gateway.ts';
import { startGatewayProcess, type GatewayProcess } from './gateway-process.ts';
import { startMinio } from './servers.ts';
import { storeEntry } from './store-clients.ts';

export const STORES = ['local', 'minio', 'oss'] as const;
export type StoreName = (typeof STORES)[number];
export const SIGNATURES = ['v1', 'v4'] as const;
/** How the bucket is named on the wire; the two CNAME modes differ in whether gateway.yaml maps the host. */
export const ADDRESSINGS = ['path', 'virtual', 'cname', 'cname-unmapped'] as const;

/** What one SDK saw in one run: step → what it printed. */
export type Seen = Readonly<Record<string, unknown>>;

/** A gateway in front of the embedded store, MinIO, and a second gateway that plays Alibaba OSS. */
export interface OssWorld {
  readonly gateway: GatewayProcess;
  /** Of the small object that every program writes, and of the file that it hands to its SDK's uploader. */
  readonly content: { readonly big: Digests; readonly uploader: Digests };
  /** `hosts` lines for programs that cannot be given a resolver: every name that a run uses is loopback. */
  readonly hostsFile: string;
  /** Runs one SDK's program against one store, every signature and addressing, and answers what it saw by run. */
  play(sdk: string, store: StoreName, command: readonly string[]): Promise<ReadonlyMap<string, Seen>>;
  close(): Promise<void>;
}

interface Digests {
  readonly sha: string;
  /** Of bytes 5–70004, which every program reads as a range. */
  readonly range: string;
  readonly crc: string;
  readonly size: number;
}

export const PART = 1024 * 1024;
/** A client's name for the key, and its name at each store. */
export const KEY_AT: Readonly<Record<StoreName, string>> = { local: 'orders', minio: 'my-key', oss: 'upstream-orders' };
const DOMAIN = 'storage.test';
const UNMAPPED_HOST = 'files.example.test';
const PROGRAM_TIMEOUT_MS = 240_000;

export async function startOssWorld(
  sdks: readonly string[],
  keys: (sdk: string, store: StoreName, signature: string) => readonly string[],
): Promise<OssWorld> {
  const folder = mkdtempSync(join(tmpdir(), 'oss-world-'));
  const token = randomBytes(40).toString('base64url');
  const contents = { big: randomBytes(3 * PART + 200_000), uploader: randomBytes(11 * PART + 12_345) };
  writeFileSync(join(folder, 'big'), contents.big);
  writeFileSync(join(folder, 'uploader'), contents.uploader);

  const minio = await startMinio({ kms: true });
  const upstream = await startGatewayProcess({
    policy: {
      version: 1,
      keys: { [KEY_AT.oss]: {} },
      buckets: [{ match: '*', store: 'local', encryption: { default: 'store' } }],
    },
    config: { bucketsWithoutRule: 'none' },
  });
  const gateway = await startGatewayProcess({
    policy: {
      version: 1,
      keys: { orders: { minio: KEY_AT.minio, oss: KEY_AT.oss } },
      buckets: STORES.map((store) => ({ match: `${store}-*`, store, encryption: { default: 'store' } })),
    },
    stores: {
      minio: storeEntry(minio),
      oss: { type: 'aliyun-oss', endpoint: upstream.http, region: 'cn-hangzhou', credentials: upstream.main },
    },
    config: {
      domains: [DOMAIN],
      bucketsWithoutRule: 'none',
      cnames: Object.fromEntries(
        sdks.flatMap((sdk) => STORES.map((store) => [cnameOf(store, sdk), bucketOf(store, sdk)])),
      ),
    },
    clients: Object.fromEntries(sdks.flatMap((sdk) => clientsOf(sdk, token))),
  });
  const hostsFile = join(folder, 'hosts');
  writeFileSync(
    hostsFile,
    hostNames(sdks)
      .map((name) => `127.0.0.1 ${name}\n`)
      .join(''),
  );
  return {
    gateway,
    hostsFile,
    content: { big: await digests(contents.big), uploader: await digests(contents.uploader) },
    play: async (sdk, store, command) => {
      const runs = SIGNATURES.flatMap((signature) =>
        ADDRESSINGS.map((addressing) => ({
          name: `${signature} ${addressing}`,
          signature,
          addressing: addressing === 'cname-unmapped' ? 'cname' : addressing,
          endpoint: `http://${hostOf(addressing, store, sdk)}:${gateway.port}`,
          bucket: bucketOf(store, sdk),
          missing: `${bucketOf(store, sdk)}-missing`,
          prefix: `${signature}-${addressing}/`,
          keys: keys(sdk, store, signature),
          credentials: pair(gateway.clients[sdk]),
          sts: { ...pair(gateway.clients[`${sdk}-sts`]), token },
          denied: pair(gateway.clients[`${sdk}-denied`]),
        })),
      );
      const spec = { big: join(folder, 'big'), uploader: join(folder, 'uploader'), part: PART, key: 'orders', runs };
      const file = join(folder, `${sdk}-${store}.json`);
      writeFileSync(file, JSON.stringify(spec));
      return await seenBy([...command, file]);
    },
    close: async () => {
      await gateway.close();
      await upstream.close();
      await minio.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Every program prints one line a step: `{ run, step, seen }`. A program that ends badly is an error, whatever it printed. */
async function seenBy(command: readonly string[]): Promise<ReadonlyMap<string, Seen>> {
  const [program = '', ...args] = command;
  const { stdout } = await promisify(execFile)(program, args, { timeout: PROGRAM_TIMEOUT_MS, maxBuffer: 64 * PART });
  const runs = new Map<string, Record<string, unknown>>();
  for (const line of stdout.split('\n').filter((text) => text.startsWith('{'))) {
    const { run, step, seen } = JSON.parse(line) as { run: string; step: string; seen: unknown };
    runs.set(run, { ...runs.get(run), [step]: seen });
  }
  return runs;
}

/** CNAME without a map tries the buckets that a credential names literally, so each SDK has its own few. */
function clientsOf(sdk: string, sessionToken: string): readonly (readonly [string, Record<string, unknown>])[] {
  const buckets = STORES.flatMap((store) => [bucketOf(store, sdk), `${bucketOf(store, sdk)}-missing`]);
  const rights = { grants: [{ buckets, actions: ['read', 'write', 'delete', 'list', 'configure'] }], keys: ['orders'] };
  return [
    [sdk, rights],
    [`${sdk}-sts`, { ...rights, sessionToken }],
    [`${sdk}-denied`, { grants: [{ buckets, actions: ['list'] }] }],
  ];
}

function hostNames(sdks: readonly string[]): readonly string[] {
  const perSdk = sdks.flatMap((sdk) =>
    STORES.flatMap((store) => {
      const bucket = bucketOf(store, sdk);
      return [cnameOf(store, sdk), `${bucket}.${DOMAIN}`, `${bucket}-missing.${DOMAIN}`];
    }),
  );
  return [DOMAIN, UNMAPPED_HOST, ...perSdk];
}

function hostOf(addressing: (typeof ADDRESSINGS)[number], store: StoreName, sdk: string): string {
  if (addressing === 'cname') return cnameOf(store, sdk);
  return addressing === 'cname-unmapped' ? UNMAPPED_HOST : DOMAIN;
}

const bucketOf = (store: StoreName, sdk: string): string => `${store}-${sdk}`;
const cnameOf = (store: StoreName, sdk: string): string => `${sdk}.${store}.example.test`;

function pair(client: TestClient | undefined): { readonly id: string; readonly secret: string } {
  if (client === undefined) throw new Error('no such client');
  return { id: client.accessKeyId, secret: client.secretAccessKey };
}

async function digests(content: Buffer): Promise<Digests> {
  const crc = (await createCRC64('c96c5795d7870f42')).init().update(content).digest('hex');
  const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
  return {
    sha: sha256(content),
    range: sha256(content.subarray(5, 70_005)),
    crc: BigInt(`0x${crc}`).toString(),
    size: content.length,
  };
}
