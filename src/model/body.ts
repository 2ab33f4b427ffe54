/** Bytes in order, pulled by whoever consumes them: back-pressure is the `for await` itself. */
export type ByteStream = AsyncIterable<Uint8Array>;

/** Checksums of the S3 model that a maintained library computes. */
export const CHECKSUM_ALGORITHMS = ['CRC32', 'CRC32C', 'CRC64NVME', 'SHA1', 'SHA256', 'SHA512', 'MD5'] as const;
export type ChecksumAlgorithm = (typeof CHECKSUM_ALGORITHMS)[number];
export type ChecksumType = 'COMPOSITE' | 'FULL_OBJECT';

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
