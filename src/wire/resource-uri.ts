import type { WireRequest } from './message.ts';
import { decodeComponent, encodePath } from './percent-encoding.ts';

/** What a request is about, as its signature covers it. */
interface Resource {
  readonly bucket: string | undefined;
  readonly key: string | undefined;
}

/**
 * The URI under which a client finds what its request was about: its own scheme and host, the bucket where it had put it
 * (host or path), and the name in one encoding, however it was spelled.
 */
export function resourceUri({ connection, host, path }: WireRequest, { bucket, key }: Resource): string {
  const origin = `${connection.secure ? 'https' : 'http'}://${host}`;
  const said = decodeComponent(path.slice(1));
  if (said === undefined || bucket === undefined || key === undefined) return `${origin}${path}`;
  // Only the length tells for sure: one SDK sends a space as `+`, and a key may begin with its bucket's name.
  return `${origin}/${encodePath(said.length === key.length ? key : `${bucket}/${key}`)}`;
}
