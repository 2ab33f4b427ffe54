import { hmac, sha256 } from 'k6/crypto';
import { encode, encodePath, timestamp, type Credentials, type Fields } from './credentials.ts';

/** One OSS request before it is signed. */
export interface OssRequest {
  readonly method: string;
  readonly bucket: string;
  /** Not encoded; '' is the bucket itself. */
  readonly key: string;
  /** An empty value is a sub-resource: `?acl`. */
  readonly query?: Fields;
  /** Names in lower case. */
  readonly headers?: Fields;
}

const PAYLOAD = 'UNSIGNED-PAYLOAD';

/** The headers that a request goes out with under OSS Signature Version 4. The bucket is signed wherever it stands on the wire. */
export function signOss4(request: OssRequest, credentials: Credentials, now: Date): Record<string, string> {
  const date = timestamp(now);
  const headers: Record<string, string> = {
    ...request.headers,
    'x-oss-content-sha256': PAYLOAD,
    'x-oss-date': date,
  };
  const names = Object.keys(headers).filter(isSigned).sort();
  const query = Object.entries(request.query ?? {})
    .map(([name, value]) => (value === '' ? encode(name) : `${encode(name)}=${encode(value)}`))
    .sort()
    .join('&');
  const canonical = [
    request.method,
    `/${request.bucket}/${encodePath(request.key)}`,
    query,
    ...names.map((name) => `${name}:${(headers[name] ?? '').trim()}`),
    '',
    '',
    PAYLOAD,
  ].join('\n');
  const scope = `${date.slice(0, 8)}/${credentials.region}/oss/aliyun_v4_request`;
  const toSign = ['OSS4-HMAC-SHA256', date, scope, sha256(canonical, 'hex')].join('\n');
  const signature = hmac('sha256', signingKey(credentials, date.slice(0, 8)), toSign, 'hex');
  const authorization = `OSS4-HMAC-SHA256 Credential=${credentials.accessKeyId}/${scope},Signature=${signature}`;
  return { ...headers, authorization };
}

/** Headers that are signed without being listed (Alibaba Cloud, "Include a V4 signature in the Authorization header"). */
function isSigned(name: string): boolean {
  return name === 'content-type' || name === 'content-md5' || name.startsWith('x-oss-');
}

function signingKey({ secretAccessKey, region }: Credentials, day: string): ArrayBuffer {
  return [day, region, 'oss', 'aliyun_v4_request'].reduce<string | ArrayBuffer>(
    (key, step) => hmac('sha256', key, step, 'binary'),
    `aliyun_v4${secretAccessKey}`,
  ) as ArrayBuffer;
}
