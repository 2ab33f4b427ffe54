import type { Secret } from '../model/encryption.ts';
import { createSecretValues } from './secret-values.ts';

/** The one redactor of logs, spans, audit and errors. */
export interface Redactor {
  readonly headers: (lines: readonly (readonly [string, string])[]) => readonly (readonly [string, string])[];
  /** A query string or a whole target, with or without `?`. */
  readonly query: (query: string) => string;
  /** Free text: `name=value`, `name: value`, `"name":"value"`, and known secret values anywhere. */
  readonly text: (text: string) => string;
  /** Any value on its way into a log line; errors become plain objects. */
  readonly value: (value: unknown) => unknown;
  /** Configured secrets as of now. Those before stay known: requests under way may still meet them. */
  readonly learn: (secrets: readonly Secret[]) => void;
}

export interface RedactorOptions {
  /** Header and query names whose values are secrets, of every dialect. */
  readonly secretNames: readonly string[];
  /** Configured secrets: removed wherever they appear, whatever name stands before them. */
  readonly secretValues?: readonly Secret[];
}

const REDACTED = '[redacted]';
/** Names that hold secrets in any protocol, after `-`, `_` and `.` are dropped. */
const SECRET_NAME =
  /(authorization|signature|credentials?|(?:security|session|auth|access|vault|api)token|^token|secret|secretkey|secretaccesskey|password|passphrase|customerkey|customerkeymd5|cookie|privatekey|datakey|apikey)$/;
/** A name and what stands between it and its value, opening quote excluded. Bounded, so that no text takes quadratic time. */
const NAME_BEFORE_VALUE = /([A-Za-z0-9%_.-]{1,128})(?:\\{0,16}["'])?\s{0,8}[=:]\s{0,8}/g;
/** `OSS id:signature`, `Bearer token`, wherever they are quoted. */
const SCHEME_AND_CREDENTIALS = /\b(AWS|OSS|Bearer|Basic)( +)(?=\S*[:=+/.]|\S{16})\S+/g;
const DEEPEST = 8;
const LONGEST_TEXT = 32 * 1024;
const MOST_ENTRIES = 200;

/** Case never matters, and neither does percent-encoding of a name. */
export function createRedactor(options: RedactorOptions): Redactor {
  const names = new Set(options.secretNames.map((name) => name.toLowerCase()));
  let values = createSecretValues(options.secretValues ?? []);
  let before: readonly Secret[] = options.secretValues ?? [];

  function isSecretName(name: string): boolean {
    const plain = unescaped(name).trim().toLowerCase();
    return names.has(plain) || SECRET_NAME.test(plain.replace(/[-_.]/g, '')) || plain.includes('customer-key');
  }

  function withoutValues(text: string): string {
    return values.replaceIn(text, REDACTED);
  }

  function query(raw: string): string {
    return withoutValues(
      raw.replace(/([^?&=#\s]{1,128})=([^&#\s]*)/g, (whole: string, name: string) =>
        isSecretName(name) ? `${name}=${REDACTED}` : whole,
      ),
    );
  }

  function text(whole: string): string {
    const raw = whole.length > LONGEST_TEXT ? `${whole.slice(0, LONGEST_TEXT)}…` : whole;
    let clean = '';
    let from = 0;
    const names = new RegExp(NAME_BEFORE_VALUE);
    // What is no secret is not consumed: a secret may stand inside it (JSON in JSON, `Error: name: value`).
    for (let found = names.exec(raw); found !== null; found = names.exec(raw)) {
      const name = found[1] ?? '';
      if (!isSecretName(name)) continue;
      clean += raw.slice(from, names.lastIndex) + REDACTED;
      from = endOfValue(raw, names.lastIndex, name);
      names.lastIndex = from;
    }
    return withoutValues((clean + raw.slice(from)).replace(SCHEME_AND_CREDENTIALS, `$1$2${REDACTED}`));
  }

  function value(input: unknown, depth = 0): unknown {
    if (typeof input === 'string') return text(input);
    if (typeof input === 'bigint' || typeof input === 'symbol') return text(String(input));
    if (typeof input === 'function') return '[function]';
    if (typeof input !== 'object' || input === null) return input;
    if (depth >= DEEPEST) return '[too deep]';
    if (ArrayBuffer.isView(input) || input instanceof ArrayBuffer) return `[${input.byteLength} bytes]`;
    if (input instanceof Error) return errorValue(input, depth);
    if (input instanceof Date) return input.toJSON();
    if (input instanceof Map) return object([...input.entries()], depth);
    if (input instanceof Set) return array([...input], depth);
    if (Array.isArray(input)) return array(input, depth);
    if ('reveal' in input) return REDACTED;
    return object(Object.entries(input), depth);
  }

  /** Header lists come as pairs or flat: what follows a secret's name is the secret. */
  function array(input: readonly unknown[], depth: number): unknown[] {
    return input.slice(0, MOST_ENTRIES).map((entry, index) => {
      const before = input[index - 1];
      return typeof entry === 'string' && typeof before === 'string' && isSecretName(before)
        ? REDACTED
        : value(entry, depth + 1);
    });
  }

  function object(entries: readonly (readonly [unknown, unknown])[], depth: number): Record<string, unknown> {
    return Object.fromEntries(
      entries.slice(0, MOST_ENTRIES).map(([key, entry]) => {
        const name = String(key);
        return [text(name), isSecretName(name) ? REDACTED : value(entry, depth + 1)];
      }),
    );
  }

  function errorValue(error: Error, depth: number): Record<string, unknown> {
    const code = (error as { readonly code?: unknown }).code;
    return {
      type: error.name,
      message: text(error.message),
      ...(code === undefined ? {} : { code: value(code, depth + 1) }),
      ...(error.stack === undefined ? {} : { stack: text(error.stack) }),
      ...(error.cause === undefined ? {} : { cause: value(error.cause, depth + 1) }),
    };
  }

  return {
    headers: (lines) => lines.map(([name, entry]) => [name, isSecretName(name) ? REDACTED : text(entry)] as const),
    query,
    text,
    value: (input) => value(input),
    learn: (secrets) => {
      values = createSecretValues([...before, ...secrets]);
      before = secrets;
    },
  };
}

/** Where a secret ends: at its closing quote, at a delimiter, for `Authorization` at the end of the line. */
function endOfValue(text: string, start: number, name: string): number {
  const opening = /^(\\*)(["'])/.exec(text.slice(start, start + 64));
  if (opening === null) {
    const rest = text.slice(start);
    const pattern = !/authorization$/i.test(name)
      ? /[\s&"',;<>\\]/
      : /:\s*$/.test(text.slice(0, start))
        ? /[\r\n]/
        : /[&\r\n]/;
    const end = rest.search(pattern);
    return end === -1 ? text.length : start + end;
  }
  const [whole, escapes = '', quote = '"'] = opening;
  for (let at = text.indexOf(quote, start + whole.length); at !== -1; at = text.indexOf(quote, at + 1)) {
    let before = at;
    while (text[before - 1] === '\\') before--;
    if (at - before <= escapes.length) return at + 1;
  }
  return text.length;
}

function unescaped(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}
