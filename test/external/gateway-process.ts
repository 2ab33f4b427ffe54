import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { writeGateway, type TestGateway, type TestOptions } from '../integration/gateway.ts';
import { ended, freePort } from './servers.ts';

/** The gateway as operators run it: a process of its own, configured by files, seen through its ports and its output. */
export type GatewayProcess = Omit<TestGateway, 'runtime' | 'audit' | 'log'> & {
  readonly pid: number;
  /** Everything that it has written to standard output and standard error. */
  output(): string;
  /** The audit records so far. */
  audit(): readonly Readonly<Record<string, unknown>>[];
  /** What the admin port says, Prometheus text. */
  metrics(): Promise<string>;
  reload(): Promise<void>;
  /** Believes a store's bucket again, as an operator does. */
  trust(asked: { readonly store: string; readonly bucket: string }): Promise<void>;
};

const START_TIMEOUT_MS = 60_000;

export async function startGatewayProcess(options: TestOptions): Promise<GatewayProcess> {
  const adminPort = await freePort();
  const written = await writeGateway({
    ...options,
    config: { admin: { host: '127.0.0.1', port: adminPort }, ...options.config },
  });
  const main = resolve(import.meta.dirname, '../../src/main.ts');
  const child = spawn(process.execPath, [main, 'serve', '--config', written.configFile], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output: string[] = [];
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => output.push(chunk.toString()));
  const text = (): string => output.join('');
  const urlOf = (name: string): URL | undefined => {
    const found = new RegExp(`^ {2}${name} +(https?://\\S+)$`, 'm').exec(text())?.[1];
    return found === undefined ? undefined : new URL(found);
  };
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (urlOf('https') === undefined || urlOf('admin') === undefined) {
    if (child.exitCode !== null || Date.now() > deadline) {
      await ended(child);
      throw new Error(`the gateway did not start: ${text()}`);
    }
    await new Promise((done) => setTimeout(done, 50));
  }
  const [http, https] = [urlOf('http') as URL, urlOf('https') as URL];
  return {
    ...written,
    http: http.origin,
    https: https.origin,
    port: Number(http.port),
    securePort: Number(https.port),
    pid: child.pid as number,
    output: text,
    audit: () => recordsIn(text()),
    metrics: async () => await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text(),
    trust: async (asked) => {
      const answer = await fetch(`http://127.0.0.1:${adminPort}/trust`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(asked),
      });
      if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
    },
    reload: async () => {
      const before = countReloads(text());
      child.kill('SIGHUP');
      while (countReloads(text()) === before) await new Promise((done) => setTimeout(done, 20));
    },
    close: async () => {
      const died = child.exitCode !== null || child.signalCode !== null;
      await ended(child);
      rmSync(written.directory, { recursive: true, force: true });
      if (died) throw new Error(`the gateway ended by itself: ${text().slice(-4000)}`);
    },
  };
}

function recordsIn(text: string): readonly Readonly<Record<string, unknown>>[] {
  return text.split('\n').flatMap((line) => {
    if (!line.startsWith('{') || !line.endsWith('}')) return [];
    const record = JSON.parse(line) as Readonly<Record<string, unknown>>;
    return 'kind' in record ? [record] : [];
  });
}

function countReloads(text: string): number {
  return text.split('"configuration reloaded"').length + text.split('configuration not reloaded').length;
}
