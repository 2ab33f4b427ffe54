import type { Wish } from '../../../model/objects.ts';
import type { OperationName, StorageRequest } from '../../../model/operations.ts';
import type { VerifiedRequest } from '../../dialect.ts';

/** What every decoder gets: the request, its place, and the encryption that its headers ask for. */
export interface DecoderInput {
  readonly request: VerifiedRequest;
  readonly bucket: string;
  /** '' for a bucket. */
  readonly key: string;
  readonly wish: Wish;
  readonly repeatedWish: Wish | undefined;
}

export type Decoder<N extends OperationName> = (input: DecoderInput) => StorageRequest<N> | Promise<StorageRequest<N>>;
