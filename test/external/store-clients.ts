import { S3Client } from '@aws-sdk/client-s3';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import type { GatewayProcess } from './gateway-process.ts';
import type { Server } from './servers.ts';

/** The AWS SDK pointed at the gateway. */
export function throughGateway(gateway: GatewayProcess, more: { readonly maxAttempts?: number } = {}): S3Client {
  return clientOf(gateway.http, gateway.main, more);
}

/** The AWS SDK pointed at the store itself, past the gateway: the judge of what really lies there. */
export function direct(server: Server): S3Client {
  return clientOf(server.endpoint, server, {
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  });
}

/** How `stores:` in gateway.yaml names this server. */
export function storeEntry(server: Server, more: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  const { endpoint, accessKeyId, secretAccessKey } = server;
  return {
    type: 's3',
    endpoint,
    region: 'us-east-1',
    addressing: 'path',
    credentials: { accessKeyId, secretAccessKey },
    ...more,
  };
}

/** A counter's value by the labels that must stand in its line, 0 where it has none yet. */
export function counted(metrics: string, name: string, labels: Readonly<Record<string, string>>): number {
  const lines = metrics
    .split('\n')
    .filter(
      (line) =>
        line.startsWith(name) && Object.entries(labels).every(([label, value]) => line.includes(`${label}="${value}"`)),
    );
  return lines.reduce(
    (sum, line) =>
      sum +
      Number(
        line
          .slice(line.lastIndexOf('}') + 1)
          .trim()
          .split(' ')[0],
      ),
    0,
  );
}

function clientOf(
  endpoint: string,
  keys: { readonly accessKeyId: string; readonly secretAccessKey: string },
  more: object,
): S3Client {
  const { accessKeyId, secretAccessKey } = keys;
  return new S3Client({
    endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: { accessKeyId, secretAccessKey },
    maxAttempts: 1,
    requestHandler: new NodeHttpHandler({ requestTimeout: 60_000 }),
    ...more,
  });
}
