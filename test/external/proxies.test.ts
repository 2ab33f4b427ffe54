import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent as HttpsAgent } from 'node:https';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGateway, type TestGateway } from '../integration/gateway.ts';
import { ossClient } from '../integration/oss-clients.ts';
import { ended, freePort, tool } from './servers.ts';

const BUCKETS = [
  { match: 'safe', store: 'local', encryption: { default: 'managed' }, transport: { httpsOnly: true } },
  {
    match: 'modern',
    store: 'local',
    encryption: { default: 'managed' },
    transport: { httpsOnly: true, minTls: '1.3' },
  },
];
const DENIED = { name: 'AccessDenied', $metadata: { httpStatusCode: 403 } };

describe('through real TLS terminators', () => {
  let gateway: TestGateway;
  let directory: string;
  let nginx: ChildProcess;
  let haproxy: ChildProcess;
  const ports = { nginx: 0, nginxPlain: 0, v1: 0, v2: 0, v2Plain: 0, v1Header: 0 };
  const inner = { v1: 0, v2: 0 };

  beforeAll(async () => {
    for (const name of Object.keys(ports) as (keyof typeof ports)[]) ports[name] = await freePort();
    [inner.v1, inner.v2] = [await freePort(), await freePort()];
    gateway = await startGateway({
      policy: { version: 1, buckets: BUCKETS },
      config: {
        trustedProxies: ['127.0.0.0/8'],
        listeners: [
          { name: 'http', host: '127.0.0.1', port: 0 },
          { name: 'https', host: '127.0.0.1', port: 0, tls: { certificate: './tls.crt', key: './tls.key' } },
          { name: 'v1', host: '127.0.0.1', port: inner.v1, proxyProtocol: true },
          { name: 'v2', host: '127.0.0.1', port: inner.v2, proxyProtocol: true },
        ],
      },
    });
    directory = mkdtempSync(join(tmpdir(), 'proxies-'));
    const pem = join(directory, 'tls.pem');
    writeFileSync(
      pem,
      ['tls.crt', 'tls.key'].map((name) => readFileSync(join(gateway.directory, name), 'utf8')).join('\n'),
      { mode: 0o600 },
    );
    const nginxFile = join(directory, 'nginx.conf');
    writeFileSync(nginxFile, nginxConfig(directory, gateway, ports));
    nginx = run(tool('nginx'), ['-c', nginxFile, '-p', directory, '-e', join(directory, 'error.log')]);
    const haproxyFile = join(directory, 'haproxy.cfg');
    writeFileSync(haproxyFile, haproxyConfig(pem, ports, inner));
    haproxy = run(tool('haproxy'), ['-db', '-f', haproxyFile]);
    await Promise.all([ports.nginx, ports.nginxPlain, ports.v1, ports.v2, ports.v2Plain].map(listens));
    const s3 = client(`https://127.0.0.1:${ports.nginx}`);
    for (const { match } of BUCKETS) await s3.send(new CreateBucketCommand({ Bucket: match }));
  });
  afterAll(async () => {
    await Promise.all([ended(nginx), ended(haproxy)]);
    await gateway.close();
    rmSync(directory, { recursive: true, force: true });
  });

  const client = (endpoint: string, maxVersion?: 'TLSv1.2'): S3Client =>
    new S3Client({
      endpoint,
      region: 'us-east-1',
      forcePathStyle: true,
      credentials: gateway.main,
      maxAttempts: 1,
      requestHandler: new NodeHttpHandler({
        httpsAgent: new HttpsAgent({ ca: gateway.certificate, ...(maxVersion === undefined ? {} : { maxVersion }) }),
      }),
    });
  const roundTrip = async (s3: S3Client, Bucket = 'safe'): Promise<void> => {
    const Body = Buffer.alloc(200_000, 'x');
    const put = await s3.send(new PutObjectCommand({ Bucket, Key: 'a b/ü?.txt', Body }));
    expect(put.ServerSideEncryption).toBe('AES256');
    const got = await s3.send(new GetObjectCommand({ Bucket, Key: 'a b/ü?.txt' }));
    expect(Buffer.from((await got.Body?.transformToByteArray()) ?? []).equals(Body)).toBe(true);
  };
  const refused = (s3: S3Client, Bucket = 'safe'): Promise<void> =>
    expect(s3.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'x' }))).rejects.toMatchObject(DENIED);

  test('nginx: X-Forwarded-Proto and -Host; the signature is checked against the host that the client signed', async () => {
    // nginx itself sends `Host: gateway.internal` on.
    await roundTrip(client(`https://127.0.0.1:${ports.nginx}`));
    // No version is known where only a header speaks of TLS: it satisfies `minTls`.
    await roundTrip(client(`https://127.0.0.1:${ports.nginx}`), 'modern');
  });

  test('nginx: an OSS client too', async () => {
    const oss = ossClient(gateway, {
      bucket: 'safe',
      v4: true,
      secure: true,
      endpoint: `https://localhost:${ports.nginx}`,
    });
    await oss.put('oss', Buffer.from('x'));
    expect((await oss.get('oss')).content.toString()).toBe('x');
  });

  test('nginx: plain HTTP to it is plain HTTP, whatever the client claims', async () => {
    const s3 = client(`http://127.0.0.1:${ports.nginxPlain}`);
    s3.middlewareStack.add(
      (next) => (args) => {
        (args.request as { headers: Record<string, string> }).headers['x-forwarded-proto'] = 'https';
        return next(args);
      },
      { step: 'finalizeRequest', priority: 'low', name: 'claim' },
    );
    await refused(s3);
  });

  test('haproxy, PROXY v2 with its TLS field: allowed, and minTls is judged by it', async () => {
    await roundTrip(client(`https://127.0.0.1:${ports.v2}`));
    await roundTrip(client(`https://127.0.0.1:${ports.v2}`), 'modern');
    await roundTrip(client(`https://127.0.0.1:${ports.v2}`, 'TLSv1.2'));
    await refused(client(`https://127.0.0.1:${ports.v2}`, 'TLSv1.2'), 'modern');
  });

  test('haproxy, PROXY v2 in front of plain HTTP: refused', async () => {
    await refused(client(`http://127.0.0.1:${ports.v2Plain}`));
  });

  test('haproxy, PROXY v1: never means TLS; with X-Forwarded-Proto it does', async () => {
    await refused(client(`https://127.0.0.1:${ports.v1}`));
    await roundTrip(client(`https://127.0.0.1:${ports.v1Header}`));
  });
});

function nginxConfig(
  directory: string,
  gateway: TestGateway,
  ports: Readonly<Record<'nginx' | 'nginxPlain', number>>,
): string {
  const location = `
    location / {
      proxy_pass http://gateway;
      proxy_http_version 1.1;
      proxy_set_header Host gateway.internal;
      proxy_set_header X-Forwarded-Host $http_host;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_request_buffering off;
      proxy_buffering off;
      client_max_body_size 0;
    }`;
  return `
daemon off; pid ${directory}/nginx.pid; worker_processes 1; error_log ${directory}/error.log;
events { worker_connections 64; }
http {
  access_log off;
  client_body_temp_path ${directory}; proxy_temp_path ${directory}; fastcgi_temp_path ${directory};
  uwsgi_temp_path ${directory}; scgi_temp_path ${directory};
  upstream gateway { server 127.0.0.1:${gateway.port}; }
  server {
    listen 127.0.0.1:${ports.nginx} ssl;
    ssl_certificate ${gateway.directory}/tls.crt; ssl_certificate_key ${gateway.directory}/tls.key;
    ${location}
  }
  server { listen 127.0.0.1:${ports.nginxPlain}; ${location} }
}
`;
}

function haproxyConfig(
  pem: string,
  ports: Readonly<Record<'v1' | 'v2' | 'v2Plain' | 'v1Header', number>>,
  inner: Readonly<Record<'v1' | 'v2', number>>,
): string {
  const proxy = (name: string, bind: string, backend: string, mode = 'tcp'): string => `
frontend ${name}
  mode ${mode}
  bind 127.0.0.1:${bind}
  ${mode === 'http' ? 'http-request set-header X-Forwarded-Proto https' : ''}
  default_backend ${name}
backend ${name}
  mode ${mode}
  server gateway 127.0.0.1:${backend}
`;
  return `
global
  ssl-default-bind-options ssl-min-ver TLSv1.2
defaults
  timeout connect 5s
  timeout client 30s
  timeout server 30s
${proxy('v1', `${ports.v1} ssl crt ${pem}`, `${inner.v1} send-proxy`)}
${proxy('v2', `${ports.v2} ssl crt ${pem}`, `${inner.v2} send-proxy-v2-ssl`)}
${proxy('v2plain', `${ports.v2Plain}`, `${inner.v2} send-proxy-v2-ssl`)}
${proxy('header', `${ports.v1Header} ssl crt ${pem}`, `${inner.v1} send-proxy`, 'http')}
`;
}

function run(command: string, args: readonly string[]): ChildProcess {
  return spawn(command, args, { stdio: ['ignore', 'ignore', 'inherit'] });
}

async function listens(port: number): Promise<void> {
  for (const until = Date.now() + 30_000; Date.now() < until;) {
    const up = await new Promise<boolean>((done) => {
      const socket = connect(port, '127.0.0.1', () => {
        socket.destroy();
        done(true);
      });
      socket.on('error', () => done(false));
    });
    if (up) return;
    await new Promise((done) => setTimeout(done, 50));
  }
  throw new Error(`nothing listens on ${port}`);
}
