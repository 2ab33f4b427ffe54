import { GetObjectCommand, ListMultipartUploadsCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import { expect } from 'vitest';
import type { Chain } from './chained-gateways.ts';
import type { AliOssClient } from './oss-clients.ts';
import { awsClient } from './s3-clients.ts';

const MIB = 1024 * 1024;
const HIDDEN = '.bucketseal/';

/** Keys of the gateway's own in a bucket, as the store behind it sees them. */
export async function hiddenAt({ upstream }: Chain, bucket: string): Promise<readonly string[]> {
  const s3 = awsClient(upstream);
  const listed = await s3.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: HIDDEN })).catch(() => undefined);
  return (listed?.Contents ?? []).map(({ Key }) => Key ?? '');
}

/** Uploads under way at the store behind the gateway. */
export async function uploadsAt({ upstream }: Chain, bucket: string): Promise<number> {
  const s3 = awsClient(upstream);
  const listed = await s3.send(new ListMultipartUploadsCommand({ Bucket: bucket })).catch(() => undefined);
  return listed?.Uploads?.length ?? 0;
}

/** Parts that wait to be joined: ciphertext to the store, invisible and out of reach to clients. */
export async function expectHidden(
  { upstream }: Chain,
  kept: {
    readonly bucket: string;
    readonly hidden: readonly string[];
    readonly plain: Buffer;
    readonly client: AliOssClient;
  },
): Promise<void> {
  const { client, plain } = kept;
  for (const key of kept.hidden) {
    const got = await awsClient(upstream).send(new GetObjectCommand({ Bucket: kept.bucket, Key: key }));
    const bytes = Buffer.from(await got.Body!.transformToByteArray());
    expect(bytes.length).toBeGreaterThan(MIB);
    for (let at = 0; at < 3 * MIB; at += MIB) expect(bytes.includes(plain.subarray(at, at + 32))).toBe(false);
    await expect(client.get(key)).rejects.toMatchObject({ code: 'AccessDenied' });
    await expect(client.put(key, Buffer.from('x'))).rejects.toMatchObject({ code: 'AccessDenied' });
    await expect(client.delete(key)).rejects.toMatchObject({ code: 'AccessDenied' });
    await expect(client.copy('stolen', key)).rejects.toMatchObject({ code: 'AccessDenied' });
  }
  const listed = await client.list({ 'max-keys': 1000 });
  expect((listed.objects ?? []).filter((object) => object.name.startsWith(HIDDEN))).toEqual([]);
  expect((await client.list({ 'max-keys': 1000, delimiter: '/' })).prefixes).not.toContain(HIDDEN);
}
