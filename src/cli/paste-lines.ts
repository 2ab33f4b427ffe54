import { relative } from 'node:path';
import type { QuickstartReport, RunningListener } from './ports.ts';

/**
 * What to paste into a shell and into programs after a first start on one's own machine, the generated credentials
 * included. It goes to standard output, never into a log.
 */
export function pasteLines(
  listeners: readonly RunningListener[],
  { credentials, certificate }: QuickstartReport,
): readonly string[] {
  if (credentials === undefined) return [];
  const { accessKeyId, secretAccessKey } = credentials;
  const open = listeners.find(({ secure }) => !secure);
  const tls = listeners.find(({ secure }) => secure);
  const endpoint = (open ?? tls)?.url ?? '';
  const cli = `aws --endpoint-url ${endpoint} s3api`;
  return [
    '',
    `endpoint           ${endpoint}`,
    `access key id      ${accessKeyId}`,
    `secret access key  ${secretAccessKey}`,
    '',
    '# AWS CLI, in a shell in this directory',
    `export AWS_ACCESS_KEY_ID=${quoted(accessKeyId)} AWS_SECRET_ACCESS_KEY=${quoted(secretAccessKey)} AWS_DEFAULT_REGION=us-east-1`,
    ...(open === undefined && certificate !== undefined ? trust(certificate) : []),
    `${cli} create-bucket --bucket kms-cli`,
    `${cli} put-object --bucket kms-cli --key hello.txt --body package.json`,
    `${cli} head-object --bucket kms-cli --key hello.txt   # ServerSideEncryption: aws:kms`,
    '',
    '// @aws-sdk/client-s3: save as s3.mjs in this directory and run it with node',
    "import { CreateBucketCommand, HeadObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';",
    'const s3 = new S3Client({',
    `  endpoint: ${literal(endpoint)}, region: 'us-east-1', forcePathStyle: true,`,
    `  credentials: { accessKeyId: ${literal(accessKeyId)}, secretAccessKey: ${literal(secretAccessKey)} },`,
    '});',
    "await s3.send(new CreateBucketCommand({ Bucket: 'kms-js' })).catch((error) => {",
    "  if (error.name !== 'BucketAlreadyOwnedByYou') throw error;",
    '});',
    "await s3.send(new PutObjectCommand({ Bucket: 'kms-js', Key: 'hello.txt', Body: 'this lies sealed' }));",
    "const head = await s3.send(new HeadObjectCommand({ Bucket: 'kms-js', Key: 'hello.txt' }));",
    'console.log(head.ServerSideEncryption, head.SSEKMSKeyId); // aws:kms demo',
    '',
    '// ali-oss: save as oss.mjs in this directory and run it with node',
    "import OSS from 'ali-oss';",
    'const oss = new OSS({',
    `  endpoint: ${literal(endpoint)}, region: 'oss-cn-hangzhou', authorizationV4: true,`,
    `  accessKeyId: ${literal(accessKeyId)}, accessKeySecret: ${literal(secretAccessKey)},`,
    '});',
    "await oss.putBucket('kms-oss');",
    "oss.useBucket('kms-oss');",
    "await oss.put('hello.txt', Buffer.from('this lies sealed'));",
    "const { res } = await oss.head('hello.txt');",
    "console.log(Object.entries(res.headers).filter(([name]) => name.includes('encryption'))); // KMS",
    ...(tls === undefined || certificate === undefined || open === undefined
      ? []
      : [
          '',
          `# ${tls.url} works as well, for clients that trust its certificate`,
          '# (ali-oss holds it against a name of the cloud where the endpoint is an IP address: give it a host name)',
          ...trust(certificate),
        ]),
  ];
}

function trust(certificate: string): readonly string[] {
  const path = quoted(near(certificate));
  return [`export AWS_CA_BUNDLE=${path} NODE_EXTRA_CA_CERTS=${path}`];
}

function near(path: string): string {
  const text = relative('', path);
  return text.startsWith('..') ? path : text;
}

/** For a shell. */
function quoted(text: string): string {
  return /^[A-Za-z0-9_./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** For JavaScript. */
function literal(text: string): string {
  return /^[ -&(-[\]-~]*$/.test(text) ? `'${text}'` : JSON.stringify(text);
}
