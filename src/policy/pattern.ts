import { compileWildcard } from '../model/wildcard.ts';

/** An anchored matcher for a pattern whose only special character is `*` (any run of characters, none included). */
export function compilePattern(pattern: string): (text: string) => boolean {
  return compileWildcard(pattern, { question: false });
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
