import { GatewayError } from '../../model/errors.ts';

/** A failure of disk or index in the model's codes; a `GatewayError` passes as it is. */
export function storeFailure(error: unknown): GatewayError {
  if (error instanceof GatewayError) return error;
  return EXHAUSTED.has(systemCode(error)) || isDiskFull(error)
    ? new GatewayError('ServiceUnavailable', 'The store has no room for this request at present.', { cause: error })
    : new GatewayError('InternalError', 'We encountered an internal error. Please try again.', { cause: error });
}

/** `ENOENT` and the like; '' for an error without a code. */
export function systemCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

/** SQLite's own word for a full disk. It is said before the commit is written, so nothing of it lasts. */
export function isDiskFull(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === SQLITE_FULL;
}

export function isOfDatabase(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error;
}

/** Shows a mistake of this program, or damage on disk: never the client's fault. */
export function internalError(reason: string): GatewayError {
  return new GatewayError('InternalError', 'We encountered an internal error. Please try again.', {
    cause: new Error(reason),
  });
}

const EXHAUSTED: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG', 'EMFILE', 'ENFILE', 'ENOMEM']);

const SQLITE_FULL = 13;
