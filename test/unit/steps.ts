import { Session, type Profiler } from 'node:inspector';

/**
 * How many blocks of the named source files V8 enters while `work` runs: a count of steps that no load on the machine
 * changes, taken from outside, so that nothing in the source has to count for a test.
 */
export async function stepsIn(files: readonly string[], work: () => unknown): Promise<number> {
  const session = new Session();
  session.connect();
  const post = <T>(method: string, parameters: object = {}): Promise<T> =>
    new Promise((resolve, reject) => {
      session.post(method, parameters, (error, result) => {
        if (error === null) resolve(result as T);
        else reject(error);
      });
    });
  try {
    await post('Profiler.enable');
    await post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
    await work();
    const { result } = await post<Profiler.TakePreciseCoverageReturnType>('Profiler.takePreciseCoverage');
    const scripts = result.filter(({ url }) => files.some((file) => url.replace(/\?.*$/, '').endsWith(file)));
    if (scripts.length === 0) throw new Error(`none of ${files.join(', ')} ran`);
    return scripts
      .flatMap(({ functions }) => functions)
      .flatMap(({ ranges }) => ranges)
      .reduce((sum, { count }) => sum + count, 0);
  } finally {
    await post('Profiler.stopPreciseCoverage');
    session.disconnect();
  }
}
