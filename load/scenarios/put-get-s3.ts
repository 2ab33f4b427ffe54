import { sha256 } from 'k6/crypto';
import { encodePath } from '../lib/credentials.ts';
import { bodyOf, putAndGet } from '../lib/put-get.ts';
import { signSigV4 } from '../lib/sigv4.ts';
import { targetOf } from '../lib/target.ts';
import { optionsOf } from '../workloads/options.ts';

/** Writes and reads back through S3's language, path style, with signed payloads. */
export const options = optionsOf(__ENV['WORKLOAD']);

const target = targetOf(__ENV);
const EMPTY_HASH = sha256('', 'hex');

export default function putGetS3(): void {
  const sign = (method: string, key: string, payloadHash: string, headers: Record<string, string>) => {
    const path = `/${target.bucket}/${key}`;
    const request = { method, host: target.host, path, headers, payloadHash };
    return { url: `${target.endpoint}${encodePath(path)}`, headers: signSigV4(request, target, new Date()) };
  };
  putAndGet(
    {
      put: (key, contentType) =>
        sign('PUT', key, sha256(bodyOf(key, target.size), 'hex'), { 'content-type': contentType }),
      get: (key) => sign('GET', key, EMPTY_HASH, {}),
    },
    target.size,
  );
}
