import { GatewayError } from './errors.ts';

/** What a 304 tells of the object: what its 200 would have told a cache (RFC 9110 15.4.5). */
export interface Unchanged {
  /** Without quotes, as results carry it: each dialect spells it. */
  readonly etag?: string | undefined;
  /** ms since the epoch. */
  readonly lastModified?: number | undefined;
  readonly cacheControl?: string | undefined;
  readonly expires?: string | undefined;
}

/** The answer to a read whose condition says that the client has the object already. */
export function notModified(unchanged: Unchanged): GatewayError {
  const { etag, lastModified, cacheControl, expires } = unchanged;
  return new GatewayError('NotModified', 'Not Modified', {
    details: {
      ...(etag === undefined ? {} : { ETag: etag }),
      ...(lastModified === undefined ? {} : { LastModified: lastModified }),
    },
    headers: {
      ...(cacheControl === undefined ? {} : { 'cache-control': cacheControl }),
      ...(expires === undefined ? {} : { expires }),
    },
  });
}

/** What `notModified` was told, for the dialect that writes the answer. */
export function unchangedOf({ details, headers }: GatewayError): Unchanged {
  const [etag, lastModified] = [details['ETag'], details['LastModified']];
  return {
    etag: etag === undefined ? undefined : String(etag),
    lastModified: lastModified === undefined ? undefined : Number(lastModified),
    cacheControl: headers['cache-control'],
    expires: headers['expires'],
  };
}
