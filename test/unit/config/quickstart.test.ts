import { X509Certificate } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { judgePolicy } from '../../../src/cli/policy-services.ts';
import { loadConfig } from '../../../src/config/load.ts';
import type { LoadOutcome } from '../../../src/config/load.ts';
import { prepareFirstStart } from '../../../src/config/quickstart.ts';
import { readReferencedFile } from '../../../src/config/secret-reference.ts';
import { readConfigFile } from '../../../src/config/source-file.ts';
import { NAMES } from './gateway-names.ts';

const SAMPLES = resolve(import.meta.dirname, '../../../config');
const NOW = Date.now();

function fresh(): { readonly root: string; readonly outcome: LoadOutcome } {
  const root = mkdtempSync(join(tmpdir(), 'bucketseal-quickstart-'));
  mkdirSync(join(root, 'config'));
  for (const name of ['quickstart.yaml', 'policy.yaml']) copyFileSync(join(SAMPLES, name), join(root, 'config', name));
  const outcome = loadConfig(join(root, 'config/quickstart.yaml'), {
    names: NAMES,
    readFile: readConfigFile,
    judgePolicy,
  });
  return { root, outcome };
}

const sources = { environment: {}, readFile: readReferencedFile };

describe('a first start', () => {
  test('makes credentials and a certificate that only this user can read', async () => {
    const { root, outcome } = fresh();
    expect(outcome.resolve(sources).config).toBeUndefined();
    const { created } = await prepareFirstStart(outcome.config!, { now: NOW });
    expect(created).toHaveLength(4);
    expect(statSync(join(root, 'data')).mode & 0o777).toBe(0o700);
    for (const path of created) expect(statSync(path).mode & 0o777, path).toBe(0o600);
    expect(readdirSync(join(root, 'data')).sort()).toEqual([
      'access-key-id',
      'secret-access-key',
      'tls.crt',
      'tls.key',
    ]);
    const { config, diagnostics } = outcome.resolve(sources);
    expect(diagnostics).toEqual([]);
    expect(config?.clients[0]?.accessKeyId).toMatch(/^BS[A-Z2-7]{18}$/);
    expect(config?.clients[0]?.secretAccessKey.reveal()).toMatch(/^[A-Za-z0-9_-]{40}$/);
  });

  test('a second start changes nothing', async () => {
    const { root, outcome } = fresh();
    await prepareFirstStart(outcome.config!, { now: NOW });
    const read = (): readonly string[] =>
      readdirSync(join(root, 'data')).map((name) => readFileSync(join(root, 'data', name), 'utf8'));
    const before = read();
    const again = await prepareFirstStart(outcome.config!, { now: NOW });
    expect(again.created).toEqual([]);
    expect(again.credentials?.accessKeyId).toBe(join(root, 'data/access-key-id'));
    expect(read()).toEqual(before);
  });

  test('two first starts have nothing in common', async () => {
    const [one, other] = [fresh(), fresh()];
    for (const { outcome } of [one, other]) await prepareFirstStart(outcome.config!, { now: NOW });
    for (const name of readdirSync(join(one.root, 'data')))
      expect(readFileSync(join(one.root, 'data', name))).not.toEqual(readFileSync(join(other.root, 'data', name)));
  });

  test.each(['access-key-id', 'secret-access-key', 'tls.crt', 'tls.key'])(
    'a lost %s is not made anew',
    async (name) => {
      const { root, outcome } = fresh();
      await prepareFirstStart(outcome.config!, { now: NOW });
      rmSync(join(root, 'data', name));
      await expect(prepareFirstStart(outcome.config!, { now: NOW })).rejects.toThrow(/restore it/);
      expect(existsSync(join(root, 'data', name))).toBe(false);
    },
  );

  test('a client that trusts the certificate connects by name and by address, and to nothing else', async () => {
    const { root, outcome } = fresh();
    const { certificate } = await prepareFirstStart(outcome.config!, { now: NOW });
    const [cert, key] = [readFileSync(certificate!), readFileSync(join(root, 'data/tls.key'))];
    const parsed = new X509Certificate(cert);
    expect(parsed.ca).toBe(false);
    for (const ip of ['127.0.0.1', '::1']) expect(parsed.checkIP(ip)).toBe(ip);
    for (const name of ['localhost', 'storage.localhost', 'photos.storage.localhost'])
      expect(parsed.checkHost(name), name).toBeDefined();
    expect(parsed.checkHost('example.com')).toBeUndefined();
    const server = createServer({ cert, key }, (_request, response) => response.end('sealed'));
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const { port } = server.address() as AddressInfo;
    const get = (host: string, ca: Buffer | undefined): Promise<number | undefined> =>
      new Promise((done, fail) => {
        request(
          { host: '127.0.0.1', port, headers: { host }, ca, servername: host === '127.0.0.1' ? '' : host },
          (answer) => {
            answer.resume();
            done(answer.statusCode);
          },
        )
          .on('error', fail)
          .end();
      });
    try {
      await expect(get('localhost', cert)).resolves.toBe(200);
      await expect(get('127.0.0.1', cert)).resolves.toBe(200);
      await expect(get('localhost', undefined)).rejects.toThrow(/self-signed/);
      await expect(get('example.com', cert)).rejects.toThrow(/does not match/);
    } finally {
      server.close();
    }
  });
});
