import { createHmac } from 'node:crypto';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { S3Client } from '@aws-sdk/client-s3';
import type { TestClient } from './gateway.ts';

export interface RawAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** One request, headers and path exactly as given. */
export function rawRequest(
  url: string,
  options: {
    readonly method?: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: string;
    readonly ca?: string;
  } = {},
): Promise<RawAnswer> {
  const { method = 'GET', headers = {}, body, ca } = options;
  const send = url.startsWith('https:') ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const request = send(
      url,
      {
        method,
        headers: body === undefined ? headers : { ...headers, 'content-length': String(Buffer.byteLength(body)) },
        ...(ca === undefined ? {} : { ca }),
      },
      (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('end', () =>
          resolve({
            status: answer.statusCode ?? 0,
            headers: answer.headers,
            text: Buffer.concat(chunks).toString('utf8'),
          }),
        );
        answer.on('error', reject);
      },
    );
    request.on('error', reject);
    request.end(body);
  });
}

/** Headers that an SDK's client sends beside its own, signed with them. */
export function sending(client: S3Client, headers: Readonly<Record<string, string>>): S3Client {
  client.middlewareStack.add(
    (next) => (args) => {
      const { request } = args as unknown as { request: { headers: Record<string, string> } };
      Object.assign(request.headers, headers);
      return next(args);
    },
    { step: 'build', name: 'moreHeaders', priority: 'low' },
  );
  return client;
}

/** The raw headers of every answer that the SDK's client gets from now on. */
export function answersOf(client: S3Client): { headers: Record<string, string>; status: number }[] {
  const seen: { headers: Record<string, string>; status: number }[] = [];
  client.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args);
      const { headers, statusCode } = result.response as { headers: Record<string, string>; statusCode: number };
      seen.push({ headers, status: statusCode });
      return result;
    },
    { step: 'deserialize', name: 'rawAnswers', priority: 'low' },
  );
  return seen;
}

/** A SigV2 presigned address, as boto makes them by default in us-east-1. */
export function sigV2Url(base: string, client: TestClient, method: string, path: string): string {
  const expires = Math.floor(Date.now() / 1000) + 300;
  const signature = createHmac('sha1', client.secretAccessKey)
    .update(`${method}\n\n\n${expires}\n${path}`)
    .digest('base64');
  const query = new URLSearchParams({
    AWSAccessKeyId: client.accessKeyId,
    Expires: String(expires),
    Signature: signature,
  });
  return `${base}${path}?${query.toString()}`;
}
