import { hmac, sha256 } from 'k6/crypto';
import { encode, encodePath, timestamp, type Credentials, type Fields } from './credentials.ts';

/** One S3 request before it is signed. */
export interface S3Request {
  readonly method: string;
  readonly host: string;
  /** With a leading slash, not encoded: `/bucket/key`. */
  readonly path: string;
  readonly query?: Fields;
  readonly headers?: Fields;
  /** hex SHA-256 of the body, or `UNSIGNED-PAYLOAD`. */
  readonly payloadHash: string;
}

/** The headers that a request goes out with under AWS Signature Version 4, all of them signed. */
export function signSigV4(request: S3Request, credentials: Credentials, now: Date): Record<string, string> {
  const date = timestamp(now);
  const headers: Record<string, string> = {
    ...request.headers,
    host: request.host,
    'x-amz-content-sha256': request.payloadHash,
    'x-amz-date': date,
  };
  const names = Object.keys(headers).sort();
  const signedHeaders = names.join(';');
  const query = Object.entries(request.query ?? {})
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .sort()
    .join('&');
  const canonical = [
    request.method,
    encodePath(request.path),
    query,
    ...names.map((name) => `${name}:${(headers[name] ?? '').trim()}`),
    '',
    signedHeaders,
    request.payloadHash,
  ].join('\n');
  const scope = `${date.slice(0, 8)}/${credentials.region}/s3/aws4_request`;
  const toSign = ['AWS4-HMAC-SHA256', date, scope, sha256(canonical, 'hex')].join('\n');
  const signature = hmac('sha256', signingKey(credentials, date.slice(0, 8)), toSign, 'hex');
  const authorization = `AWS4-HMAC-SHA256 Credential=${credentials.accessKeyId}/${scope}, SignedHeaders=${signedHeaders}, Signature=${signature}`;
  return { ...headers, authorization };
}

function signingKey({ secretAccessKey, region }: Credentials, day: string): ArrayBuffer {
  return [day, region, 's3', 'aws4_request'].reduce<string | ArrayBuffer>(
    (key, step) => hmac('sha256', key, step, 'binary'),
    `AWS4${secretAccessKey}`,
  ) as ArrayBuffer;
}
