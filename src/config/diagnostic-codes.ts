import type { Level } from './diagnostics.ts';

/** Every code that judging files can answer, beside the policy's own (`policy/finding-codes.ts`). Codes are stable. */
export const DIAGNOSTIC_CODES = {
  'unreadable-file': {
    level: 'ERROR',
    text: 'A file cannot be read: absent, forbidden, too large, not UTF-8, no regular file.',
  },
  'file-too-large': { level: 'ERROR', text: 'The file is larger than any configuration is.' },
  'yaml-syntax': {
    level: 'ERROR',
    text: 'The text is no YAML 1.2, holds several documents, nothing, or nests too deeply.',
  },
  'yaml-aliases': {
    level: 'ERROR',
    text: 'Aliases expand beyond a small bound, or one points nowhere or into itself.',
  },
  'duplicate-key': { level: 'ERROR', text: 'The same key stands twice in one map.' },
  'unknown-key': { level: 'ERROR', text: 'The schema has no such key there.' },
  'missing-key': { level: 'ERROR', text: 'A key that must be there is not.' },
  'wrong-type': { level: 'ERROR', text: 'The value is of another type.' },
  'bad-value': { level: 'ERROR', text: 'The value is none of those allowed.' },
  'duplicate-value': { level: 'ERROR', text: 'The same value stands twice in a list.' },
  'clear-text-secret': { level: 'ERROR', text: 'A secret stands in the file itself instead of a reference.' },
  'bad-reference': { level: 'ERROR', text: 'What looks like a reference is neither ${env:NAME} nor ${file:/path}.' },
  'unresolved-reference': { level: 'ERROR', text: 'The variable or file of a reference cannot be had.' },
  'empty-secret': { level: 'ERROR', text: 'A reference leads to nothing.' },
  'bad-secret': { level: 'ERROR', text: 'A secret has more than one line.' },
  'short-secret': { level: 'ERROR', text: 'The secret of a client can be guessed.' },
  'example-secret': {
    level: 'ERROR',
    text: 'The secret is one that everybody knows; at a store of others a SECURITY_WARNING.',
  },
  'readable-secret': {
    level: 'SECURITY_WARNING',
    text: 'The file of a secret is readable by everybody on the machine.',
  },
  'no-listener': { level: 'ERROR', text: 'Nothing would listen.' },
  'duplicate-name': { level: 'ERROR', text: 'Two listeners have one name.' },
  'duplicate-address': { level: 'ERROR', text: 'Two listeners have one address.' },
  'duplicate-client': { level: 'ERROR', text: 'Two clients have one access key id.' },
  'reserved-name': { level: 'ERROR', text: 'A store cannot be called keyring.' },
  'untrusted-proxy-protocol': { level: 'ERROR', text: 'PROXY protocol without anybody who may speak it.' },
  'bad-cidr': { level: 'ERROR', text: 'An address block that is none.' },
  'bad-endpoint': { level: 'ERROR', text: 'An endpoint that is no address of a server.' },
  'store-needs-tls': { level: 'ERROR', text: 'Stores of this type are spoken to over https only.' },
  'missing-keyring': { level: 'ERROR', text: 'A store that the gateway must seal for, and no keyring.' },
  'keyring-unavailable-type': {
    level: 'ERROR',
    text: 'The keyring is of a type that this version does not have: it has the local one only.',
  },
  'keyring-over-http': { level: 'ERROR', text: 'Data keys would cross the network in clear.' },
  'admin-exposed': { level: 'SECURITY_WARNING', text: 'The admin port listens beyond this machine.' },
  'admin-without-token': {
    level: 'WARNING',
    text: 'Off loopback POST and /status of the admin port need a token, and there is none.',
  },
  'trust-everybody': { level: 'SECURITY_WARNING', text: 'Anybody may claim to have come over TLS.' },
  'store-over-http': { level: 'SECURITY_WARNING', text: 'A store beyond this machine is spoken to over plain HTTP.' },
  'no-effect': { level: 'WARNING', text: 'A setting of a store that means nothing to stores of its type.' },
  'unused-ca': { level: 'WARNING', text: 'A certificate authority without TLS.' },
  'bad-certificate': { level: 'ERROR', text: 'A listener’s certificate or key cannot be read, or they are no pair.' },
  'expired-certificate': { level: 'WARNING', text: 'A listener’s certificate is out of date.' },
  'bad-ca': { level: 'ERROR', text: 'A private authority cannot be read or is no certificate.' },
  'self-test': { level: 'ERROR', text: 'A rule could not decide when it was asked at the load.' },
  'not-loaded': {
    level: 'ERROR',
    text: 'What the files ask for could not be opened; the last good ones stay in force.',
  },
  'store-unreachable': { level: 'ERROR', text: 'A store does not answer (--online).' },
  'store-refused': { level: 'ERROR', text: 'A store refuses the gateway’s credentials (--online).' },
  'store-unproven': {
    level: 'WARNING',
    text: 'A store answers, but lets the gateway list no buckets: its rights are unproven (--online).',
  },
  'store-directory': { level: 'ERROR', text: 'The directory of an embedded store cannot be used (--online).' },
  'keyring-unavailable': { level: 'ERROR', text: 'The keyring does not answer, or holds no usable key (--online).' },
  'missing-kms-key': {
    level: 'SUGGESTION',
    text: 'The keyring has no key of this name yet; the start makes it (--online).',
  },
  'unusable-kms-key': {
    level: 'ERROR',
    text: 'A key that the policy names is disabled or pending deletion (--online).',
  },
  'no-client': { level: 'WARNING', text: 'Nobody could call.' },
  'no-grants': { level: 'WARNING', text: 'A client that may do nothing.' },
} as const satisfies Readonly<Record<string, { readonly level: Level; readonly text: string }>>;

/** Findings about what answers on the network or lies beyond the files: exit code 5 instead of 3. */
export const REMOTE_CODES: ReadonlySet<string> = new Set<keyof typeof DIAGNOSTIC_CODES>([
  'store-unreachable',
  'store-refused',
  'store-directory',
  'keyring-unavailable',
  'unusable-kms-key',
]);
