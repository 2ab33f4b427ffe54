import type { ObjectAttributes, WriteResult } from '../../../model/objects.ts';
import { formatHttpDate } from '../../../wire/http-date.ts';
import type { HeaderLines, WireResponse } from '../../../wire/message.ts';
import { encodeComponent } from '../../../wire/percent-encoding.ts';
import { writeXml, type XmlNode } from '../../../wire/xml-document.ts';
import type { EncodeContext } from '../../dialect.ts';
import { encodeObserved } from '../words/encryption.ts';
import { encodeMetadata, quotedEtag } from '../words/metadata.ts';
import { encodeStorageClass } from '../words/storage-class.ts';

/** The owner of everything: OSS SDKs dereference it without asking. */
export function ownerIn(context: EncodeContext): XmlNode {
  return [
    'Owner',
    [
      ['ID', context.owner],
      ['DisplayName', 'bucketseal'],
    ],
  ];
}

/** Headers that every answer carries. */
export function baseHeaders(context: EncodeContext): HeaderLines {
  return [
    ['x-oss-request-id', context.requestId],
    ['date', formatHttpDate(context.now)],
  ];
}

/** An answer without a body. */
export function emptyAnswer(context: EncodeContext, status: number, headers: HeaderLines = []): WireResponse {
  const length: HeaderLines = status === 204 ? [] : [['content-length', '0']];
  return { status, headers: [...baseHeaders(context), ...headers, ...length], body: undefined };
}

/** An XML answer, never with a namespace: oss2 and Java look elements up without one. */
export function xmlAnswer(context: EncodeContext, root: XmlNode, headers: HeaderLines = []): WireResponse {
  const body = Buffer.from(writeXml(root), 'utf8');
  const own: HeaderLines = [
    ['content-type', 'application/xml'],
    ['content-length', String(body.length)],
  ];
  return { status: 200, headers: [...baseHeaders(context), ...headers, ...own], body };
}

/** What a stored write tells: ETag, version, encryption, CRC64. */
export function writeHeaders(result: WriteResult): HeaderLines {
  const lines: [string, string][] = [['etag', quotedEtag(result.etag)]];
  if (result.versionId !== undefined) lines.push(['x-oss-version-id', result.versionId]);
  if (result.crc64 !== undefined) lines.push(['x-oss-hash-crc64ecma', result.crc64]);
  return [...lines, ...encodeObserved(result.encryption)];
}

/** What HEAD and GET tell of an object. The CRC64 is the whole object's: left out of a range. */
export function attributeHeaders(attributes: ObjectAttributes, part: 'whole' | 'range'): HeaderLines {
  const type = attributes.type ?? (attributes.partCount === undefined ? 'Normal' : 'Multipart');
  const lines: [string, string][] = [
    ['etag', quotedEtag(attributes.etag)],
    ['last-modified', formatHttpDate(attributes.lastModified)],
    ['accept-ranges', 'bytes'],
    ['x-oss-object-type', type],
    ['x-oss-storage-class', encodeStorageClass(attributes.storageClass)],
  ];
  if (attributes.crc64 !== undefined && part === 'whole') lines.push(['x-oss-hash-crc64ecma', attributes.crc64]);
  if (attributes.versionId !== undefined) lines.push(['x-oss-version-id', attributes.versionId]);
  if (attributes.tagCount !== undefined && attributes.tagCount > 0)
    lines.push(['x-oss-tagging-count', String(attributes.tagCount)]);
  if (type === 'Appendable')
    lines.push(['x-oss-next-append-position', String(attributes.appendPosition ?? attributes.size)]);
  for (const [name, value] of Object.entries(attributes.extra ?? {})) lines.push([`x-oss-${name}`, value]);
  return [...lines, ...encodeMetadata(attributes.metadata), ...encodeObserved(attributes.encryption)];
}

/** Encodes a name of a listing as the client asked for it; oss2 and Go always decode it again. */
export function namer(encodingType: 'url' | undefined): (text: string) => string {
  return encodingType === 'url' ? encodeComponent : (text) => text;
}

export function encodingElement(encodingType: 'url' | undefined): XmlNode | undefined {
  return encodingType === undefined ? undefined : ['EncodingType', encodingType];
}

/** `oss-cn-hangzhou`: OSS's word for a region. */
export function locationOf(region: string): string {
  return region.startsWith('oss-') ? region : `oss-${region}`;
}
