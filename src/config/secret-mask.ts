import { isAlias, isMap, isScalar, isSeq, visit } from 'yaml';
import type { Document, Node } from 'yaml';
import { closestMatch } from 'leven';

/** Whether a key's value must not be shown: by its name, or by a name one slip away (`secretAcessKey`). */
export function namesSecret(key: string): boolean {
  if (HARMLESS.has(key)) return false;
  if (SECRETISH.test(key)) return true;
  const slips = key.length >= 8 ? 2 : key.length >= 5 ? 1 : 0;
  return slips > 0 && closestMatch(key, SECRET_KEYS, { maxDistance: slips }) !== undefined;
}

/** A reference and nothing else: only that may stand where a secret belongs. */
export function isReference(text: string): boolean {
  return REFERENCE.test(text);
}

const REFERENCE_PATTERN = '^\\$\\{(env:[A-Za-z_][A-Za-z0-9_]*|file:[^}\\u0000\\r\\n]+)\\}$';

/**
 * The text with every secret in clear replaced by as many `*`: a diagnostic quotes source lines, and a log keeps them.
 * By the parsed nodes where there are any (block scalars, aliases), and by the look of each line (broken YAML).
 */
export function maskSecrets(text: string, document: Document | undefined): readonly string[] {
  const ranges = document === undefined ? [] : secretRanges(document);
  let masked = text;
  for (const [start, end] of ranges)
    masked = masked.slice(0, start) + masked.slice(start, end).replace(/[^\r\n]/g, '*') + masked.slice(end);
  return masked.split(/\r\n|\n/).map(maskLine);
}

const SECRET_KEYS = ['secretAccessKey', 'sessionToken', 'token', 'password', 'secret', 'secretKey', 'credentials'];
const SECRETISH = /secret|token|passw|passphrase|credential/i;
const HARMLESS: ReadonlySet<string> = new Set(['accessKeyId', 'unknown-token']);
const REFERENCE = new RegExp(REFERENCE_PATTERN);
const LINE_SECRET =
  /((?:^|[\s{,"'-])["']?([A-Za-z_-]{3,40})["']?\s*:\s+)("(?:[^"\\]|\\.)*"?|'[^']*'?|[^\s,}#][^,}#]*)/g;

function maskLine(line: string): string {
  return line
    .replace(LINE_SECRET, (whole, before: string, key: string, value: string) =>
      namesSecret(key) && !looksLikeReference(value) && !/^[{[&*|>]/.test(value)
        ? before + '*'.repeat(value.trimEnd().length) + value.slice(value.trimEnd().length)
        : whole,
    )
    .replace(URL_CREDENTIALS, (_whole, scheme: string, userinfo: string) => `${scheme}${'*'.repeat(userinfo.length)}@`);
}

/** `https://user:password@host`: a password in the clear, whatever the key is called. */
const URL_CREDENTIALS = /(:\/\/)([^\s/@"']{1,512})@/g;

function looksLikeReference(value: string): boolean {
  return /^["']?\$\{(env|file):[^}]*\}?["']?\s*$/.test(value);
}

function secretRanges(document: Document): readonly (readonly [number, number])[] {
  const ranges: (readonly [number, number])[] = [];
  const add = (node: unknown): void => {
    // An alias to nowhere may be a secret that begins with a star.
    const target = isAlias(node) ? (node.resolve(document) ?? node) : node;
    if (isAlias(target) && target.range) ranges.push([target.range[0], target.range[1]]);
    else if (isScalar(target)) {
      const range = (target as Node).range;
      if (range && !isReference(String(target.value))) ranges.push([range[0], range[1]]);
    } else if (isSeq(target)) target.items.forEach(add);
  };
  visit(document, {
    Pair: (_key, pair) => {
      if (isScalar(pair.key) && namesSecret(String(pair.key.value)) && !isMap(pair.value)) add(pair.value);
    },
  });
  return ranges;
}
