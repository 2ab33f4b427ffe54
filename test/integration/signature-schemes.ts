/** A request before it goes out. */
export interface Draft {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** Every operation that a client can ask for, as both languages spell it. */
export const OPERATIONS: readonly Draft[] = [
  ['GET', '/', ''],
  ...['PUT', 'HEAD', 'DELETE', 'GET'].map((method) => [method, '/photos', '']),
  ...['location', 'acl', 'versioning', 'encryption', 'policy', 'replication', 'lifecycle', 'cors', 'website'].map(
    (name) => ['GET', '/photos', name],
  ),
  ...['bucketInfo', 'stat', 'versions', 'uploads', 'list-type=2', 'tagging'].map((name) => ['GET', '/photos', name]),
  ...['acl', 'encryption', 'policy', 'replication', 'lifecycle', 'website'].map((name) => ['PUT', '/photos', name]),
  ...['encryption', 'policy', 'lifecycle'].map((name) => ['DELETE', '/photos', name]),
  ['POST', '/photos', 'delete'],
  ...['PUT', 'GET', 'HEAD', 'DELETE'].map((method) => [method, '/oss-photos/a%2Fb%20c', '']),
  ...['tagging', 'acl'].flatMap((name) => ['GET', 'PUT', 'DELETE'].map((method) => [method, '/photos/a', name])),
  ['POST', '/photos/a', 'uploads'],
  ['PUT', '/photos/a', 'partNumber=1&uploadId=u'],
  ['POST', '/photos/a', 'uploadId=u'],
  ['GET', '/photos/a', 'uploadId=u'],
  ['DELETE', '/photos/a', 'uploadId=u'],
  ['POST', '/oss-photos/a', 'append&position=0'],
  ['HEAD', '/oss-photos/a', 'objectMeta'],
  ['GET', '/photos/a', 'attributes'],
].map(([method = '', path = '', query = '']) => ({
  method,
  path,
  query,
  headers: {},
  ...(method === 'PUT' || method === 'POST' ? { body: '<a/>' } : {}),
}));

/** A form of signature and where it stands. */
export interface Scheme {
  readonly name: string;
  /** Bytes of the signature, and how it is written. */
  readonly signature: readonly [bytes: number, encoding: 'hex' | 'base64'];
  readonly place: (draft: Draft, accessKeyId: string, signature: string) => Draft;
  /** 403 unless the vendor documents a 400 that comes before any signature is looked at. */
  readonly statuses?: readonly number[];
}

export const SCHEMES: readonly Scheme[] = [
  {
    name: 'AWS SigV4 header',
    signature: [32, 'hex'],
    place: (draft, id, signature) =>
      withHeaders(draft, {
        'x-amz-date': compactDate(),
        'x-amz-content-sha256': 'UNSIGNED-PAYLOAD',
        authorization: `AWS4-HMAC-SHA256 Credential=${id}/${day()}/us-east-1/s3/aws4_request, SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=${signature}`,
      }),
  },
  {
    name: 'AWS SigV4 query',
    signature: [32, 'hex'],
    place: (draft, id, signature) =>
      withQuery(draft, {
        'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
        'X-Amz-Credential': `${id}/${day()}/us-east-1/s3/aws4_request`,
        'X-Amz-Date': compactDate(),
        'X-Amz-Expires': '60',
        'X-Amz-SignedHeaders': 'host',
        'X-Amz-Signature': signature,
      }),
  },
  {
    name: 'AWS SigV2 header',
    signature: [20, 'base64'],
    // AWS: "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."
    statuses: [400],
    place: (draft, id, signature) =>
      withHeaders(draft, { date: new Date().toUTCString(), authorization: `AWS ${id}:${signature}` }),
  },
  {
    name: 'AWS SigV2 query',
    signature: [20, 'base64'],
    // SigV2 signs a fixed list of parameters; one that it does not cover is a 400 whatever the signature.
    statuses: [403, 400],
    place: (draft, id, signature) =>
      withQuery(draft, { AWSAccessKeyId: id, Expires: String(seconds() + 60), Signature: signature }),
  },
  {
    name: 'OSS V1 header',
    signature: [20, 'base64'],
    place: (draft, id, signature) =>
      withHeaders(draft, { date: new Date().toUTCString(), authorization: `OSS ${id}:${signature}` }),
  },
  {
    name: 'OSS V1 query',
    signature: [20, 'base64'],
    place: (draft, id, signature) =>
      withQuery(draft, { OSSAccessKeyId: id, Expires: String(seconds() + 60), Signature: signature }),
  },
  {
    name: 'OSS V2 header',
    signature: [32, 'base64'],
    place: (draft, id, signature) =>
      withHeaders(draft, {
        date: new Date().toUTCString(),
        authorization: `OSS2 AccessKeyId:${id},Signature:${signature}`,
      }),
  },
  {
    name: 'OSS V2 query',
    signature: [32, 'base64'],
    place: (draft, id, signature) =>
      withQuery(draft, {
        'x-oss-signature-version': 'OSS2',
        'x-oss-access-key-id': id,
        'x-oss-expires': String(seconds() + 60),
        'x-oss-signature': signature,
      }),
  },
  {
    name: 'OSS V4 header',
    signature: [32, 'hex'],
    place: (draft, id, signature) =>
      withHeaders(draft, {
        'x-oss-date': compactDate(),
        'x-oss-content-sha256': 'UNSIGNED-PAYLOAD',
        authorization: `OSS4-HMAC-SHA256 Credential=${id}/${day()}/cn-hangzhou/oss/aliyun_v4_request,Signature=${signature}`,
      }),
  },
  {
    name: 'OSS V4 query',
    signature: [32, 'hex'],
    place: (draft, id, signature) =>
      withQuery(draft, {
        'x-oss-signature-version': 'OSS4-HMAC-SHA256',
        'x-oss-credential': `${id}/${day()}/cn-hangzhou/oss/aliyun_v4_request`,
        'x-oss-date': compactDate(),
        'x-oss-expires': '60',
        'x-oss-signature': signature,
      }),
  },
];

function withHeaders(draft: Draft, headers: Record<string, string>): Draft {
  return { ...draft, headers: { ...draft.headers, ...headers } };
}

function withQuery(draft: Draft, parameters: Record<string, string>): Draft {
  const added = Object.entries(parameters).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
  return { ...draft, query: [draft.query, ...added].filter((part) => part !== '').join('&') };
}

function compactDate(): string {
  return new Date().toISOString().replace(/[-:]|\.\d+/g, '');
}

function day(): string {
  return compactDate().slice(0, 8);
}

function seconds(): number {
  return Math.floor(Date.now() / 1000);
}
