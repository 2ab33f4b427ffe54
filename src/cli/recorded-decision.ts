import { secret } from '../model/encryption.ts';
import type { BucketRule, Encryption, KeyAlias, WireKeyId } from '../model/encryption.ts';
import { ERROR_CODES, GatewayError } from '../model/errors.ts';
import type { Wish } from '../model/objects.ts';

/** An audit record of kind `decision`, as far as another policy asks. */
export interface RecordedDecision {
  readonly who: string;
  readonly operation: string;
  readonly bucket: string;
  /** `file:line name` of the rule that decided; '' where none did. */
  readonly rule: string;
  readonly by: string;
  readonly secure: boolean;
  readonly wish: Wish;
  readonly wishesIgnored: boolean;
  readonly replicator: boolean;
  readonly bucketRule: BucketRule<KeyAlias> | undefined;
  /** ms since the epoch. */
  readonly at: number | undefined;
}

/** Reads one line; `other` for records and log lines that are no decision, `unknown` for what cannot be decided again. */
export function recordedDecisionOf(line: string): RecordedDecision | 'other' | 'unknown' {
  const record = objectIn(line);
  if (record === undefined) return 'unknown';
  if (record['kind'] !== 'decision')
    return typeof record['kind'] === 'string' || 'level' in record ? 'other' : 'unknown';
  const { who, operation, bucket, rule, by, time } = record;
  const details = asObject(record['details']);
  // What continues a write was decided where that write began; its own line is a comparison with that.
  if (details?.['recorded'] !== undefined) return 'other';
  const inputs = asObject(details?.['inputs']);
  if (typeof who !== 'string' || typeof operation !== 'string' || typeof bucket !== 'string' || inputs === undefined)
    return 'unknown';
  const { secure } = inputs;
  const wish = wishOf(inputs, record['wish']);
  if (typeof secure !== 'boolean' || wish === undefined) return 'unknown';
  const stored = inputs['bucketRule'] === undefined ? undefined : encryptionOf(asObject(inputs['bucketRule']));
  if (
    inputs['bucketRule'] !== undefined &&
    (stored === undefined || stored.kind === 'none' || stored.kind === 'customer')
  )
    return 'unknown';
  const at = typeof time === 'string' ? Date.parse(time) : NaN;
  return {
    who,
    operation,
    bucket,
    rule: typeof rule === 'string' ? rule : '',
    by: typeof by === 'string' ? by : '',
    secure,
    wish,
    wishesIgnored: inputs['wishesIgnored'] === true,
    replicator: inputs['replicator'] === true,
    bucketRule: stored as BucketRule<KeyAlias> | undefined,
    at: Number.isNaN(at) ? undefined : at,
  };
}

type Plain = Readonly<Record<string, unknown>>;

function wishOf({ asked, illFormed }: Plain, raw: unknown): Wish | undefined {
  const words = typeof raw === 'string' ? raw : '';
  if (illFormed !== undefined) {
    const code = ERROR_CODES.find((each) => each === illFormed);
    return code && { state: 'illFormed', error: new GatewayError(code, words), raw: words };
  }
  if (asked === undefined) return { state: 'absent' };
  const encryption = encryptionOf(asObject(asked));
  return encryption && { state: 'wellFormed', encryption: encryption as Encryption<WireKeyId>, raw: words };
}

function encryptionOf(plain: Plain | undefined): Encryption<string> | undefined {
  const algorithm = plain?.['algorithm'] ?? 'AES256';
  if (algorithm !== 'AES256' && algorithm !== 'SM4') return undefined;
  switch (plain?.['kind']) {
    case 'none':
      return { kind: 'none' };
    case 'managed':
      return { kind: 'managed', algorithm };
    case 'customer':
      // Only that there was a key counts; no policy looks at its bytes.
      return { kind: 'customer', algorithm: 'AES256', key: { key: secret(new Uint8Array(32)), md5: '' } };
    case 'kms': {
      const { keyName, layers = 1 } = plain;
      if (typeof keyName !== 'string' || (layers !== 1 && layers !== 2)) return undefined;
      // Its words were not recorded, and no policy reads them.
      return { kind: 'kms', key: keyName, algorithm, layers, ...(plain['context'] === true ? { context: {} } : {}) };
    }
    default:
      return undefined;
  }
}

function objectIn(line: string): Plain | undefined {
  try {
    return asObject(JSON.parse(line) as unknown);
  } catch {
    return undefined;
  }
}

function asObject(value: unknown): Plain | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Plain) : undefined;
}
