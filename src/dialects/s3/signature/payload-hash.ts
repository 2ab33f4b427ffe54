import { GatewayError } from '../../../model/errors.ts';

/** What `x-amz-content-sha256` says of the body. */
export type PayloadForm =
  | { readonly kind: 'whole'; readonly sha256: string | undefined }
  | { readonly kind: 'chunks'; readonly signed: boolean; readonly trailing: boolean };

export const UNSIGNED_PAYLOAD = 'UNSIGNED-PAYLOAD';
export const SIGNED_CHUNKS = 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD';

const FORMS: Readonly<Record<string, PayloadForm>> = {
  [UNSIGNED_PAYLOAD]: { kind: 'whole', sha256: undefined },
  [SIGNED_CHUNKS]: { kind: 'chunks', signed: true, trailing: false },
  'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER': { kind: 'chunks', signed: true, trailing: true },
  'STREAMING-UNSIGNED-PAYLOAD-TRAILER': { kind: 'chunks', signed: false, trailing: true },
};

/** Parses the value; throws for anything that would leave the body unjudged, asymmetric chunk signatures included. */
export function parsePayloadHash(value: string): PayloadForm {
  const form = Object.hasOwn(FORMS, value) ? FORMS[value] : undefined;
  if (form !== undefined) return form;
  if (/^[0-9a-fA-F]{64}$/.test(value)) return { kind: 'whole', sha256: value.toLowerCase() };
  throw new GatewayError(
    'InvalidArgument',
    `x-amz-content-sha256 must be ${Object.keys(FORMS).join(', ')}, or a valid sha256 value.`,
    { details: { ArgumentName: 'x-amz-content-sha256', ArgumentValue: value } },
  );
}
