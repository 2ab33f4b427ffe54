import { GatewayError } from '../../../model/errors.ts';
import type { StorageClass } from '../../../model/objects.ts';

/** Classes without a namesake at OSS take the nearest that keeps at least as many copies and reads as fast. */
const TO_OSS: Readonly<Record<StorageClass, string>> = {
  STANDARD: 'Standard',
  REDUCED_REDUNDANCY: 'Standard',
  INTELLIGENT_TIERING: 'Standard',
  STANDARD_IA: 'IA',
  ONEZONE_IA: 'IA',
  GLACIER_IR: 'IA',
  GLACIER: 'Archive',
  DEEP_ARCHIVE: 'ColdArchive',
};
const FROM_OSS: Readonly<Record<string, StorageClass>> = {
  Standard: 'STANDARD',
  IA: 'STANDARD_IA',
  Archive: 'GLACIER',
  ColdArchive: 'DEEP_ARCHIVE',
  DeepColdArchive: 'DEEP_ARCHIVE',
};

export function encodeStorageClass(storageClass: StorageClass | undefined): string {
  return TO_OSS[storageClass ?? 'STANDARD'];
}

/** A client's word for a class; throws for one that OSS does not know. */
export function decodeStorageClass(text: string): StorageClass {
  const storageClass = knownStorageClass(text);
  if (storageClass === undefined)
    throw new GatewayError('InvalidArgument', 'The specified storage class is not valid.', {
      details: { ArgumentName: 'x-oss-storage-class', ArgumentValue: text },
    });
  return storageClass;
}

/** A store's word; undefined for one that the model has no name for. */
export function knownStorageClass(text: string | undefined): StorageClass | undefined {
  return text !== undefined && Object.hasOwn(FROM_OSS, text) ? FROM_OSS[text] : undefined;
}
