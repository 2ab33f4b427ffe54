/** A client's encryption context: names and values that whoever unwraps the data key must bring again. */
export type EncryptionContext = Readonly<Record<string, string>>;

/** Names in the context of every wrapped key; a client's own would pass for them. */
const RESERVED: readonly string[] = ['gw', 'tenant', 'bucket', 'oid'];

export type ReadContext =
  | { readonly ok: true; readonly context: EncryptionContext }
  | { readonly ok: false; readonly reserved: string | undefined };

/**
 * Reads a JSON object of strings. A name that stands there twice, and text that has no UTF-8, are refused: what was bound
 * would not be what was sent.
 */
export function readContext(text: string): ReadContext {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return ILL_FORMED;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return ILL_FORMED;
  const entries = Object.entries(value as Readonly<Record<string, unknown>>);
  const sound = entries.every(
    (entry): entry is [string, string] =>
      typeof entry[1] === 'string' && entry[0].isWellFormed() && entry[1].isWellFormed(),
  );
  // Of a flat object of strings every name and value is one string literal.
  const literals = text.match(/"(?:[^"\\]|\\.)*"/g)?.length ?? 0;
  if (!sound || literals !== 2 * entries.length) return ILL_FORMED;
  const reserved = entries.map(([name]) => name).find((name) => RESERVED.includes(name));
  return reserved === undefined ? { ok: true, context: Object.fromEntries(entries) } : { ok: false, reserved };
}

/** Name, value, name, value …, names in the order of their UTF-8 bytes: the same for every spelling of the same context. */
export function contextFields(context: EncryptionContext | undefined): readonly string[] {
  return Object.entries(context ?? {})
    .sort(([a], [b]) => Buffer.compare(Buffer.from(a, 'utf8'), Buffer.from(b, 'utf8')))
    .flat();
}

export function sameContext(one: EncryptionContext | undefined, other: EncryptionContext | undefined): boolean {
  const [left, right] = [contextFields(one), contextFields(other)];
  return left.length === right.length && left.every((field, at) => field === right[at]);
}

const ILL_FORMED: ReadContext = { ok: false, reserved: undefined };
