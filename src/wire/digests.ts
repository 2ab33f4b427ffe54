import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { createCRC32, createCRC64 } from 'hash-wasm';

/** What a payload can be digested with. `CRC64` is CRC-64/XZ (ECMA-182), as Alibaba OSS computes it. */
export type DigestName = 'MD5' | 'SHA1' | 'SHA256' | 'SHA512' | 'CRC32' | 'CRC32C' | 'CRC64NVME' | 'CRC64';

/** Bytes of each digest. */
export const DIGEST_SIZE: Readonly<Record<DigestName, number>> = {
  MD5: 16,
  SHA1: 20,
  SHA256: 32,
  SHA512: 64,
  CRC32: 4,
  CRC32C: 4,
  CRC64NVME: 8,
  CRC64: 8,
};

/** Several digests over one payload. */
export interface Digests {
  update(chunk: Uint8Array): void;
  /** The digest of all that was seen, big-endian for CRCs; undefined where it was not wanted. Ends that digest. */
  value(name: DigestName): Buffer | undefined;
}

/** Digests that take the same bytes in one pass. Cheap: the WebAssembly instances are shared by the process. */
export async function createDigests(wanted: Iterable<DigestName>): Promise<Digests> {
  const running = new Map<DigestName, Running>();
  for (const name of new Set(wanted)) running.set(name, await startDigest(name));
  const ended = new Map<DigestName, Buffer>();
  return {
    update: (chunk) => {
      for (const digest of running.values()) digest.update(chunk);
    },
    value: (name) => {
      const known = ended.get(name);
      if (known !== undefined) return known;
      const value = running.get(name)?.end();
      if (value === undefined) return undefined;
      running.delete(name);
      ended.set(name, value);
      return value;
    },
  };
}

/** A CRC-64 as OSS writes it in `x-oss-hash-crc64ecma`: unsigned, decimal. */
export function crc64Decimal(digest: Uint8Array): string {
  return Buffer.from(digest.buffer, digest.byteOffset, digest.byteLength).readBigUInt64BE(0).toString();
}

/** The bytes of a CRC-64 that stands in decimal. */
export function crc64Bytes(decimal: string): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(decimal));
  return bytes;
}

interface Running {
  update(chunk: Uint8Array): void;
  end(): Buffer;
}

interface SharedHasher {
  init(): unknown;
  update(data: Uint8Array): unknown;
  digest(type: 'binary'): Uint8Array;
  save(): Uint8Array;
  load(state: Uint8Array): unknown;
}

const NODE_NAME: Readonly<Record<string, string>> = { MD5: 'md5', SHA1: 'sha1', SHA256: 'sha256', SHA512: 'sha512' };
// Reflected polynomials, as hash-wasm takes them.
const CRC32C_POLYNOMIAL = 0x82f63b78;
const CRC64_POLYNOMIAL: Readonly<Record<'CRC64' | 'CRC64NVME', string>> = {
  CRC64: 'c96c5795d7870f42',
  CRC64NVME: '9a6c9329ac4bc9b5',
};

const hashers = new Map<DigestName, Promise<SharedHasher>>();

async function startDigest(name: DigestName): Promise<Running> {
  const nodeName = NODE_NAME[name];
  if (nodeName !== undefined) {
    const hash = createHash(nodeName);
    return { update: (chunk) => void hash.update(chunk), end: () => hash.digest() };
  }
  return name === 'CRC32' ? startCrc32() : startShared(await hasherFor(name));
}

function startCrc32(): Running {
  let value = 0;
  return {
    update: (chunk) => {
      value = crc32(chunk, value);
    },
    end: () => {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32BE(value);
      return bytes;
    },
  };
}

/** Many digests run on one instance: its few bytes of state are loaded before and saved after each synchronous step. */
function startShared(hasher: SharedHasher): Running {
  hasher.init();
  let state = hasher.save();
  return {
    update: (chunk) => {
      hasher.load(state);
      hasher.update(chunk);
      state = hasher.save();
    },
    end: () => {
      hasher.load(state);
      return Buffer.from(hasher.digest('binary'));
    },
  };
}

function hasherFor(name: DigestName): Promise<SharedHasher> {
  let hasher = hashers.get(name);
  if (hasher === undefined) {
    hasher =
      name === 'CRC64' || name === 'CRC64NVME' ? createCRC64(CRC64_POLYNOMIAL[name]) : createCRC32(CRC32C_POLYNOMIAL);
    hashers.set(name, hasher);
  }
  return hasher;
}
