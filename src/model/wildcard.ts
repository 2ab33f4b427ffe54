/** Says whether a whole text matches. */
export type Matcher = (text: string) => boolean;

/**
 * A matcher for `*` (any run of characters, none included) and, unless it is switched off, `?` (one character).
 * Each character of the text is looked at a bounded number of times, whatever the pattern: both may come from clients (ReDoS).
 */
export function compileWildcard(pattern: string, { question = true }: { readonly question?: boolean } = {}): Matcher {
  const pieces = pattern.split('*').map((text) => pieceOf(text, question));
  const [head, tail] = [pieces[0], pieces.at(-1)];
  if (head === undefined || tail === undefined) return () => false;
  if (pieces.length === 1) return (text) => text.length === head.length && head.standsAt(text, 0);
  const middle = pieces.slice(1, -1).filter(({ length }) => length > 0);
  const least = pieces.reduce((sum, { length }) => sum + length, 0);
  return (text) => {
    const end = text.length - tail.length;
    if (text.length < least || !head.standsAt(text, 0) || !tail.standsAt(text, end)) return false;
    let at = head.length;
    for (const { after } of middle) {
      at = after(text, at, end);
      if (at < 0) return false;
    }
    return true;
  };
}

/** What stands between two stars. */
interface Piece {
  readonly length: number;
  readonly standsAt: (text: string, at: number) => boolean;
  /** The position after the first occurrence within [from, end), or -1. */
  readonly after: (text: string, from: number, end: number) => number;
}

function pieceOf(piece: string, question: boolean): Piece {
  const { length } = piece;
  if (!question || !piece.includes('?'))
    return { length, standsAt: (text, at) => text.startsWith(piece, at), after: literalFinder(piece) };
  return {
    length,
    standsAt: (text, at) => {
      for (let i = 0; i < length; i++) if (piece[i] !== '?' && piece[i] !== text[at + i]) return false;
      return true;
    },
    after: questionFinder(piece),
  };
}

/** Knuth–Morris–Pratt; its tables are made when a text first gets that far. */
function literalFinder(piece: string): Piece['after'] {
  let tables: { readonly codes: Uint16Array; readonly fallback: Int32Array } | undefined;
  return (text, from, end) => {
    const { codes, fallback } = (tables ??= tablesOf(piece));
    let matched = 0;
    for (let at = from; at < end; at++) {
      const code = text.charCodeAt(at);
      while (matched > 0 && code !== codes[matched]) matched = fallback[matched - 1] ?? 0;
      if (code === codes[matched]) matched++;
      if (matched === codes.length) return at + 1;
    }
    return -1;
  };
}

function tablesOf(piece: string): { readonly codes: Uint16Array; readonly fallback: Int32Array } {
  const codes = new Uint16Array(piece.length);
  for (let at = 0; at < piece.length; at++) codes[at] = piece.charCodeAt(at);
  const fallback = new Int32Array(piece.length);
  let length = 0;
  for (let at = 1; at < piece.length; at++) {
    while (length > 0 && codes[at] !== codes[length]) length = fallback[length - 1] ?? 0;
    if (codes[at] === codes[length]) length++;
    fallback[at] = length;
  }
  return { codes, fallback };
}

const WORD = 32;

/** Shift-And: one bit for each prefix that ends here, so a text costs its length for every 32 characters of the piece. */
function questionFinder(piece: string): Piece['after'] {
  const words = Math.ceil(piece.length / WORD);
  let masks: { readonly of: ReadonlyMap<string, Uint32Array>; readonly any: Uint32Array } | undefined;
  return (text, from, end) => {
    masks ??= masksOf(piece, words);
    const state = new Uint32Array(words);
    const last = (1 << ((piece.length - 1) % WORD)) >>> 0;
    for (let at = from; at < end; at++) {
      const mask = masks.of.get(text[at] ?? '') ?? masks.any;
      let carry = 1;
      for (let word = 0; word < words; word++) {
        const before = state[word] ?? 0;
        state[word] = ((before << 1) | carry) & (mask[word] ?? 0);
        carry = before >>> (WORD - 1);
      }
      if (((state[words - 1] ?? 0) & last) !== 0) return at + 1;
    }
    return -1;
  };
}

function masksOf(
  piece: string,
  words: number,
): { readonly of: ReadonlyMap<string, Uint32Array>; readonly any: Uint32Array } {
  const any = new Uint32Array(words);
  const set = (mask: Uint32Array, at: number): void => {
    const word = Math.floor(at / WORD);
    mask[word] = ((mask[word] ?? 0) | (1 << (at % WORD))) >>> 0;
  };
  for (let at = 0; at < piece.length; at++) if (piece[at] === '?') set(any, at);
  const of = new Map<string, Uint32Array>();
  for (let at = 0; at < piece.length; at++) {
    const character = piece[at] ?? '';
    if (character === '?') continue;
    const mask = of.get(character) ?? any.slice();
    of.set(character, mask);
    set(mask, at);
  }
  return { of, any };
}
