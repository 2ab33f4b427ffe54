import { request as httpsRequest } from 'node:https';
import { LOCAL_CAPABILITIES } from '../../src/backends/local/store.ts';
import { STORE_TYPES } from '../../src/dialects/index.ts';
import type { Capabilities } from '../../src/model/backend.ts';
import { startChain, type Chain, type StoreName } from '../integration/chained-gateways.ts';
import { ossClient } from '../integration/oss-clients.ts';
import { awsClient } from '../integration/s3-clients.ts';
import { awsConformanceClient } from './aws-client.ts';
import type { ConformanceClient, Declared } from './client.ts';
import { ossConformanceClient } from './oss-client.ts';

export interface StoreUnderTest {
  readonly capabilities: Capabilities;
  /** What a browser would do with a presigned URL. */
  fetch(
    url: string,
    init?: { readonly method: string; readonly body: Buffer },
  ): Promise<{ readonly status: number; readonly body: Buffer }>;
}

export interface Fleet {
  client(name: string): ConformanceClient;
  store(name: string, client: string): StoreUnderTest;
  close(): Promise<void>;
}

interface Pairing {
  readonly client: string;
  readonly store: string;
  readonly column: string;
}

const MIB = 1024 * 1024;

const AWS: Declared = {
  wishes: true,
  rules: ['managed', 'kms'],
  namedKeys: true,
  append: false,
  unknownLength: false,
  bucketInfo: false,
  overwriteStatus: 412,
  beyondStatus: 416,
  partSize: 5 * MIB,
};

const ALIBABA: Declared = {
  ...AWS,
  append: true,
  unknownLength: true,
  bucketInfo: true,
  overwriteStatus: 409,
  beyondStatus: 200,
  partSize: 100 * 1024,
};

/** KMS by the rule of a bucket, and no key has a name. */
const JD: Declared = { ...AWS, wishes: false, rules: ['kms'], namedKeys: false };

const CAPABILITIES: Readonly<Record<StoreName, Capabilities>> = {
  local: LOCAL_CAPABILITIES,
  s3: STORE_TYPES['s3']!.capabilities,
  oss: STORE_TYPES['aliyun-oss']!.capabilities,
};

/** What runs against what, and how to start it all. */
export function fleet(): {
  readonly pairs: readonly Pairing[];
  readonly columns: readonly string[];
  readonly start: () => Promise<Fleet>;
} {
  const pairs = ['aws', 'ossv1', 'ossv4', 'jd'].flatMap((client) =>
    (Object.keys(CAPABILITIES) as StoreName[]).map((store) => ({ client, store, column: `${client} → ${store}` })),
  );
  return { pairs, columns: pairs.map(({ column }) => column), start };
}

async function start(): Promise<Fleet> {
  const grants = [{ buckets: ['*'], actions: ['read', 'write', 'delete', 'list', 'configure'] }];
  const chain: Chain = await startChain({ clients: { jd: { dialect: 'jd', grants, keys: ['*'] } } });
  const { front } = chain;
  const alibaba = (v4: boolean) => (bucket: string) => ossClient(front, { bucket, v4 });
  const clients: Readonly<Record<string, ConformanceClient>> = {
    aws: awsConformanceClient({
      name: 'aws',
      connect: () => awsClient(front),
      declared: AWS,
      encryptionHeader: 'x-amz-server-side-encryption',
    }),
    // JD Cloud writes and reads encrypted objects over TLS only.
    jd: awsConformanceClient({
      name: 'jd',
      connect: () => awsClient(front, { secure: true, client: front.clients['jd']! }),
      declared: JD,
      encryptionHeader: 'x-aws-server-side-encryption',
    }),
    ossv1: ossConformanceClient({
      name: 'ossv1',
      oss: alibaba(false),
      declared: ALIBABA,
      presign: (oss, method, key) => Promise.resolve(oss.signatureUrl(key, { method })),
    }),
    ossv4: ossConformanceClient({
      name: 'ossv4',
      oss: alibaba(true),
      declared: ALIBABA,
      presign: (oss, method, key) => oss.signatureUrlV4(method, 60, {}, key),
    }),
  };
  return {
    client: (name) => clients[name]!,
    store: (name) => ({
      capabilities: CAPABILITIES[name as StoreName],
      fetch: (url, init) =>
        url.startsWith('https:') ? secureFetch(url, front.certificate, init) : plainFetch(url, init),
    }),
    close: () => chain.close(),
  };
}

async function plainFetch(url: string, init?: { readonly method: string; readonly body: Buffer }) {
  const response = await fetch(url, init);
  return { status: response.status, body: Buffer.from(await response.arrayBuffer()) };
}

function secureFetch(
  url: string,
  ca: string,
  init?: { readonly method: string; readonly body: Buffer },
): Promise<{ readonly status: number; readonly body: Buffer }> {
  return new Promise((resolve, reject) => {
    const call = httpsRequest(url, { ca, method: init?.method ?? 'GET' }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks) }));
    });
    call.on('error', reject);
    call.end(init?.body);
  });
}
