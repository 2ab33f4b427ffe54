import { createRequire } from 'node:module';

/** The package has no types of its own. */
interface Aws4 {
  sign(
    request: Readonly<Record<string, unknown>>,
    credentials: Readonly<Record<string, string>>,
  ): { readonly path: string };
}
const aws4 = createRequire(import.meta.url)('aws4') as Aws4;

/** Whose keys open a bucket at an endpoint, path style. */
export interface Endpoint {
  readonly origin: string;
  readonly bucket: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** Targets (path and query) that anybody may send to the endpoint for a day, on keys `<size>/<n>`. */
export function presigned(endpoint: Endpoint, method: 'GET' | 'PUT', size: number, keys: number): readonly string[] {
  return Array.from({ length: keys }, (_, key) => {
    // What PUTs write is never what GETs read: the two must not disturb each other.
    const path = `/${endpoint.bucket}/${method === 'PUT' ? `written/${size}` : size}/${key}`;
    return signed(endpoint, method, path);
  });
}

/** Sends one request and fails unless it succeeded; an empty key is the bucket. */
export async function sendSigned(
  endpoint: Endpoint,
  method: 'PUT',
  key: string,
  body: Buffer<ArrayBuffer> | undefined,
): Promise<void> {
  const target = signed(endpoint, method, key === '' ? `/${endpoint.bucket}` : `/${endpoint.bucket}/${key}`);
  const response = await fetch(`${endpoint.origin}${target}`, { method, ...(body === undefined ? {} : { body }) });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${endpoint.bucket}/${key}: ${response.status} ${text}`);
}

function signed(endpoint: Endpoint, method: string, path: string): string {
  const { accessKeyId, secretAccessKey } = endpoint;
  const request = {
    service: 's3',
    region: 'us-east-1',
    method,
    host: new URL(endpoint.origin).host,
    path,
    signQuery: true,
  };
  return aws4.sign(request, { accessKeyId, secretAccessKey }).path;
}
