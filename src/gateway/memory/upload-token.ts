import { createHmac, timingSafeEqual } from 'node:crypto';
import type { ChecksumAlgorithm, ChecksumType } from '../../model/body.ts';
import type { Expectation } from '../expectation.ts';
import { contextFields, type EncryptionContext } from '../../model/encryption-context.ts';

/** What an upload id of this gateway says. */
export interface UploadClaim {
  readonly storeUploadId: string;
  readonly expected: Expectation;
  /** What Create named for its parts. */
  readonly checksumAlgorithm?: ChecksumAlgorithm | undefined;
  /** Undefined beside an algorithm in ids of release 0.1.0. */
  readonly checksumType?: ChecksumType | undefined;
  /** The policy's name of a KMS key when the upload began. */
  readonly alias?: string | undefined;
  /** When it began, ms since the epoch; undefined for ids of release 0.1.0. */
  readonly initiated?: number | undefined;
  /** `contextMark` of the encryption context that Create sent. */
  readonly contextMark?: string | undefined;
}

/** `bare`: an id of the store's own, of whose beginning nothing is known here. */
export type UploadToken =
  ({ readonly kind: 'issued' } & UploadClaim) | { readonly kind: 'bare'; readonly storeUploadId: string };

/**
 * Upload ids of remote stores carry what was decided, authenticated, so that any gateway can take any part and
 * attest it without shared state.
 */
export interface UploadTokens {
  /** `bucket` is the store's name of it. */
  issue(bucket: string, key: string, claim: UploadClaim): string;
  /** Tells one encryption context from another: an id is no place for the context itself, which may hold personal data. */
  contextMark(storeUploadId: string, context: EncryptionContext): string;
  /** A token made for another object or tampered with is undefined. */
  read(bucket: string, key: string, uploadId: string): UploadToken | undefined;
}

/** The form with time and alias, and the one before it: never issued any more, valid as long as its uploads are. */
const MARK = 'bsl2';
const MARKS: readonly string[] = ['bsl1', MARK];
const MAC_BYTES = 18;

/** `key` is 32 bytes, the same in every gateway that shares a keyring. */
export function createUploadTokens(key: Uint8Array): UploadTokens {
  const mac = (...texts: readonly string[]): Buffer =>
    createHmac('sha256', key).update(JSON.stringify(texts)).digest().subarray(0, MAC_BYTES);
  return {
    contextMark: (storeUploadId, context) =>
      mac('context', storeUploadId, ...contextFields(context)).toString('base64url'),
    issue(bucket, object, { storeUploadId, expected, ...more }) {
      const id = Buffer.from(storeUploadId, 'utf8').toString('base64url');
      const claim = Buffer.from(JSON.stringify({ ...more, expected }), 'utf8').toString('base64url');
      return [MARK, id, claim, mac(MARK, bucket, object, id, claim).toString('base64url')].join('.');
    },
    read(bucket, object, uploadId) {
      const [mark = '', id, claim, given, ...rest] = uploadId.split('.');
      if (!MARKS.includes(mark) || id === undefined || claim === undefined || given === undefined || rest.length > 0)
        return { kind: 'bare', storeUploadId: uploadId };
      const theirs = Buffer.from(given, 'base64url');
      const ours = mac(mark, bucket, object, id, claim);
      if (theirs.length !== ours.length || !timingSafeEqual(theirs, ours)) return undefined;
      const storeUploadId = Buffer.from(id, 'base64url').toString('utf8');
      const said = JSON.parse(Buffer.from(claim, 'base64url').toString('utf8')) as unknown;
      if (mark === MARK) return { kind: 'issued', ...(said as Omit<UploadClaim, 'storeUploadId'>), storeUploadId };
      const { checksumAlgorithm, ...expected } = said as Expectation & Pick<UploadClaim, 'checksumAlgorithm'>;
      return { kind: 'issued', storeUploadId, expected, checksumAlgorithm };
    },
  };
}
