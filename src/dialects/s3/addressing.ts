import { GatewayError } from '../../model/errors.ts';
import { hostName } from '../../wire/host.ts';
import { decodeComponent } from '../../wire/percent-encoding.ts';
import type { Addressing } from '../dialect.ts';

/** What a request speaks about; no bucket is the service, no key a bucket. */
export interface Address {
  readonly bucket: string | undefined;
  readonly key: string | undefined;
  readonly style: 'path' | 'virtual';
}

/** UTF-8 bytes of a key (S3 user guide, object keys). */
const MAX_KEY_BYTES = 1024;
// Wider than what may be created (old buckets in us-east-1 have capitals and underscores), and without any separator.
const BUCKET = /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,255}$/;

/**
 * Finds bucket and key from the host and the raw path. The path is split at its first raw `/` and decoded after, so
 * that `%2F` and `..` stay what they are: parts of a key. An unknown host means path style.
 */
export function resolveAddress(
  host: string,
  path: string,
  addressing: Pick<Addressing, 'domains' | 'cnames'>,
): Address {
  const hosted = bucketOfHost(host, addressing);
  if (hosted !== undefined) return { bucket: checkBucket(hosted), key: decodeKey(path.slice(1)), style: 'virtual' };
  const rest = path.slice(1);
  if (rest === '') return { bucket: undefined, key: undefined, style: 'path' };
  const slash = rest.indexOf('/');
  const bucket = checkBucket(decode(slash === -1 ? rest : rest.slice(0, slash)));
  return { bucket, key: slash === -1 ? undefined : decodeKey(rest.slice(slash + 1)), style: 'path' };
}

/** The bucket that a host names, by the CNAME map or under a configured domain. */
function bucketOfHost(host: string, addressing: Pick<Addressing, 'domains' | 'cnames'>): string | undefined {
  const name = hostName(host);
  if (Object.hasOwn(addressing.cnames, name)) return addressing.cnames[name];
  if (addressing.domains.includes(name)) return undefined;
  const domain = addressing.domains
    .filter((candidate) => name.endsWith(`.${candidate}`))
    .reduce<string | undefined>(
      (longest, candidate) => (longest === undefined || candidate.length > longest.length ? candidate : longest),
      undefined,
    );
  return domain === undefined ? undefined : name.slice(0, -domain.length - 1);
}

function checkBucket(bucket: string): string {
  if (!BUCKET.test(bucket))
    throw new GatewayError('InvalidBucketName', 'The specified bucket is not valid.', {
      details: { BucketName: bucket },
    });
  return bucket;
}

function decodeKey(raw: string): string | undefined {
  if (raw === '') return undefined;
  const key = decode(raw);
  const size = Buffer.byteLength(key, 'utf8');
  if (size > MAX_KEY_BYTES)
    throw new GatewayError('KeyTooLongError', 'Your key is too long', {
      details: { Size: size, MaxSizeAllowed: MAX_KEY_BYTES },
    });
  return key;
}

function decode(raw: string): string {
  const text = decodeComponent(raw);
  // NUL ends strings in the C code of stores and databases: two keys would become one.
  if (text === undefined || text.includes('\0'))
    throw new GatewayError('InvalidURI', "Couldn't parse the specified URI.", { details: { URI: raw } });
  return text;
}
