import { encodeComponent, encodePath } from '../../../wire/percent-encoding.ts';
import type { StoreTarget } from '../../dialect.ts';

/** Where a bucket and key stand at a store: the Host header and the path. */
export function place(
  target: StoreTarget,
  bucket: string | undefined,
  key: string | undefined,
): {
  readonly host: string;
  readonly path: string;
  readonly bucket: string | undefined;
  readonly key: string | undefined;
} {
  const authority = target.endpoint.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
  const objectPath = key === undefined ? '/' : `/${encodePath(key)}`;
  if (bucket === undefined) return { host: authority, path: '/', bucket, key };
  // A dotted bucket name falls outside the store's wildcard certificate: path style, as the SDKs do.
  const virtual = target.addressing === 'virtual' && !(bucket.includes('.') && target.endpoint.startsWith('https:'));
  return virtual
    ? { host: `${bucket}.${authority}`, path: objectPath, bucket, key }
    : { host: authority, path: `/${encodeComponent(bucket)}${key === undefined ? '' : objectPath}`, bucket, key };
}
