import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { generate } from 'selfsigned';
import { stringify } from 'yaml';
import { startRuntime, type Runtime } from '../../src/assemble/runtime.ts';

export interface TestClient {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** A real gateway in this process: real listeners, real files, configured by the same YAML that users write. */
export interface TestGateway {
  readonly http: string;
  readonly https: string;
  readonly port: number;
  readonly securePort: number;
  /** PEM of the listener's self-signed certificate. */
  readonly certificate: string;
  readonly clients: Readonly<Record<string, TestClient>>;
  readonly main: TestClient;
  readonly directory: string;
  readonly configFile: string;
  readonly runtime: Runtime;
  /** The audit records so far. */
  audit(): Promise<readonly AuditLine[]>;
  /** Log and audit lines so far, as text. */
  log(): string;
  /** Everything that the gateway has on disk, as one haystack. */
  bytesAtRest(): Buffer;
  writePolicy(policy: object): void;
  writeConfig(change: (config: Record<string, unknown>) => void): void;
  close(): Promise<void>;
}

/** A line of the audit as it was written. */
export type AuditLine = Readonly<Record<string, unknown>> & { readonly details?: Readonly<Record<string, unknown>> };

export interface TestOptions {
  readonly policy: object;
  /** Entries of `stores:` beside `local`; credentials in clear become files. */
  readonly stores?: Readonly<Record<string, Record<string, unknown>>>;
  /** Entries of `clients:` by name, without key pairs (a `sessionToken` in clear becomes a file); `main` with every right is always there. */
  readonly clients?: Readonly<Record<string, Record<string, unknown>>>;
  /** More top-level keys of gateway.yaml. */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly now?: () => number;
}

/** Thousands of lines that only somebody in search of a fault wants to see on the terminal. */
const VERBOSE = process.env['BUCKETSEAL_TEST_LOG'] !== undefined;

const ALL_RIGHTS = {
  grants: [{ buckets: ['*'], actions: ['read', 'write', 'delete', 'list', 'configure'] }],
  keys: ['*'],
};

export async function startGateway(options: TestOptions): Promise<TestGateway> {
  const written = await writeGateway(options);
  const lines: AuditLine[] = [];
  let log = '';
  const kept = (line: string): void => {
    log += line;
    if (VERBOSE) process.stderr.write(line);
  };
  const runtime = await startRuntime(written.configFile, options.now ?? Date.now, {
    audit: new Writable({
      decodeStrings: false,
      write: (line: string, _encoding, done) => {
        lines.push(JSON.parse(line) as AuditLine);
        kept(line);
        done();
      },
    }),
    log: { write: kept },
  });
  const portOf = (name: string): number =>
    runtime.listening.addresses.find((address) => address.name === name)?.port ?? 0;
  return {
    ...written,
    http: `http://127.0.0.1:${portOf('http')}`,
    https: `https://127.0.0.1:${portOf('https')}`,
    port: portOf('http'),
    securePort: portOf('https'),
    runtime,
    log: () => log,
    audit: async () => {
      await runtime.telemetry.audit.flush();
      return [...lines];
    },
    close: async () => {
      runtime.listening.stopAccepting();
      await runtime.listening.drain(2000);
      await runtime.listening.close();
      await runtime.close();
      rmSync(written.directory, { recursive: true, force: true });
    },
  };
}

/** A gateway's files, before anybody has started it. */
export type WrittenGateway = Omit<
  TestGateway,
  'http' | 'https' | 'port' | 'securePort' | 'runtime' | 'audit' | 'log' | 'close'
> & {
  readonly configFile: string;
};

export async function writeGateway(options: TestOptions): Promise<WrittenGateway> {
  const directory = mkdtempSync(join(tmpdir(), 'gateway-'));
  const secrets = join(directory, 'secrets');
  mkdirSync(secrets);
  const pem = await certificate();
  writeFileSync(join(directory, 'tls.crt'), pem.cert);
  writeFileSync(join(directory, 'tls.key'), pem.private, { mode: 0o600 });
  const reference = (name: string, value: string): string => {
    writeFileSync(join(secrets, name), value, { mode: 0o600 });
    return `\${file:${join(secrets, name)}}`;
  };
  const clients: Record<string, TestClient> = {};
  const clientEntries = Object.entries({ main: ALL_RIGHTS, ...options.clients }).map(([name, entry]) => {
    const keys = {
      accessKeyId: `AK${randomBytes(9).toString('hex').toUpperCase()}`,
      secretAccessKey: randomBytes(30).toString('base64url'),
    };
    const sessionToken = (entry as { readonly sessionToken?: string }).sessionToken;
    clients[name] = sessionToken === undefined ? keys : { ...keys, sessionToken };
    return {
      ...entry,
      ...(sessionToken === undefined ? {} : { sessionToken: reference(`${name}.token`, sessionToken) }),
      accessKeyId: reference(`${name}.id`, keys.accessKeyId),
      secretAccessKey: reference(`${name}.secret`, keys.secretAccessKey),
    };
  });
  const stores = Object.fromEntries(
    Object.entries(options.stores ?? {}).map(([name, store]) => {
      const credentials = store['credentials'] as TestClient | undefined;
      if (credentials === undefined) return [name, store];
      const hidden = {
        accessKeyId: reference(`store-${name}.id`, credentials.accessKeyId),
        secretAccessKey: reference(`store-${name}.secret`, credentials.secretAccessKey),
      };
      return [name, { ...store, credentials: hidden }];
    }),
  );
  const config: Record<string, unknown> = {
    version: 1,
    listeners: [
      { name: 'http', host: '127.0.0.1', port: 0 },
      { name: 'https', host: '127.0.0.1', port: 0, tls: { certificate: './tls.crt', key: './tls.key' } },
    ],
    stores: { local: { type: 'local', directory: './objects' }, ...stores },
    keyring: { type: 'local', file: './keyring.json' },
    clients: clientEntries,
    policy: './policy.yaml',
    ...options.config,
  };
  const configFile = join(directory, 'gateway.yaml');
  const writePolicy = (policy: object): void => writeFileSync(join(directory, 'policy.yaml'), stringify(policy));
  writePolicy(options.policy);
  writeFileSync(configFile, stringify(config));
  return {
    configFile,
    certificate: pem.cert,
    clients,
    main: clients['main'] as TestClient,
    directory,
    bytesAtRest: () => haystack(join(directory, 'objects')),
    writePolicy,
    writeConfig: (change) => {
      change(config);
      writeFileSync(configFile, stringify(config));
    },
  };
}

export function haystack(directory: string): Buffer {
  const files = readdirSync(directory, { recursive: true, encoding: 'utf8' }).map((file) => join(directory, file));
  return Buffer.concat(files.filter((file) => statSync(file).isFile()).map((file) => readFileSync(file)));
}

function certificate(): Promise<{ readonly cert: string; readonly private: string }> {
  return generate([{ name: 'commonName', value: 'localhost' }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    extensions: [
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: 'localhost' },
          { type: 7, ip: '127.0.0.1' },
        ],
      },
    ],
  });
}
