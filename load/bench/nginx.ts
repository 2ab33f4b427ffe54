import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ended, freePort, tool } from '../../test/external/servers.ts';

export interface Nginx {
  readonly origin: string;
  readonly pid: number;
  close(): Promise<void>;
}

const START_TIMEOUT_MS = 10_000;

/** nginx as a plain reverse proxy before one endpoint: streaming, connections kept, nothing logged. */
export async function startNginx(upstream: string, directory: string): Promise<Nginx> {
  const port = await freePort();
  const prefix = join(directory, 'nginx');
  mkdirSync(prefix);
  writeFileSync(join(prefix, 'nginx.conf'), configuration(port, new URL(upstream).host, prefix));
  const child = spawn(
    tool('nginx'),
    ['-p', prefix, '-c', join(prefix, 'nginx.conf'), '-e', join(prefix, 'error.log')],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  let output = '';
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const origin = `http://127.0.0.1:${port}`;
  for (const deadline = Date.now() + START_TIMEOUT_MS; !(await answers(origin));) {
    if (child.exitCode !== null || Date.now() > deadline) {
      await ended(child);
      throw new Error(`nginx did not start: ${output}`);
    }
    await new Promise((done) => setTimeout(done, 50));
  }
  return { origin, pid: child.pid as number, close: () => ended(child) };
}

/** One worker, since the gateway is one process. `Host` passes as the client signed it. */
function configuration(port: number, upstream: string, prefix: string): string {
  return `
daemon off;
worker_processes 1;
pid ${prefix}/nginx.pid;
events { worker_connections 1024; }
http {
  access_log off;
  client_max_body_size 0;
  client_body_temp_path ${prefix}/body;
  proxy_temp_path ${prefix}/proxy;
  fastcgi_temp_path ${prefix}/fastcgi;
  uwsgi_temp_path ${prefix}/uwsgi;
  scgi_temp_path ${prefix}/scgi;
  keepalive_requests 1000000;
  upstream store { server ${upstream}; keepalive 64; keepalive_requests 1000000; }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://store;
      proxy_http_version 1.1;
      proxy_set_header Host $http_host;
      proxy_set_header Connection "";
      proxy_request_buffering off;
      proxy_max_temp_file_size 0;
    }
  }
}
`;
}

async function answers(origin: string): Promise<boolean> {
  try {
    await (await fetch(origin, { signal: AbortSignal.timeout(1000) })).arrayBuffer();
    return true;
  } catch {
    return false;
  }
}
