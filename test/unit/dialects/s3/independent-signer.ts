import { createHash, createHmac } from 'node:crypto';

/** A request to sign for tests, by code of its own that shares nothing with the signer under test. */
export interface Signable {
  readonly method: string;
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly now: number;
  readonly payloadHash?: string;
  readonly noPayloadHeader?: boolean;
  readonly scopeDate?: string;
  /** Left out of SignedHeaders. */
  readonly unsigned?: readonly string[];
  readonly expires?: string;
}

export function sign(request: Signable, accessKeyId: string, secret: string): Signable {
  const date = basic(request.now);
  const payloadHash = request.payloadHash ?? 'UNSIGNED-PAYLOAD';
  const headers: Record<string, string> = {
    host: 'storage.localhost',
    ...request.headers,
    'x-amz-date': date,
    ...(request.noPayloadHeader === true ? {} : { 'x-amz-content-sha256': payloadHash }),
  };
  const names = Object.keys(headers)
    .filter((name) => request.unsigned?.includes(name) !== true)
    .sort();
  const scope = `${request.scopeDate ?? date.slice(0, 8)}/eu-test-1/s3/aws4_request`;
  const signature = signatureOver(request, headers, names, payloadHash, date, scope, secret);
  return {
    ...request,
    headers: {
      ...headers,
      authorization: `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${scope}, SignedHeaders=${names.join(';')}, Signature=${signature}`,
    },
  };
}

export function presign(request: Signable, accessKeyId: string, secret: string): Signable {
  const date = basic(request.now);
  const headers: Record<string, string> = { host: 'storage.localhost', ...request.headers };
  const scope = `${request.scopeDate ?? date.slice(0, 8)}/eu-test-1/s3/aws4_request`;
  const names = Object.keys(headers).sort();
  const query = [
    'X-Amz-Algorithm=AWS4-HMAC-SHA256',
    `X-Amz-Credential=${encodeURIComponent(`${accessKeyId}/${scope}`)}`,
    `X-Amz-Date=${date}`,
    `X-Amz-Expires=${request.expires ?? '600'}`,
    `X-Amz-SignedHeaders=${encodeURIComponent(names.join(';'))}`,
  ].join('&');
  const target = `${request.target}${request.target.includes('?') ? '&' : '?'}${query}`;
  const signature = signatureOver({ ...request, target }, headers, names, 'UNSIGNED-PAYLOAD', date, scope, secret);
  return { ...request, headers, target: `${target}&X-Amz-Signature=${signature}` };
}

export function keyFor(secret: string, scope: string): Buffer {
  return scope
    .split('/')
    .reduce<Buffer>((key, part) => createHmac('sha256', key).update(part).digest(), Buffer.from(`AWS4${secret}`));
}

function signatureOver(
  request: Signable,
  headers: Readonly<Record<string, string>>,
  names: readonly string[],
  payloadHash: string,
  date: string,
  scope: string,
  secret: string,
): string {
  const [path = '', query = ''] = request.target.split('?');
  const canonical = [
    request.method,
    path
      .split('/')
      .map((part) => rfc3986(decodeURIComponent(part)).replaceAll('%2F', '/'))
      .join('/'),
    query
      .split('&')
      .filter((part) => part !== '')
      .map((part) => {
        const [name = '', ...value] = part.split('=');
        return [name, value.join('=')].map((text) => rfc3986(decodeURIComponent(text.replaceAll('+', ' '))));
      })
      .sort(([a = '', x = ''], [b = '', y = '']) => (a < b ? -1 : a > b ? 1 : x < y ? -1 : x > y ? 1 : 0))
      .map((pair) => pair.join('='))
      .join('&'),
    ...names.map(
      (name) =>
        `${name}:${(headers[name] ?? '')
          .split(/[ \t]+/)
          .filter((word) => word !== '')
          .join(' ')}`,
    ),
    '',
    names.join(';'),
    payloadHash,
  ].join('\n');
  const hash = createHash('sha256').update(Buffer.from(canonical, 'latin1')).digest('hex');
  return createHmac('sha256', keyFor(secret, scope))
    .update(['AWS4-HMAC-SHA256', date, scope, hash].join('\n'))
    .digest('hex');
}

function rfc3986(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}

function basic(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replace(/[-:]/g, '')}Z`;
}
