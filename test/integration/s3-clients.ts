import { Agent as HttpsAgent } from 'node:https';
import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import type { TestClient, TestGateway } from './gateway.ts';

/** The AWS SDK for JavaScript, as an application would point it at the gateway. */
export function awsClient(
  gateway: TestGateway,
  options: { readonly secure?: boolean; readonly client?: TestClient } & Partial<S3ClientConfig> = {},
): S3Client {
  const { secure = false, client = gateway.main, ...rest } = options;
  return new S3Client({
    endpoint: secure ? gateway.https : gateway.http,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: client,
    maxAttempts: 1,
    requestHandler: new NodeHttpHandler({
      requestTimeout: 30_000,
      ...(secure ? { httpsAgent: new HttpsAgent({ ca: gateway.certificate, keepAlive: true }) } : {}),
    }),
    ...rest,
  });
}
