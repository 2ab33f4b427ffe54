import type { Capabilities } from '../../../src/model/backend.ts';
import type { GatewayNames } from '../../../src/config/gateway-schema.ts';

const ALL: Capabilities = {
  managed: ['AES256'],
  kms: 'any',
  kmsAlgorithms: ['AES256'],
  layers: [1, 2],
  customerKey: true,
  kmsDefaultKey: true,
  context: true,
  bucketKey: true,
  perObject: true,
  copyWithEncryption: true,
  conditionalCopy: true,
  keys: 'exact',
  bucketEncryption: true,
  payload: 'signed-chunks',
  minimumPartSize: 5 * 2 ** 20,
  checksumHeaders: true,
  needsContentLength: true,
  tlsOnly: false,
  seals: false,
  append: false,
  tagging: true,
  bucketInfo: false,
  completesAll: false,
};

/** What the dialects say of themselves, written down here so that these tests need no dialect. */
export const NAMES: GatewayNames = {
  dialects: ['s3', 'oss', 'jd'],
  stores: {
    local: { dialect: undefined, capabilities: { ...ALL, seals: true, layers: [1] } },
    'aliyun-oss': {
      dialect: 'oss',
      addressing: 'virtual',
      without: ['addressing', 'capabilities.payload'],
      capabilities: {
        ...ALL,
        managed: ['AES256', 'SM4'],
        kmsAlgorithms: ['AES256', 'SM4'],
        layers: [1],
        customerKey: false,
        bucketKey: false,
        payload: 'unsigned',
        minimumPartSize: 100 * 1024,
      },
    },
    'jdcloud-oss': {
      dialect: 'jd',
      addressing: 'path',
      tlsOnly: true,
      capabilities: { ...ALL, managed: [], layers: [1], customerKey: false, perObject: false, tlsOnly: true },
    },
    'aws-s3': { dialect: 's3', addressing: 'virtual', without: ['signature'], capabilities: ALL },
    s3: { dialect: 's3', addressing: 'path', without: ['signature'], capabilities: ALL },
  },
};
