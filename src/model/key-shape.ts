/**
 * How a key reads as a path. `plain` is what every store keeps as it is; `directory` ends in a slash; `path` has segments
 * that a file system drops or follows (empty ones, `.`, `..`), so that two keys can name one file.
 */
export type KeyShape = 'plain' | 'directory' | 'path';

export function shapeOf(key: string): KeyShape {
  const segments = key.split('/');
  const last = segments.pop() ?? '';
  if (segments.some(isOdd) || last === '.' || last === '..') return 'path';
  return last === '' ? 'directory' : 'plain';
}

/** The same for the prefix of a listing: what stands behind its last slash is only the beginning of a segment. */
export function shapeOfPrefix(prefix: string): Exclude<KeyShape, 'directory'> {
  return prefix.split('/').slice(0, -1).some(isOdd) ? 'path' : 'plain';
}

function isOdd(segment: string): boolean {
  return segment === '' || segment === '.' || segment === '..';
}
