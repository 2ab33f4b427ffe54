/** Bytes in order, pulled by whoever consumes them: back-pressure is the `for await` itself. */
export type ByteStream = AsyncIterable<Uint8Array>;

/** Checksums of the S3 model that a maintained library computes. */
export const CHECKSUM_ALGORITHMS = ['CRC32', 'CRC32C', 'CRC64NVME', 'SHA1', 'SHA256', 'SHA512', 'MD5'] as const;
export type ChecksumAlgorithm = (typeof CHECKSUM_ALGORITHMS)[number];
export type ChecksumType = 'COMPOSITE' | 'FULL_OBJECT';

/**
 * Which types an upload in parts can have with an algorithm, its default first (S3 user guide, "Checking object integrity":
 * CRC-64/NVME is of the full object, hashes are composite, the other CRCs are either).
 */
export const CHECKSUM_TYPES: Readonly<Record<ChecksumAlgorithm, readonly [ChecksumType, ...ChecksumType[]]>> = {
  CRC32: ['COMPOSITE', 'FULL_OBJECT'],
  CRC32C: ['COMPOSITE', 'FULL_OBJECT'],
  CRC64NVME: ['FULL_OBJECT'],
  SHA1: ['COMPOSITE'],
  SHA256: ['COMPOSITE'],
  SHA512: ['COMPOSITE'],
  MD5: ['COMPOSITE'],
};

/** The checksum that an upload in parts was created with. Absent: none was asked for. */
export interface UploadChecksum {
  readonly algorithm?: ChecksumAlgorithm;
  /** Absent beside an algorithm: nobody knows (uploads that 0.1.0 began at a remote store). */
  readonly type?: ChecksumType;
}

/** A checksum as S3 answers carry it: base64, for a composite one followed by `-N`. */
export interface Checksum {
  readonly algorithm: ChecksumAlgorithm;
  readonly value: string;
  readonly type: ChecksumType;
}

/**
 * An upload's payload, decoded and checked: `bytes` throws a `GatewayError` at its end when a digest, a chunk
 * signature, a trailer or the declared length disagrees. Consumers must withhold their last bytes until it ended.
 */
export interface Body {
  readonly bytes: ByteStream;
  /** Plaintext bytes to come; undefined for a body without a declared length. */
  readonly length: number | undefined;
  /** The checksum that the client names, to be stored with the object: the value may come in the trailer. */
  readonly checksum?: { readonly algorithm: ChecksumAlgorithm; readonly value: () => string | undefined };
  /** base64 Content-MD5 that the client declared up front. */
  readonly md5?: string;
  /** lower-case hex SHA-256 that the client signed up front. */
  readonly sha256?: string;
}

/** What was found out about a payload while it streamed by. */
export interface PayloadDigests {
  /** Plaintext bytes seen. */
  readonly size: number;
  /** hex MD5 of the plaintext; '' where it was not taken. */
  readonly md5: string;
  /** Decimal unsigned CRC-64/XZ of the plaintext, as `x-oss-hash-crc64ecma`; '' where it was not taken. */
  readonly crc64: string;
  /** The client's checksum, or the upload's. */
  readonly checksum?: Checksum;
}
