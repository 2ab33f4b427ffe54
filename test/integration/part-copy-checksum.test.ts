import { randomBytes } from 'node:crypto';
import {
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  PutObjectCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import { expect, onTestFinished, test } from 'vitest';
import { createDigests } from '../../src/wire/digests.ts';
import { startGateway } from './gateway.ts';
import { startRecordingStore } from './recording-store.ts';
import { awsClient } from './s3-clients.ts';

test('a part that is copied through the gateway brings the checksum that its upload was created with', async () => {
  const store = await startRecordingStore(({ method, url }) =>
    method === 'GET' && url.endsWith('?policy')
      ? [404, {}, '<Error><Code>NoSuchBucketPolicy</Code><Message>none</Message></Error>']
      : method === 'POST'
        ? [200, {}, '<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>']
        : [200, { etag: '"11111111111111111111111111111111"' }],
  );
  onTestFinished(() => store.close());
  const gateway = await startGateway({
    policy: {
      version: 1,
      buckets: [
        { match: 'near', store: 'local', encryption: { default: 'managed' } },
        { match: 'far', store: 'far', encryption: { default: 'none' } },
      ],
    },
    stores: {
      far: {
        type: 's3',
        endpoint: store.endpoint,
        region: 'us-east-1',
        addressing: 'path',
        credentials: { accessKeyId: 'AKSTORE', secretAccessKey: randomBytes(20).toString('hex') },
      },
    },
  });
  onTestFinished(() => gateway.close());
  const s3 = awsClient(gateway);
  const bytes = randomBytes(300_000);
  await s3.send(new CreateBucketCommand({ Bucket: 'near' }));
  await s3.send(new PutObjectCommand({ Bucket: 'near', Key: 'k', Body: bytes }));
  const at = { Bucket: 'far', Key: 'k' };
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ ...at, ChecksumAlgorithm: 'CRC32' }));
  await s3.send(new UploadPartCopyCommand({ ...at, UploadId, PartNumber: 1, CopySource: 'near/k' }));
  const digests = await createDigests(['CRC32']);
  digests.update(bytes);
  const part = store.requests.find(({ method }) => method === 'PUT');
  expect(part?.headers['x-amz-checksum-crc32']).toBe(digests.value('CRC32')?.toString('base64'));
});
