import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  PutObjectCommand,
  UploadPartCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGateway, type TestGateway } from './gateway.ts';
import { memoryEntry } from './memory-store.ts';
import { startRecordingStore, type Recorded, type Recording, type Answer } from './recording-store.ts';
import { awsClient } from './s3-clients.ts';

const ENCRYPTED = { etag: '"11111111111111111111111111111111"', 'x-amz-server-side-encryption': 'AES256' };

function answer({ method, url }: Recorded): Answer {
  if (url.endsWith('?policy')) return [404, {}, '<Error><Code>NoSuchBucketPolicy</Code></Error>'];
  if (url.endsWith('?encryption'))
    return [404, {}, '<Error><Code>ServerSideEncryptionConfigurationNotFoundError</Code></Error>'];
  if (method === 'POST' && url.includes('uploads'))
    return [200, ENCRYPTED, '<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>'];
  if (method === 'POST')
    return [200, ENCRYPTED, '<CompleteMultipartUploadResult><ETag>"1-1"</ETag></CompleteMultipartUploadResult>'];
  return [200, ENCRYPTED];
}

describe('a remote bucket that has no encryption rule of its own, where the policy leaves it to the bucket', () => {
  let store: Recording;
  let gateway: TestGateway;
  let s3: S3Client;
  beforeAll(async () => {
    store = await startRecordingStore(answer);
    gateway = await startGateway({
      policy: {
        version: 1,
        buckets: [{ match: '*', store: 'bare', encryption: { default: 'store', clients: 'strengthen' } }],
      },
      stores: { bare: memoryEntry(store, { managed: ['AES256'] }) },
    });
    s3 = awsClient(gateway);
  });
  afterAll(async () => {
    await gateway?.close();
    await store?.close();
  });

  test('takes what a client asks for, and continues it', async () => {
    const at = { Bucket: 'b', Key: 'k' };
    const wish = { ServerSideEncryption: 'AES256' } as const;
    expect((await s3.send(new PutObjectCommand({ ...at, ...wish, Body: 'x' }))).ServerSideEncryption).toBe('AES256');
    const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ ...at, ...wish }));
    const upload = { ...at, UploadId };
    const { ETag } = await s3.send(new UploadPartCommand({ ...upload, PartNumber: 1, Body: 'x' }));
    await s3.send(
      new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts: [{ PartNumber: 1, ETag }] } }),
    );
  });
});
