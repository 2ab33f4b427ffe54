import { GatewayError } from '../../../model/errors.ts';
import { readBounded } from '../../../wire/bounded.ts';
import type { WireResponse } from '../../../wire/message.ts';
import { childText, parseXml, XML_LIMITS, type XmlElement } from '../../../wire/xml-document.ts';
import { decodeComponent } from '../../../wire/percent-encoding.ts';

/** A store's XML, bounded. */
export async function storeDocument(response: WireResponse): Promise<XmlElement> {
  const { body } = response;
  const bytes = body === undefined || body instanceof Uint8Array ? body : await readBounded(body, XML_LIMITS.bytes);
  const outcome = bytes === undefined || bytes === 'too-large' ? undefined : parseXml(bytes);
  if (outcome?.ok !== true) throw unreadable();
  return outcome.root;
}

/** The same where an empty answer means that there is nothing. */
export async function optionalDocument(response: WireResponse): Promise<XmlElement> {
  const { body } = response;
  const bytes = body === undefined || body instanceof Uint8Array ? body : await readBounded(body, XML_LIMITS.bytes);
  if (bytes === undefined || bytes.length === 0) return { name: '', children: [], text: '' };
  return await storeDocument({ ...response, body: bytes === 'too-large' ? undefined : bytes });
}

/** Releases the connection: nothing of the body is of interest, and it is short. */
export async function drained<T>(response: WireResponse, result: T): Promise<T> {
  const { body } = response;
  if (body !== undefined && !(body instanceof Uint8Array)) await readBounded(body, XML_LIMITS.bytes);
  return result;
}

/** 0 where nothing can be read: a time is no reason to refuse what the answer is about. */
export function isoTime(text: string | undefined): number {
  const time = Date.parse(text ?? '');
  return Number.isFinite(time) ? time : 0;
}

/** A number that may be missing, or be none. */
export function optionalNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,16}$/.test(text.trim()) ? Number(text) : undefined;
}

export function number(text: string | undefined): number {
  const value = Number(text);
  if (text === undefined || !/^\d{1,16}$/.test(text.trim())) throw unreadable();
  return value;
}

export function truth(element: XmlElement, name: string): boolean {
  return childText(element, name)?.trim() === 'true';
}

/** Undoes `encoding-type=url`, where the store says that it applied it. */
export function decoder(root: XmlElement): (text: string) => string {
  if (childText(root, 'EncodingType') !== 'url') return (text) => text;
  return (text) => {
    const decoded = decodeComponent(text, { plusIsSpace: true });
    if (decoded === undefined) throw unreadable();
    return decoded;
  };
}

export function unreadable(): GatewayError {
  return new GatewayError('InternalError', 'The answer of the store could not be read.');
}

/** An optional member, left out where there is nothing to say. */
export function some<K extends string, V>(name: K, value: V | undefined): { readonly [P in K]?: V } {
  return (value === undefined ? {} : { [name]: value }) as { readonly [P in K]?: V };
}
