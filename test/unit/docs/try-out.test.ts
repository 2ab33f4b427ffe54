import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { check } from './check-command.ts';
import { ROOT } from './markdown.ts';

const TRY_OUT = join(ROOT, 'config/try-out');

interface Service {
  readonly ports: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly volumes: readonly string[];
  readonly depends_on?: Readonly<Record<string, unknown>>;
}

describe('the try-out in front of MinIO', () => {
  const text = readFileSync(join(TRY_OUT, 'compose.yaml'), 'utf8');
  const compose = parse(text) as { readonly services: Readonly<Record<'gateway' | 'minio', Service>> };
  const services = Object.values(compose.services);
  const gateway = parse(readFileSync(join(TRY_OUT, 'bucketseal/gateway.yaml'), 'utf8'));
  const policy = parse(readFileSync(join(TRY_OUT, 'bucketseal/policy.yaml'), 'utf8'));

  let directory: string;
  const file = (name: string): string => join(directory, name);
  const makeEnv = () => spawnSync('sh', [file('make-env.sh')], { encoding: 'utf8' });
  const variables = (): Record<string, string> =>
    Object.fromEntries(
      readFileSync(file('.env'), 'utf8')
        .trim()
        .split('\n')
        .map((line) => line.split(/=(.*)/s).slice(0, 2) as [string, string]),
    );
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'try-out-'));
    cpSync(TRY_OUT, directory, { recursive: true, filter: (path) => !path.endsWith('.env') });
    expect(makeEnv().status).toBe(0);
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  test('its configuration passes `check` with the variables that are made', () => {
    const { status, output } = check(file('bucketseal/gateway.yaml'), variables());
    expect(output).not.toContain(' error ');
    expect(status).toBe(0);
  });

  test('credentials are made, not shipped: each time others, readable by their owner only', () => {
    const first = variables();
    expect(statSync(file('.env')).mode & 0o777).toBe(0o600);
    for (const [name, value] of Object.entries(first)) {
      expect(value.length, name).toBeGreaterThanOrEqual(17);
      expect(text, name).not.toContain(value);
    }
    expect(makeEnv().stderr).toContain('there already');
    expect(variables()).toEqual(first);
    rmSync(file('.env'));
    makeEnv();
    const second = variables();
    expect(Object.keys(second)).toEqual(Object.keys(first));
    for (const [name, value] of Object.entries(second)) expect(value, name).not.toBe(first[name]);
    for (const ignore of ['.gitignore', '.dockerignore'])
      expect(readFileSync(join(ROOT, ignore), 'utf8')).toMatch(/^(\*\*\/)?\.env$/m);
  });

  test('every variable that it asks for is made, and nothing starts without it', () => {
    const asked = [...text.matchAll(/\$\{(\w+)([^}]*)\}/g)];
    expect(asked.length).toBeGreaterThan(5);
    expect(
      asked.filter(([, name = '', otherwise = '']) => !(name in variables()) || !otherwise.startsWith(':?')),
    ).toEqual([]);
    const { APP_KEY_ID, APP_SECRET, MINIO_ROOT_USER, MINIO_ROOT_PASSWORD } = compose.services.gateway.environment;
    for (const value of [APP_KEY_ID, APP_SECRET, MINIO_ROOT_USER, MINIO_ROOT_PASSWORD]) expect(value).toBeDefined();
  });

  test('listens on this machine only, at the ports of gateway.yaml', () => {
    for (const port of services.flatMap(({ ports }) => ports)) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
    expect(compose.services.gateway.ports).toEqual(['127.0.0.1:9000:9000']);
    expect(gateway.listeners).toEqual([{ name: 'http', host: '0.0.0.0', port: 9000 }]);
    expect(gateway.stores.minio.endpoint).toBe('http://minio:9000');
    expect(Object.keys(compose.services.gateway.depends_on ?? {})).toEqual(['minio']);
  });

  test('mounts what exists, and names the key that MinIO is given', () => {
    const mounted = services.flatMap(({ volumes }) => volumes).map((volume) => volume.split(':')[0] ?? '');
    const folders = mounted.filter((source) => source.startsWith('.'));
    expect(folders).toEqual(['./bucketseal']);
    for (const folder of folders) expect(existsSync(join(TRY_OUT, folder, 'gateway.yaml'))).toBe(true);
    expect(variables()['MINIO_KMS_SECRET_KEY']).toMatch(/^try-out:[A-Za-z0-9+/]{43}=$/);
    expect(policy.keys).toEqual({ demo: { minio: 'try-out' } });
    expect(gateway.stores.minio.capabilities.kms).toEqual(['try-out']);
  });
});
