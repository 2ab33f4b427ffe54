import type { Checksum, UploadChecksum } from '../../../model/body.ts';
import { CHECKSUM_ALGORITHMS } from '../../../model/body.ts';
import { headerOf } from '../../../wire/message.ts';
import type { HeaderLines } from '../../../wire/message.ts';
import { childText } from '../../../wire/xml-document.ts';
import type { XmlElement } from '../../../wire/xml-document.ts';
import { checksumHeader, given } from '../client/parameters.ts';

/** The checksum in an answer's headers. */
export function checksumOf(headers: HeaderLines): Checksum | undefined {
  for (const algorithm of CHECKSUM_ALGORITHMS) {
    const value = headerOf(headers, checksumHeader(algorithm));
    if (value !== undefined) return { algorithm, value, type: typeOf(headerOf(headers, 'x-amz-checksum-type'), value) };
  }
  return undefined;
}

/** A store that says nothing of the checksum that it was asked for keeps none. */
export function uploadChecksumIn(headers: HeaderLines): UploadChecksum | undefined {
  const named = headerOf(headers, 'x-amz-checksum-algorithm')?.toUpperCase();
  const algorithm = CHECKSUM_ALGORITHMS.find((known) => known === named);
  const type = headerOf(headers, 'x-amz-checksum-type');
  if (algorithm === undefined) return undefined;
  return { algorithm, ...given('type', type === 'COMPOSITE' || type === 'FULL_OBJECT' ? type : undefined) };
}

/** The checksum in a document. Stores that name no type tell it by the number of parts behind a composite value. */
export function checksumIn(root: XmlElement): Checksum | undefined {
  for (const algorithm of CHECKSUM_ALGORITHMS) {
    const value = childText(root, `Checksum${algorithm}`);
    if (value !== undefined) return { algorithm, value, type: typeOf(childText(root, 'ChecksumType'), value) };
  }
  return undefined;
}

function typeOf(said: string | undefined, value: string): Checksum['type'] {
  if (said === 'COMPOSITE' || said === 'FULL_OBJECT') return said;
  return /-\d+$/.test(value) ? 'COMPOSITE' : 'FULL_OBJECT';
}
