/**
 * An anchored matcher for a pattern whose only special character is `*` (any run of characters, none included).
 * Linear in the text and never backtracking: patterns meet text that clients choose (ReDoS, failures F45).
 */
export function compilePattern(pattern: string): (text: string) => boolean {
  const pieces = pattern.split('*');
  const head = pieces[0] ?? '';
  if (pieces.length === 1) return (text) => text === head;
  const tail = pieces.at(-1) ?? '';
  const middle = pieces
    .slice(1, -1)
    .filter((piece) => piece !== '')
    .map(finder);
  return (text) => {
    const end = text.length - tail.length;
    if (end < head.length || !text.startsWith(head) || !text.endsWith(tail)) return false;
    let at = head.length;
    for (const find of middle) {
      at = find(text, at, end);
      if (at < 0) return false;
    }
    return true;
  };
}

/** Whether `wide` matches everything that `narrow` does: a fresh character stands for what `narrow`'s stars may be. */
export function covers(wide: string, narrow: string): boolean {
  return compilePattern(wide)(narrow.replaceAll('*', FRESH));
}

/** Whether some text matches both patterns. Quadratic in the patterns' lengths: for load time only. */
export function intersects(first: string, second: string): boolean {
  const a = collapse(first);
  const b = collapse(second);
  // row[j]: the pattern a from i on and the pattern b from j on share a text.
  let below: boolean[] = [];
  for (let i = a.length; i >= 0; i--) {
    const row: boolean[] = [];
    for (let j = b.length; j >= 0; j--) {
      const [x, y] = [a[i], b[j]];
      if (x === undefined && y === undefined) row[j] = true;
      else if (x === '*' && y === '*') row[j] = below[j] === true || row[j + 1] === true;
      else if (x === '*') row[j] = below[j] === true || (y !== undefined && row[j + 1] === true);
      else if (y === '*') row[j] = row[j + 1] === true || (x !== undefined && below[j] === true);
      else row[j] = x === y && below[j + 1] === true;
    }
    below = row;
  }
  return below[0] === true;
}

/** A character that no bucket name holds. */
const FRESH = '\u0000';

function collapse(pattern: string): string {
  return pattern.replace(/\*+/g, '*');
}

/** Knuth–Morris–Pratt: the position after the first occurrence within [from, end), or -1. */
function finder(piece: string): (text: string, from: number, end: number) => number {
  const fallback = fallbacks(piece);
  return (text, from, end) => {
    let matched = 0;
    for (let at = from; at < end; at++) {
      while (matched > 0 && text[at] !== piece[matched]) matched = fallback[matched - 1] ?? 0;
      if (text[at] === piece[matched]) matched++;
      if (matched === piece.length) return at + 1;
    }
    return -1;
  };
}

function fallbacks(piece: string): readonly number[] {
  const table = [0];
  let length = 0;
  for (let at = 1; at < piece.length; at++) {
    while (length > 0 && piece[at] !== piece[length]) length = table[length - 1] ?? 0;
    if (piece[at] === piece[length]) length++;
    table[at] = length;
  }
  return table;
}
