import type { Checksum } from '../../../model/body.ts';
import type { OperationName, StorageRequest, StorageResult } from '../../../model/operations.ts';
import type { GatewayError } from '../../../model/errors.ts';
import type { HeaderLines, WireResponse } from '../../../wire/message.ts';
import { writeXml } from '../../../wire/xml-document.ts';
import type { XmlNode } from '../../../wire/xml-document.ts';
import type { EncodeContext } from '../../dialect.ts';
import type { BucketEncryptionWords } from '../words/bucket-encryption.ts';
import type { ObjectEncryptionWords } from '../words/encryption.ts';
import { identity } from '../errors.ts';
import { checksumHeader } from './parameters.ts';
import type { ReplicationWords } from '../words/replication.ts';
import { NAMESPACE } from '../words/xml.ts';

/** A request with its result, tagged by operation, so that a switch narrows both. */
export type Answered = {
  [N in OperationName]: {
    readonly operation: N;
    readonly request: StorageRequest<N>;
    readonly result: StorageResult<N>;
  };
}[OperationName];

/** What a variant of S3 may word for itself in answers. */
export interface ResponseWords {
  readonly object: ObjectEncryptionWords;
  readonly bucket: BucketEncryptionWords;
  readonly replication: ReplicationWords;
  /** For answers that turn out to be errors (a bucket without a rule). */
  readonly error: (error: GatewayError, context: EncodeContext) => WireResponse;
}

export function empty(context: EncodeContext, status: number, headers: HeaderLines = []): WireResponse {
  return {
    status,
    headers: [...identity(context), ...headers, ...(status === 204 ? [] : [['content-length', '0'] as const])],
    body: undefined,
  };
}

export function document(context: EncodeContext, root: XmlNode, headers: HeaderLines = []): WireResponse {
  return text(context, writeXml(root, NAMESPACE), 'application/xml', headers);
}

export function text(context: EncodeContext, content: string, type: string, headers: HeaderLines = []): WireResponse {
  const body = Buffer.from(content, 'utf8');
  return {
    status: 200,
    headers: [...identity(context), ...headers, ['content-type', type], ['content-length', String(body.length)]],
    body,
  };
}

/** Checksum headers of an answer. */
export function checksumLines(checksum: Checksum | undefined): HeaderLines {
  if (checksum === undefined) return [];
  return [
    [checksumHeader(checksum.algorithm), checksum.value],
    ['x-amz-checksum-type', checksum.type],
  ];
}

/** Checksum elements of a document. */
export function checksumNodes(checksum: Checksum | undefined): readonly XmlNode[] {
  if (checksum === undefined) return [];
  return [
    [`Checksum${checksum.algorithm}`, checksum.value],
    ['ChecksumType', checksum.type],
  ];
}

export function optionalHeader(name: string, value: string | number | undefined): HeaderLines {
  return value === undefined ? [] : [[name, String(value)]];
}

/** ISO 8601 with milliseconds, as S3's documents carry times. */
export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}

/** The owner that answers name, and who may be expected as one: this gateway has clients, one account. */
export function ownerIn(context: EncodeContext, name: 'Owner' | 'Initiator' = 'Owner'): XmlNode {
  return [
    name,
    [
      ['ID', context.owner],
      ['DisplayName', 'bucketseal'],
    ],
  ];
}
