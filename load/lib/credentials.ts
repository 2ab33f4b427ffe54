/** Whose keys sign, and for which region. */
export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly region: string;
}

/** Names and values of headers or of query parameters, not yet encoded. */
export type Fields = Readonly<Record<string, string>>;

/** RFC 3986: everything but unreserved characters. Both vendors sign this spelling, which `encodeURIComponent` misses by five. */
export function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** A key as it stands in a path: encoded between its slashes. */
export function encodePath(path: string): string {
  return path.split('/').map(encode).join('/');
}

/** `20261121T170000Z`. */
export function timestamp(now: Date): string {
  return now.toISOString().replace(/[-:]|\.\d{3}/g, '');
}
