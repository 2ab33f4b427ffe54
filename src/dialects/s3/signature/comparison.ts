import { timingSafeEqual } from 'node:crypto';
import { GatewayError } from '../../../model/errors.ts';
import type { ErrorDetails } from '../../../model/errors.ts';

/** Compares in constant time, whatever was provided: timing must not tell how much of a forgery is right. */
export function equalSignatures(expected: string, provided: string): boolean {
  const right = Buffer.from(expected, 'utf8');
  const given = Buffer.alloc(right.length);
  given.write(provided, 'utf8');
  return timingSafeEqual(right, given) && Buffer.byteLength(provided, 'utf8') === right.length;
}

/** 403 SignatureDoesNotMatch in S3's words. */
export function signatureMismatch(details: ErrorDetails = {}): GatewayError {
  return new GatewayError(
    'SignatureDoesNotMatch',
    'The request signature we calculated does not match the signature you provided. Check your key and signing method.',
    { details },
  );
}

/** 403 InvalidAccessKeyId in S3's words. */
export function unknownAccessKey(accessKeyId: string): GatewayError {
  return new GatewayError('InvalidAccessKeyId', 'The AWS Access Key Id you provided does not exist in our records.', {
    details: { AWSAccessKeyId: accessKeyId },
  });
}

/** Bytes of a signed string as S3 prints them: `41 57 53`. */
export function hexBytes(text: string): string {
  return (Buffer.from(text, 'latin1').toString('hex').match(/../g) ?? []).join(' ');
}
