import { encodePath } from '../lib/credentials.ts';
import { signOss4 } from '../lib/oss4.ts';
import { putAndGet } from '../lib/put-get.ts';
import { targetOf } from '../lib/target.ts';
import { optionsOf } from '../workloads/options.ts';

/** Writes and reads back through Alibaba OSS's language, with the bucket in the host name as its SDKs have it. */
export const options = optionsOf(__ENV['WORKLOAD']);

const target = targetOf(__ENV);
const domain = __ENV['OSS_DOMAIN'] ?? 'storage.localhost';
const host = `${target.bucket}.${domain}${target.host.replace(/^[^:]*/, '')}`;

export default function putGetOss(): void {
  const sign = (method: string, key: string, headers: Record<string, string>) => ({
    url: `${target.endpoint}/${encodePath(key)}`,
    // Connects to the endpoint and names the bucket's host: no resolver is asked.
    headers: { ...signOss4({ method, bucket: target.bucket, key, headers }, target, new Date()), host },
  });
  putAndGet(
    {
      put: (key, contentType) => sign('PUT', key, { 'content-type': contentType }),
      get: (key) => sign('GET', key, {}),
    },
    target.size,
  );
}
