import { fork } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { appendFileSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { LocalStore } from '../../src/backends/local/store.ts';
import type { FailpointName } from '../../src/backends/local/ports.ts';
import { columnCipher, get, openStore, run, temporaryDirectory } from '../unit/backends/local/support.ts';

const POINTS: readonly FailpointName[] = [
  'after-create',
  'after-chunk',
  'before-sync',
  'after-sync',
  'after-link',
  'before-commit',
  'after-commit',
  'after-settle',
  'before-collect',
  'after-collect',
];

interface LogEntry {
  readonly event: 'try' | 'deleting' | 'ack';
  readonly key: string;
  readonly label?: string | null;
}

test('kill -9 anywhere loses nothing acknowledged and shows nothing partial', { timeout: 120_000 }, async () => {
  const base = await temporaryDirectory();
  const directory = join(base, 'store');
  const log = join(base, 'log');
  const key = randomBytes(32);
  const deadline = performance.now() + 30_000;
  let killedAtPoint = 0;
  let checked = 0;
  for (let round = 0; round < 30 && performance.now() < deadline; round++) {
    // Every third round dies at a random moment, the others at a named point.
    const point = round % 3 === 2 ? undefined : POINTS[(round - Math.floor(round / 3)) % POINTS.length];
    const fatal = point === undefined ? 'none' : `${point}:${1 + Math.floor(Math.random() * 8)}`;
    await writeUntilKilled([directory, log, key.toString('hex'), String(round), fatal], point === undefined);
    if (point !== undefined) killedAtPoint++;
    const store = await openStore({ directory, columns: columnCipher(key) });
    checked += await verify(store, directory, log);
    await store.close();
  }
  expect(killedAtPoint).toBeGreaterThan(5);
  expect(checked).toBeGreaterThan(20);
});

async function writeUntilKilled(argv: readonly string[], atRandom: boolean): Promise<void> {
  const child = fork(join(import.meta.dirname, 'local-crash-writer.ts'), argv, {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const ended = new Promise<NodeJS.Signals | null>((resolve) => child.once('exit', (_code, signal) => resolve(signal)));
  const timer = new Promise<void>((resolve) => {
    child.once('message', () => setTimeout(resolve, atRandom ? 5 + Math.random() * 300 : 5_000).unref());
  });
  await Promise.race([ended, timer]);
  child.kill('SIGKILL');
  // Anything but a kill is an error of the writer, which would make this test prove nothing.
  expect(await ended).toBe('SIGKILL');
}

/** P1 to P4 of the promises: durable, whole, authentic, listed. Answers how many objects were looked at. */
async function verify(store: LocalStore, directory: string, log: string): Promise<number> {
  const allowed = allowedLabels(log);
  const list = { bucket: 'crash', prefix: '', delimiter: '', maxKeys: 1000, marker: '' };
  if (!existsSync(log)) return 0;
  const listed = new Set((await run(store, { operation: 'ListObjects', ...list })).objects.map((object) => object.key));
  for (const [key, labels] of allowed) {
    const found = listed.has(key) ? await labelOf(store, key) : null;
    expect(labels, `${key} holds ${found ?? 'nothing'}`).toContain(found);
    // What is there once must stay: the next round may not find the other candidate.
    appendFileSync(log, `${JSON.stringify({ event: 'ack', key, label: found } satisfies LogEntry)}\n`);
  }
  expect([...listed].filter((key) => !allowed.has(key))).toEqual([]);
  const report = await store.scrub();
  expect([report.missing, report.damaged, report.foreign]).toEqual([0, 0, 0]);
  // Recovery alone, without the scrub of the whole store, has left nothing behind.
  expect(report.orphans).toBe(0);
  expect(readdirSync(join(directory, 'tmp'))).toEqual([]);
  return listed.size;
}

/** The last acknowledged value of each key, and the ones begun after it. */
function allowedLabels(log: string): ReadonlyMap<string, readonly (string | null)[]> {
  const allowed = new Map<string, (string | null)[]>();
  const lines = existsSync(log) ? readFileSync(log, 'utf8').split('\n').slice(0, -1) : [];
  for (const line of lines) {
    const { event, key, label } = JSON.parse(line) as LogEntry;
    const known = allowed.get(key) ?? [null];
    if (event === 'ack') allowed.set(key, [label ?? null]);
    else allowed.set(key, [...known, event === 'deleting' ? null : (label ?? null)]);
  }
  return allowed;
}

async function labelOf(store: LocalStore, key: string): Promise<string> {
  const body = await get(store, key, { bucket: 'crash' });
  const end = body.indexOf('\n');
  const label = body.subarray(0, end).toString();
  expect(
    createHash('sha256')
      .update(body.subarray(end + 1))
      .digest('hex'),
  ).toBe(label.split('|')[3]);
  return label;
}
