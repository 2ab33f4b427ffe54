import { createHash } from 'node:crypto';
import type { Body, ByteStream } from '../../../model/body.ts';
import type { Content } from '../../../model/seal.ts';
import type { HeaderLines } from '../../../wire/message.ts';
import { encodeComponent } from '../../../wire/percent-encoding.ts';
import { checksumHeader } from '../client/parameters.ts';

/** Query parameters in order; undefined stands for `?name`, and an empty value is left out. */
export type Query = readonly (readonly [name: string, value: string | number | undefined])[];

/** A request before its place and its bytes are known. */
export interface Draft {
  readonly method: string;
  readonly query?: Query;
  readonly headers?: HeaderLines;
  readonly xml?: string;
  readonly json?: string;
  readonly upload?: Upload;
}

export interface Upload {
  readonly body: Body;
  readonly content: Content | undefined;
  readonly checksums: boolean;
}

export function formatQuery(query: Query): string {
  return query
    .filter(([, value]) => value !== '')
    .map(([name, value]) =>
      value === undefined ? encodeComponent(name) : `${encodeComponent(name)}=${encodeComponent(String(value))}`,
    )
    .join('&');
}

/** The bytes of a draft with the headers that belong to them. */
export function bodyOf(draft: Draft): {
  readonly bytes: Uint8Array | ByteStream | undefined;
  readonly length: number | undefined;
  readonly headers: HeaderLines;
  readonly sha256?: string;
} {
  const document = draft.xml ?? draft.json;
  if (document !== undefined) {
    const bytes = Buffer.from(document, 'utf8');
    return {
      bytes,
      length: bytes.length,
      headers: [
        ['content-type', draft.xml === undefined ? 'application/json' : 'application/xml'],
        ['content-md5', createHash('md5').update(bytes).digest('base64')],
      ],
      sha256: createHash('sha256').update(bytes).digest('hex'),
    };
  }
  if (draft.upload === undefined) return { bytes: undefined, length: 0, headers: [] };
  const { body, content, checksums } = draft.upload;
  if (content !== undefined && content.length !== body.length)
    return { bytes: content.bytes, length: content.length, headers: [] };
  // Digests of the client's are of the plaintext: they hold only where the bytes cross as they are.
  const value = body.checksum?.value();
  return {
    bytes: content?.bytes ?? body.bytes,
    length: body.length,
    headers: [
      ...(body.md5 === undefined ? [] : ([['content-md5', body.md5]] as const)),
      ...(checksums && body.checksum !== undefined && value !== undefined
        ? ([[checksumHeader(body.checksum.algorithm), value]] as const)
        : []),
    ],
  };
}
