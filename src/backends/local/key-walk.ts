/** Rows from `from` on, in byte order, below `until`. Lazy: a consumer that leaves early costs nothing more. */
export type KeyScan<T> = (
  from: Buffer,
  inclusive: boolean,
  until: Buffer | undefined,
) => Iterable<{ readonly key: Buffer; readonly item: T }>;

export type Entry<T> =
  { readonly kind: 'item'; readonly key: Buffer; readonly item: T } | { readonly kind: 'prefix'; readonly key: Buffer };

/**
 * Walks keys as listings show them: keys under `prefix`, those with `delimiter` behind it rolled up into common
 * prefixes. A rolled-up prefix costs one seek, however many keys it holds. An entry, key or common prefix alike, is
 * shown when it comes after `after` in byte order.
 */
export function* walkKeys<T>(
  scan: KeyScan<T>,
  options: {
    readonly prefix: Buffer;
    readonly delimiter: Buffer;
    readonly after: Buffer;
    /** Whether rows at exactly `after` are wanted. */
    readonly inclusive?: boolean;
  },
): Generator<Entry<T>, void, undefined> {
  const { prefix, delimiter, after } = options;
  const until = successor(prefix);
  let from = prefix;
  let inclusive = true;
  if (after.compare(prefix) >= 0) {
    // A common prefix that sorts at or before the marker has been shown: go behind all of it.
    const rolled = rolledUp(after, prefix, delimiter);
    from = (rolled && successor(rolled)) ?? after;
    inclusive = rolled !== undefined || (options.inclusive ?? false);
  }
  for (;;) {
    let next: Buffer | undefined;
    for (const { key, item } of scan(from, inclusive, until)) {
      const rolled = rolledUp(key, prefix, delimiter);
      if (rolled === undefined) yield { kind: 'item', key, item };
      else {
        next = successor(rolled);
        yield { kind: 'prefix', key: rolled };
        break;
      }
    }
    if (next === undefined) return;
    from = next;
    inclusive = true;
  }
}

/** Takes `limit` entries and says whether there is more. */
export function takePage<T>(
  entries: Iterable<T>,
  limit: number,
): { readonly page: readonly T[]; readonly truncated: boolean } {
  const page: T[] = [];
  // S3 answers max-keys=0 with an empty page that is not truncated.
  if (limit <= 0) return { page, truncated: false };
  for (const entry of entries) {
    if (page.length === limit) return { page, truncated: true };
    page.push(entry);
  }
  return { page, truncated: false };
}

/** The least byte string above everything that starts with `prefix`; undefined: there is no bound. */
function successor(prefix: Buffer): Buffer | undefined {
  for (let end = prefix.length; end > 0; end--) {
    const byte = prefix[end - 1] ?? 0xff;
    if (byte < 0xff) {
      const bound = Buffer.from(prefix.subarray(0, end));
      bound[end - 1] = byte + 1;
      return bound;
    }
  }
  return undefined;
}

function rolledUp(key: Buffer, prefix: Buffer, delimiter: Buffer): Buffer | undefined {
  if (
    delimiter.length === 0 ||
    key.length < prefix.length ||
    key.compare(prefix, 0, prefix.length, 0, prefix.length) !== 0
  )
    return undefined;
  const at = key.indexOf(delimiter, prefix.length);
  return at === -1 ? undefined : Buffer.from(key.subarray(0, at + delimiter.length));
}
