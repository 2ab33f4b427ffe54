import { GatewayError } from '../../model/errors.ts';
import { decodeComponent } from '../../wire/percent-encoding.ts';
import { hostName } from '../../wire/host.ts';
import type { WireRequest } from '../../wire/message.ts';
import type { Addressing } from '../dialect.ts';

/** What a request can be about; the signature says which candidate it is. Neither: the service itself. */
export interface Resource {
  readonly bucket: string | undefined;
  readonly key: string | undefined;
}

/** `<bucket>.oss-<region>[-internal].aliyuncs.com`: ali-oss sends it to an IP endpoint, with or without the bucket in the path. */
const ALIYUN_HOST = /^(?:(.*)\.)?oss-[a-z0-9-]+\.aliyuncs\.com$/;
/** `<bucket>.127.0.0.1`, `<bucket>.localhost`: virtual-hosted addressing of a test endpoint without DNS. */
const LOOPBACK_HOST = /^(.+)\.(?:\d{1,3}(?:\.\d{1,3}){3}|localhost)$/;
/** `.` and `..` would climb to another bucket wherever a server on the way to a store tidies paths. */
const UNSAFE_BUCKET = /[/?#\u0000-\u001f\u007f]|^\.{1,2}$/;

/**
 * Every resource that the raw target and `Host` can mean, the likeliest first. The path is split on raw `/` before it is
 * decoded: oss2 and Go send the slashes of a key as `%2F`. A bucket named by a configured host is never overruled by the path.
 */
export function candidateResources(
  wire: Pick<WireRequest, 'path' | 'host'>,
  addressing: Addressing,
  literalBuckets: readonly string[],
): readonly Resource[] {
  const host = hostName(wire.host);
  const rest = wire.path.startsWith('/') ? wire.path.slice(1) : wire.path;
  const inHost = bucketOfHost(host, addressing);
  const candidates: Resource[] = [];
  const hosted = (bucket: string): void => {
    for (const key of readings(rest)) candidates.push({ bucket, key: key === '' ? undefined : key });
  };
  if (inHost !== undefined && UNSAFE_BUCKET.test(inHost.bucket)) throw noBucket();
  if (inHost?.certain === true) {
    hosted(inHost.bucket);
    return candidates;
  }
  if (inHost !== undefined) hosted(inHost.bucket);
  const inPath = pathStyle(rest);
  candidates.push(...(inPath ?? []));
  for (const bucket of literalBuckets) hosted(bucket);
  if (inPath === undefined && candidates.length === 0) throw noBucket();
  return distinct(candidates);
}

function bucketOfHost(host: string, addressing: Addressing): { bucket: string; certain: boolean } | undefined {
  const mapped = Object.hasOwn(addressing.cnames, host) ? addressing.cnames[host] : undefined;
  if (mapped !== undefined) return { bucket: mapped, certain: true };
  for (const domain of addressing.domains) {
    if (host.endsWith(`.${domain}`) && host.length > domain.length + 1)
      return { bucket: host.slice(0, -domain.length - 1), certain: true };
  }
  const guessed = ALIYUN_HOST.exec(host)?.[1] ?? LOOPBACK_HOST.exec(host)?.[1];
  return guessed === undefined || guessed === '' ? undefined : { bucket: guessed, certain: false };
}

/** Undefined where the path's first segment cannot be a bucket's name: in CNAME mode it is a whole key of oss2 and GO1. */
function pathStyle(rest: string): readonly Resource[] | undefined {
  if (rest === '') return [{ bucket: undefined, key: undefined }];
  const slash = rest.indexOf('/');
  const bucket = decoded(slash === -1 ? rest : rest.slice(0, slash));
  // A slash inside the bucket's name would give `a%2Fb/c` and `a/b/c` one signature.
  if (UNSAFE_BUCKET.test(bucket)) return undefined;
  const keys = slash === -1 ? [''] : readings(rest.slice(slash + 1));
  return keys.map((key) => ({ bucket, key: key === '' ? undefined : key }));
}

/** A key in the ways that SDKs mean it: GO1 sends a space as `+` in paths, everyone else a plus as `%2B` (some as itself). */
function readings(raw: string): readonly string[] {
  const spaced = decoded(raw.replaceAll('+', ' '));
  return raw.includes('+') ? [spaced, decoded(raw)] : [spaced];
}

function decoded(raw: string): string {
  const text = decodeComponent(raw);
  if (text === undefined) throw new GatewayError('InvalidURI', "Couldn't parse the specified URI.");
  return text;
}

function noBucket(): GatewayError {
  return new GatewayError('InvalidBucketName', 'The specified bucket is not valid.');
}

function distinct(candidates: readonly Resource[]): readonly Resource[] {
  return candidates.filter(
    (one, index) => candidates.findIndex((other) => other.bucket === one.bucket && other.key === one.key) === index,
  );
}
