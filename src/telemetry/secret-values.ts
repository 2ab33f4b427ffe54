import type { Secret } from '../model/encryption.ts';

/** Secret texts to be found in any other text, in every spelling that protocols give them. */
export interface SecretValues {
  replaceIn(text: string, mark: string): string;
}

/** Shorter configured values would blot out ordinary words. */
const SHORTEST_VALUE = 6;
/** Lines of a PEM file; its boundaries are no secrets. */
const SHORTEST_LINE = 32;

/** One pass over a text however many secrets there are: each place is looked up by the first characters of a secret. */
export function createSecretValues(secrets: readonly Secret[]): SecretValues {
  const byStart = new Map<string, string[]>();
  const pairs = new Uint8Array(PAIRS);
  for (const value of new Set(secrets.flatMap(spellings))) {
    const start = value.slice(0, SHORTEST_VALUE);
    byStart.set(start, [...(byStart.get(start) ?? []), value]);
    pairs[pairAt(value, 0)] = 1;
  }
  // The longest first: a spelling may begin with another secret.
  for (const values of byStart.values()) values.sort((left, right) => right.length - left.length);
  return {
    replaceIn(text, mark) {
      let clean = '';
      let from = 0;
      for (let at = 0; at + SHORTEST_VALUE <= text.length;) {
        const found =
          pairs[pairAt(text, at)] === 1
            ? byStart.get(text.slice(at, at + SHORTEST_VALUE))?.find((value) => text.startsWith(value, at))
            : undefined;
        if (found === undefined) at++;
        else {
          clean += text.slice(from, at) + mark;
          at += found.length;
          from = at;
        }
      }
      return from === 0 ? text : clean + text.slice(from);
    },
  };
}

const PAIRS = 1 << 16;

function pairAt(text: string, at: number): number {
  return ((text.charCodeAt(at) & 0xff) << 8) | (text.charCodeAt(at + 1) & 0xff);
}

function spellings(secret: Secret): readonly string[] {
  const whole = secret.reveal();
  const lines = whole.includes('\n') ? whole.split(/\r?\n/).filter(isSecretLine) : [whole];
  return lines
    .filter((value) => value.length >= SHORTEST_VALUE)
    .flatMap((value) => [value, encodeURIComponent(value), Buffer.from(value).toString('base64')]);
}

/** A key in PEM is told by its lines, whichever way their ends are written. */
function isSecretLine(line: string): boolean {
  return line.length >= SHORTEST_LINE && !line.startsWith('-----');
}
