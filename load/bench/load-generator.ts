import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tool } from '../../test/external/servers.ts';

/** What wrk saw. */
export interface Load {
  readonly requests: number;
  readonly bytes: number;
  readonly seconds: number;
  readonly failed: number;
}

/** Keeps so many connections busy with the given targets in turn, by wrk: it costs next to no CPU itself. */
export async function applyLoad(options: {
  readonly origin: string;
  /** Path and query. */
  readonly requests: readonly string[];
  readonly method: 'GET' | 'PUT';
  /** Bytes of a PUT's body. */
  readonly size: number;
  readonly connections: number;
  readonly seconds: number;
  readonly directory: string;
}): Promise<Load> {
  const script = join(options.directory, 'load.lua');
  writeFileSync(script, scriptOf(options.requests, options.method, options.method === 'PUT' ? options.size : 0));
  const args = ['-t1', `-c${options.connections}`, `-d${options.seconds}s`, '--timeout', '30s', '-s', script];
  const output = await run(tool('wrk'), [...args, options.origin]);
  const line = /^LOAD (\{.*\})$/m.exec(output)?.[1];
  if (line === undefined) throw new Error(`wrk said nothing of use: ${output}`);
  return JSON.parse(line) as Load;
}

export function addLoads(a: Load, b: Load): Load {
  return {
    requests: a.requests + b.requests,
    bytes: a.bytes + b.bytes,
    seconds: a.seconds + b.seconds,
    failed: a.failed + b.failed,
  };
}

function scriptOf(targets: readonly string[], method: string, bodySize: number): string {
  const list = targets.map((target) => JSON.stringify(target)).join(',\n');
  return `
local targets = {\n${list}\n}
local requests = {}
local next = 0
init = function(args)
  local body = nil
  if ${bodySize} > 0 then body = string.rep("bucketse", ${bodySize} / 8) end
  for i, target in ipairs(targets) do requests[i] = wrk.format("${method}", target, nil, body) end
end
request = function()
  next = next % #requests + 1
  return requests[next]
end
done = function(summary, latency, all)
  local e = summary.errors
  io.write(string.format('LOAD {"requests":%d,"bytes":%d,"seconds":%.6f,"failed":%d}\\n', summary.requests,
    summary.bytes, summary.duration / 1e6, e.connect + e.read + e.write + e.status + e.timeout))
end
`;
}

async function run(command: string, args: readonly string[]): Promise<string> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const output: string[] = [];
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => output.push(chunk.toString()));
  const code = await new Promise<number | null>((done, failed) => {
    child.once('error', failed);
    child.once('exit', done);
  });
  if (code !== 0) throw new Error(`${command} ended with ${code}: ${output.join('')}`);
  return output.join('');
}
