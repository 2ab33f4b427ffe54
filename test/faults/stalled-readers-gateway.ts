import { CreateBucketCommand, GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { startGateway } from '../integration/gateway.ts';
import { awsClient } from '../integration/s3-clients.ts';

/** A gateway in a process of its own, whose memory is measured; its parent asks with a message. */
const gateway = await startGateway({
  policy: {
    version: 1,
    buckets: [{ match: '*', store: 'local', encryption: { default: process.argv[2] ?? 'managed' } }],
  },
  // Nobody is let go while a slow machine is still filling the kernel's buffers of the others.
  config: { limits: { idle: '10m' } },
});
const s3 = awsClient(gateway);
await s3.send(new CreateBucketCommand({ Bucket: 'photos' }));
await s3.send(new PutObjectCommand({ Bucket: 'photos', Key: 'large', Body: Buffer.alloc(8 * 1024 * 1024, 'x') }));
const url = new URL(
  await getSignedUrl(s3, new GetObjectCommand({ Bucket: 'photos', Key: 'large' }), { expiresIn: 3000 }),
);
process.on('message', () => {
  globalThis.gc?.();
  const { rss, arrayBuffers } = process.memoryUsage();
  const { user, system } = process.cpuUsage();
  process.send?.({ rss, arrayBuffers, cpu: (user + system) / 1000 });
});
process.on('disconnect', () => process.exit(0));
process.send?.({ port: gateway.port, path: `${url.pathname}${url.search}` });
