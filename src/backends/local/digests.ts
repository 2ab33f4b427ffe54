import type { Checksum, PayloadDigests } from '../../model/body.ts';
import type { ContentRecord, SealRecord } from '../../model/seal.ts';
import type { Room } from './room.ts';

/** What the index keeps sealed: all that tells something about a plaintext. */
export interface StoredDigests {
  /** Unquoted, as clients see it. */
  readonly etag: string;
  readonly md5?: string;
  readonly crc64?: string;
  readonly checksum?: Checksum;
  /** The manifest's MAC, of a sealed object. Sealed here, it shows a record that was put back to an older state. */
  readonly manifestMac?: string;
  /** Of an object: which files it is made of (`extentsHash`). */
  readonly extents?: string;
}

export function digestsOf(record: ContentRecord): StoredDigests {
  const { md5, crc64, checksum }: PayloadDigests = record.digests;
  return {
    etag: record.etag,
    ...(md5 !== '' && { md5 }),
    ...(crc64 !== '' && { crc64 }),
    ...(checksum && { checksum }),
  };
}

/** What binds an object's row to its seal; nothing where it is not sealed. */
export function manifestOf(seal: SealRecord | undefined): Pick<StoredDigests, 'manifestMac'> {
  return seal === undefined ? {} : { manifestMac: seal.mac };
}

/** `context` is the rest of the row (`bindingOf`): a blob moved elsewhere, or beside edited columns, does not open. */
export function sealDigests(room: Pick<Room, 'columns'>, digests: StoredDigests, context: string): Buffer {
  return room.columns.seal(JSON.stringify(digests), context);
}

export function openDigests(room: Pick<Room, 'columns'>, blob: Uint8Array, context: string): StoredDigests {
  return JSON.parse(room.columns.open(blob, context)) as StoredDigests;
}
