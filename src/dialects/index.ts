import type { Capabilities } from '../model/backend.ts';
import type { KeySpelling } from '../model/encryption.ts';
import type { Dialect, DialectName } from './dialect.ts';
import { JD_CAPABILITIES } from './jd/capabilities.ts';
import { jd } from './jd/index.ts';
import { OSS_CAPABILITIES } from './oss/capabilities.ts';
import { oss } from './oss/index.ts';
import { AWS_CAPABILITIES, S3_CAPABILITIES } from './s3/capabilities.ts';
import { s3 } from './s3/index.ts';

/** Every language, one line each. The first is the one that answers where no language could be told. */
export const DIALECTS: Readonly<Record<DialectName, Dialect>> = { s3, oss, jd };

export const DIALECT_NAMES: readonly DialectName[] = ['s3', 'oss', 'jd'];

/** What a store type of the configuration means. */
export interface StoreType {
  readonly dialect: DialectName;
  /** All that the type can do; the configuration may say less. */
  readonly capabilities: Capabilities;
  readonly keySpelling: KeySpelling;
  /** How buckets stand in requests unless the configuration says otherwise. */
  readonly addressing: 'path' | 'virtual';
  /** The endpoint must be https. */
  readonly tlsOnly: boolean;
  /** Settings of a store in gateway.yaml that mean nothing to this language: `check` says so. */
  readonly without: readonly string[];
}

/** There is one signature. */
const S3_WITHOUT = ['signature'];
/** Alibaba takes virtual-hosted requests only, and its bodies are neither chunked nor checked by checksum headers. */
const OSS_WITHOUT = ['addressing', 'capabilities.payload', 'capabilities.checksumHeaders'];

/** Store types across the network. The embedded store speaks no language and is not here. */
export const STORE_TYPES: Readonly<Record<string, StoreType>> = {
  'aws-s3': {
    dialect: 's3',
    capabilities: AWS_CAPABILITIES,
    keySpelling: s3.keySpelling,
    addressing: 'virtual',
    tlsOnly: false,
    without: S3_WITHOUT,
  },
  s3: {
    dialect: 's3',
    capabilities: S3_CAPABILITIES,
    keySpelling: s3.keySpelling,
    addressing: 'path',
    tlsOnly: false,
    without: S3_WITHOUT,
  },
  'aliyun-oss': {
    dialect: 'oss',
    capabilities: OSS_CAPABILITIES,
    keySpelling: oss.keySpelling,
    addressing: 'virtual',
    tlsOnly: false,
    without: OSS_WITHOUT,
  },
  'jdcloud-oss': {
    dialect: 'jd',
    capabilities: JD_CAPABILITIES,
    keySpelling: jd.keySpelling,
    addressing: 'path',
    tlsOnly: true,
    without: S3_WITHOUT,
  },
};
