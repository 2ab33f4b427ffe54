import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, linkSync, mkdirSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { isIP } from 'node:net';
import { dirname } from 'node:path';
import { generate } from 'selfsigned';
import type { SubjectAltNameEntry } from 'selfsigned';
import type { DeclaredConfig } from './gateway-config.ts';
import type { Reference } from './secret-reference.ts';

export interface QuickstartOptions {
  /** ms since the epoch: when the certificate begins to hold. */
  readonly now: number;
  readonly random?: (bytes: number) => Buffer;
}

/** What a first start made, and where the first client's credentials lie. */
export interface QuickstartResult {
  /** Absolute paths of new files; empty on every later start. */
  readonly created: readonly string[];
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string } | undefined;
  /** The self-signed certificate that clients must trust, where there is an HTTPS listener. */
  readonly certificate: string | undefined;
}

/**
 * Makes what a configuration refers to and a first start on one's own machine needs: credentials of clients (`${file:…}`)
 * and certificates of listeners. Never overwrites; a half-made pair is refused. Asked for explicitly, because
 * elsewhere a missing secret must stop the start.
 */
export async function prepareFirstStart(config: DeclaredConfig, options: QuickstartOptions): Promise<QuickstartResult> {
  const random = options.random ?? randomBytes;
  const created: string[] = [];
  for (const { accessKeyId, secretAccessKey } of config.clients) {
    if (!needed(fileOf(accessKeyId), fileOf(secretAccessKey))) continue;
    // 20 characters for the id and 40 for the secret, as the clouds issue them.
    created.push(createFile(accessKeyId.value, `BS${base32(random(18)).slice(0, 18)}\n`));
    created.push(createFile(secretAccessKey.value, `${random(30).toString('base64url')}\n`));
  }
  for (const { tls, host } of config.listeners) {
    if (tls === undefined || !needed(tls.certificate, tls.key)) continue;
    const pair = await certificateFor(host, config.domains, options.now);
    created.push(createFile(tls.key, pair.key), createFile(tls.certificate, pair.certificate));
  }
  const [first] = config.clients;
  const files = first === undefined ? [] : [fileOf(first.accessKeyId), fileOf(first.secretAccessKey)];
  const [accessKeyId, secretAccessKey] = files;
  return {
    created,
    credentials:
      accessKeyId === undefined || secretAccessKey === undefined ? undefined : { accessKeyId, secretAccessKey },
    certificate: config.listeners.find(({ tls }) => tls !== undefined)?.tls?.certificate,
  };
}

/** A year; browsers and SDKs refuse much longer ones. */
const CERTIFICATE_DAYS = 365;

function fileOf(reference: Reference): string | undefined {
  return reference.from === 'file' ? reference.value : undefined;
}

/** Whether both files are still to be made; one without the other is somebody's mistake, and guessing would lose a key. */
function needed(one: string | undefined, other: string | undefined): boolean {
  if (one === undefined || other === undefined) return false;
  const present = [one, other].filter((path) => existsSync(path));
  if (present.length === 1)
    throw new Error(
      `${present[0] ?? ''} exists, but ${present[0] === one ? other : one} does not: restore it, or remove the first`,
    );
  return present.length === 0;
}

/** Whole or not at all, for this user alone; fails where the file exists. */
function createFile(path: string, content: string): string {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = `${path}.${process.pid}.new`;
  const descriptor = openSync(temporary, 'wx', 0o600);
  try {
    writeSync(descriptor, content);
    fsyncSync(descriptor);
    linkSync(temporary, path);
  } finally {
    closeSync(descriptor);
    unlinkSync(temporary);
  }
  return path;
}

async function certificateFor(
  host: string,
  domains: readonly string[],
  now: number,
): Promise<{ readonly certificate: string; readonly key: string }> {
  const names: SubjectAltNameEntry[] = [
    { type: 2, value: 'localhost' },
    ...domains.flatMap((domain) => [domain, `*.${domain}`]).map((value) => ({ type: 2 as const, value })),
    { type: 7, ip: '127.0.0.1' },
    { type: 7, ip: '::1' },
  ];
  if (isIP(host) !== 0 && !['127.0.0.1', '::1', '0.0.0.0', '::'].includes(host)) names.push({ type: 7, ip: host });
  const pem = await generate([{ name: 'commonName', value: 'localhost' }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    // A clock may be a little behind.
    notBeforeDate: new Date(now - 5 * 60_000),
    notAfterDate: new Date(now + CERTIFICATE_DAYS * 86_400_000),
    extensions: [
      // A client that trusts it trusts this server alone: a stolen key signs no certificate for another name.
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      { name: 'subjectAltName', altNames: names },
    ],
  });
  return { certificate: pem.cert, key: pem.private };
}

function base32(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => BASE32[byte & 31] ?? '').join('');
}

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
