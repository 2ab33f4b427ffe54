/**
 * User metadata beyond ASCII, as S3 speaks it: "decoded as per RFC 2047 before storing and encoded as per RFC 2047
 * before returning" (S3 User Guide, working with object metadata). Values are latin1 text of their bytes, as headers come.
 */

/** A value as S3 answers it, and as stores are sent it: RFC 2047 words where it holds more than printable ASCII, else as it is. */
export function encodeWords(value: string): string {
  return PLAIN.test(value) ? value : wordsOf(textOf(value));
}

/**
 * A value as it is kept: UTF-8, its words decoded. Words that are no words, of another charset, or with control
 * characters inside (a line feed would be a second header line wherever it is written raw) stay as they are.
 */
export function decodeWords(value: string): string {
  const plain = PLAIN.test(value) ? value : bytesOf(textOf(value));
  if (!plain.includes('=?')) return plain;
  // RFC 2047 6.2: white space between two words is not part of the text.
  const joined = plain.replace(BETWEEN_WORDS, '$1');
  const words = [...joined.matchAll(WORD)];
  if (words.some(([, , form = '', payload = '']) => payloadOf(form, payload) === undefined)) return plain;
  const decoded = joined.replace(WORD, (_word, charset: string, form: string, payload: string) => {
    const bytes = payloadOf(form, payload) ?? '';
    return charset.toLowerCase() === 'iso-8859-1' ? bytesOf(bytes) : bytes;
  });
  return words.length > 0 && !CONTROL.test(decoded) && isUtf8(decoded) ? decoded : plain;
}

const PLAIN = /^[\t\x20-\x7e]*$/;
const CONTROL = /[\x00-\x08\x0a-\x1f\x7f]/;
const CHARSET = '(utf-8|us-ascii|iso-8859-1)';
const WORD = new RegExp(`=\\?${CHARSET}\\?([bq])\\?([^?\\s]*)\\?=`, 'gi');
const BETWEEN_WORDS = new RegExp(`(\\?=)[\\t ]+(?==\\?${CHARSET}\\?[bq]\\?[^?\\s]*\\?=)`, 'gi');
/** RFC 2047 2: a word has at most 75 characters; `=?UTF-8?B?` and `?=` are 12 of them. */
const PAYLOAD = 63;

/** AWS answers mostly ASCII text in the readable form (Q), other text in base64 (B). */
function wordsOf(text: string): string {
  const characters = Array.from(text);
  const ascii = characters.filter((character) => character < '\u0080').length;
  const readable = ascii * 2 > characters.length;
  const words: string[] = [];
  let word = '';
  for (const character of characters) {
    const longer = readable ? word + quoted(character) : word + character;
    const length = readable ? longer.length : Math.ceil(Buffer.byteLength(longer, 'utf8') / 3) * 4;
    if (length <= PAYLOAD) word = longer;
    else {
      words.push(word);
      word = readable ? quoted(character) : character;
    }
  }
  words.push(word);
  const payload = (each: string): string => (readable ? each : Buffer.from(each, 'utf8').toString('base64'));
  return words.map((each) => `=?UTF-8?${readable ? 'Q' : 'B'}?${payload(each)}?=`).join(' ');
}

function quoted(character: string): string {
  if (character === ' ') return '_';
  if (/^[!-<>@-^`-~]$/.test(character)) return character;
  return [...Buffer.from(character, 'utf8')]
    .map((byte) => `=${byte.toString(16).toUpperCase().padStart(2, '0')}`)
    .join('');
}

/** The bytes of a word, as latin1 text. */
function payloadOf(form: string, payload: string): string | undefined {
  if (form.toLowerCase() === 'b')
    return /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(payload)
      ? Buffer.from(payload, 'base64').toString('latin1')
      : undefined;
  if (/=(?![0-9A-Fa-f]{2})/.test(payload)) return undefined;
  return payload
    .replaceAll('_', ' ')
    .replace(/=([0-9A-Fa-f]{2})/g, (_whole, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** UTF-8, or else ISO-8859-1: what RFC 9110 5.5 says of such bytes, and what browsers send. */
function textOf(value: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(value, 'latin1'));
  } catch {
    return value;
  }
}

function isUtf8(value: string): boolean {
  return PLAIN.test(value) || bytesOf(textOf(value)) === value;
}

function bytesOf(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}
