import type { Keyring } from '../../model/keyring.ts';
import type { SealHeader, WrappedKey } from '../../model/seal.ts';
import { wrapContext } from '../../envelope/data-key.ts';

/** One wrapped key to be exchanged at the store, by compare-and-swap on its blob. */
export interface KeySwap {
  readonly expectedBlob: string;
  readonly next: WrappedKey;
}

/**
 * The keys of a header that lie under an older version of their keyring key, under the current one. Touches no data
 * and no MAC; none where all is current. What lies under a client's own key is the client's to rotate; of an upload
 * under such a key only the manifest keys are the keyring's.
 */
export async function rewrapHeader(
  header: Pick<SealHeader, 'mode' | 'wrapped' | 'wrappedManifestKeys' | 'bucket' | 'oid' | 'context'>,
  keyring: Keyring,
): Promise<readonly KeySwap[]> {
  const held = [...(header.mode === 'customer' ? [] : [header.wrapped]), header.wrappedManifestKeys];
  const swaps: KeySwap[] = [];
  for (const wrapped of held) {
    if (wrapped === undefined) continue;
    const next = await keyring.rewrap(wrapped, wrapContext(header));
    if (next.blob !== wrapped.blob) swaps.push({ expectedBlob: wrapped.blob, next });
  }
  return swaps;
}
