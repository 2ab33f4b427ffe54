const UNRESERVED = new Uint8Array(128);
for (const character of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~')
  UNRESERVED[character.charCodeAt(0)] = 1;
const PLAIN = /^[A-Za-z0-9\-_.~]*$/;
const PLAIN_PATH = /^[A-Za-z0-9\-_.~/]*$/;
const HEX = Array.from({ length: 256 }, (_, byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`);

/** Percent-encodes UTF-8 text, keeping RFC 3986 unreserved characters only. */
export function encodeComponent(text: string): string {
  return PLAIN.test(text) ? text : encodeBytes(text, false);
}

/** The same, keeping `/` too. */
export function encodePath(text: string): string {
  return PLAIN_PATH.test(text) ? text : encodeBytes(text, true);
}

/** Decodes `%XX` as UTF-8; `plusIsSpace` for query strings. Undefined for a bad escape or bytes that are not UTF-8. */
export function decodeComponent(raw: string, options: { readonly plusIsSpace?: boolean } = {}): string | undefined {
  const text = options.plusIsSpace === true ? raw.replaceAll('+', ' ') : raw;
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function encodeBytes(text: string, keepSlash: boolean): string {
  let encoded = '';
  for (const byte of Buffer.from(text, 'utf8')) {
    encoded +=
      (byte < 128 && UNRESERVED[byte] === 1) || (keepSlash && byte === 0x2f)
        ? String.fromCharCode(byte)
        : (HEX[byte] ?? '');
  }
  return encoded;
}
