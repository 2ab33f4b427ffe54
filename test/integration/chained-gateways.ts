import { startGateway, type TestGateway, type TestOptions } from './gateway.ts';

/** A gateway whose stores are its own embedded one and, twice, another gateway: as an S3 server and as an OSS endpoint. */
export interface Chain {
  readonly front: TestGateway;
  /** Plays the vendor: it honours every header and leaves bucket rules to its clients. */
  readonly upstream: TestGateway;
  close(): Promise<void>;
}

export const STORES = ['local', 's3', 'oss'] as const;
export type StoreName = (typeof STORES)[number];

/** Keys of the front's policy, and what the stores call them. */
export const STORE_KEYS = { orders: 'cmk-orders', archive: 'cmk-archive' } as const;

/**
 * Buckets by suffix: `<store>-kms`, `<store>-managed`, `<store>-plain` have a default of their own and accept the rest;
 * `<store>-open` leaves everything to the bucket and the client.
 */
export async function startChain(options: Partial<TestOptions> = {}): Promise<Chain> {
  const upstream = await startGateway({
    policy: {
      version: 1,
      keys: { [STORE_KEYS.orders]: {}, [STORE_KEYS.archive]: {} },
      buckets: [{ match: '*', store: 'local', encryption: { default: 'store' } }],
    },
    config: { bucketsWithoutRule: 'none' },
  });
  const accept = ['managed', { kms: 'orders' }, 'customer'];
  const front = await startGateway({
    policy: {
      version: 1,
      keys: {
        orders: { s3: STORE_KEYS.orders, oss: STORE_KEYS.orders },
        archive: { s3: STORE_KEYS.archive, oss: STORE_KEYS.archive },
      },
      buckets: STORES.flatMap((store) => {
        return [
          { match: `${store}-kms*`, store, encryption: { default: { kms: 'orders' }, accept } },
          { match: `${store}-managed*`, store, encryption: { default: 'managed', accept } },
          { match: `${store}-plain*`, store, encryption: { default: 'none', accept } },
          { match: `${store}-*`, store, encryption: { default: 'store' } },
        ];
      }),
    },
    stores: {
      s3: {
        type: 's3',
        endpoint: upstream.http,
        region: 'us-east-1',
        addressing: 'path',
        credentials: upstream.main,
      },
      oss: { type: 'aliyun-oss', endpoint: upstream.http, region: 'cn-hangzhou', credentials: upstream.main },
    },
    config: { bucketsWithoutRule: 'none' },
    ...options,
  });
  return {
    front,
    upstream,
    close: async () => {
      await front.close();
      await upstream.close();
    },
  };
}
