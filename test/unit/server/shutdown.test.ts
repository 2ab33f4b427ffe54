import { EventEmitter } from 'node:events';
import { describe, expect, test } from 'vitest';
import { createShutdown, wireFatalErrors, wireSignals } from '../../../src/server/shutdown.ts';

function house(drained: boolean) {
  const steps: string[] = [];
  const reported: unknown[] = [];
  const shutdown = createShutdown({
    running: {
      stopAccepting: () => void steps.push('stop'),
      drain: async () => {
        steps.push('drain');
        return drained;
      },
      close: async () => void steps.push('close'),
    },
    unready: () => void steps.push('unready'),
    grace: 1,
    budget: 10,
    after: [
      async () => {
        steps.push('journal');
        throw new Error('disk');
      },
      async () => void steps.push('audit'),
    ],
    report: (error) => reported.push(error),
  });
  return { steps, reported, shutdown };
}

describe('shutting down', () => {
  test('happens once, in order, and to its end although a step fails', async () => {
    const { steps, reported, shutdown } = house(true);
    expect(await Promise.all([shutdown.run(), shutdown.run()])).toEqual([true, true]);
    expect(steps).toEqual(['unready', 'stop', 'drain', 'close', 'journal', 'audit']);
    expect(reported).toHaveLength(1);
  });

  test.each([
    [true, 0],
    [false, 1],
  ])('on SIGTERM with drained=%s exits with %i', async (drained, code) => {
    const { shutdown } = house(drained);
    const source = new EventEmitter();
    let reloads = 0;
    const exited = new Promise<number>((exit) => wireSignals(source, { shutdown, reload: () => reloads++, exit }));
    source.emit('SIGHUP');
    source.emit('SIGTERM');
    expect(await exited).toBe(code);
    expect(reloads).toBe(1);
  });

  test('a second signal ends it at once', () => {
    const codes: number[] = [];
    const source = new EventEmitter();
    const never = { run: () => new Promise<boolean>(() => undefined) };
    wireSignals(source, { shutdown: never, reload: () => undefined, exit: (code) => codes.push(code) });
    source.emit('SIGINT');
    expect(codes).toEqual([]);
    source.emit('SIGTERM');
    expect(codes).toEqual([1]);
  });
});

test('an error past every handler is logged and ends the process, even if logging fails', () => {
  const source = new EventEmitter();
  const codes: number[] = [];
  const logged: unknown[] = [];
  wireFatalErrors(
    source,
    (error, origin) => logged.push([error, origin]),
    (code) => codes.push(code),
  );
  source.emit('uncaughtException', 'a', 'uncaughtException');
  source.emit('unhandledRejection', 'b');
  expect(logged).toEqual([
    ['a', 'uncaughtException'],
    ['b', 'unhandledRejection'],
  ]);
  expect(codes).toEqual([1, 1]);
  const failing = new EventEmitter();
  const throwing = (): void => {
    throw new Error('disk full');
  };
  wireFatalErrors(failing, throwing, (code) => codes.push(code));
  expect(() => failing.emit('uncaughtException', 'c', 'x')).toThrow('disk full');
  expect(codes).toEqual([1, 1, 1]);
});
