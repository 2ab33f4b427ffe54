import type { ByteStream } from '../../../model/body.ts';
import { GatewayError } from '../../../model/errors.ts';
import { readBounded } from '../../../wire/bounded.ts';
import type { WireResponse } from '../../../wire/message.ts';
import { XML_LIMITS, parseXml } from '../../../wire/xml-document.ts';
import type { XmlElement } from '../../../wire/xml-document.ts';

/** The body of a store's answer as a stream. */
export async function* stream(response: WireResponse): ByteStream {
  if (response.body === undefined) return;
  if (response.body instanceof Uint8Array) yield response.body;
  else yield* response.body;
}

/** The XML document of an answer, bounded; undefined for an empty body (leading white space is S3's way to keep a connection open). */
export async function readXml(response: WireResponse): Promise<XmlElement | undefined> {
  const read = await readBounded(stream(response), XML_LIMITS.bytes);
  if (read === 'too-large') throw new GatewayError('InternalError', 'The store answered a document that is too large.');
  const bytes = trimStart(read);
  if (bytes.length === 0) return undefined;
  const outcome = parseXml(bytes);
  if (!outcome.ok) throw new GatewayError('InternalError', `The store answered a bad document: ${outcome.reason}.`);
  return outcome.root;
}

// S3 limits policies to 20 KB; anything larger is not one.
const MAX_TEXT = 64 * 1024;

export async function readText(response: WireResponse): Promise<string> {
  const read = await readBounded(stream(response), MAX_TEXT);
  if (read === 'too-large') throw new GatewayError('InternalError', 'The store answered a document that is too large.');
  return read.toString('utf8');
}

/** Reads what an answer without content still sends, within bounds, so that its connection can serve again. */
export async function discard(response: WireResponse): Promise<void> {
  await readBounded(stream(response), MAX_TEXT);
}

function trimStart(bytes: Uint8Array): Uint8Array {
  let at = 0;
  while (at < bytes.length && [0x20, 0x09, 0x0a, 0x0d].includes(bytes[at] ?? 0)) at++;
  return bytes.subarray(at);
}
