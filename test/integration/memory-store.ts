import { randomBytes } from 'node:crypto';
import { startRecordingStore, type Answer, type Recorded, type Recording } from './recording-store.ts';

/** A store of a few operations that keeps objects under the names that `nameOf` makes of their keys. */
export type MemoryStore = Recording & { readonly objects: Map<string, Buffer> };

export async function startMemoryStore(nameOf: (key: string) => string): Promise<MemoryStore> {
  const objects = new Map<string, Buffer>();
  const recording = await startRecordingStore((request) => answer(request, objects, nameOf));
  return Object.assign(recording, { objects });
}

/** How `stores:` names it; bodies come in one piece. */
export function memoryEntry(
  { endpoint }: Recording,
  capabilities: Readonly<Record<string, unknown>> = {},
): Record<string, unknown> {
  return {
    type: 's3',
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'AKSTORE', secretAccessKey: randomBytes(20).toString('hex') },
    capabilities: { payload: 'unsigned', ...capabilities },
  };
}

/** The key of a path-style request, as it was asked for. */
export function keyOf({ url }: Recorded): string {
  const path = url.split('?')[0] ?? '';
  return decodeURIComponent(path.slice(path.indexOf('/', 1) + 1));
}

function answer(request: Recorded, objects: Map<string, Buffer>, nameOf: (key: string) => string): Answer {
  const { method, url } = request;
  if (url.endsWith('?policy')) return failure(404, 'NoSuchBucketPolicy');
  const name = nameOf(keyOf(request));
  if (method === 'PUT') {
    objects.set(name, request.body);
    return [200, { etag: '"11111111111111111111111111111111"' }];
  }
  if (method === 'DELETE') {
    objects.delete(name);
    return [204, {}];
  }
  const bytes = objects.get(name);
  if (method === 'POST' || url.includes('list-type')) return failure(501, 'NotImplemented');
  if (bytes === undefined) return failure(404, 'NoSuchKey');
  return [
    200,
    {
      etag: '"11111111111111111111111111111111"',
      'last-modified': 'Sat, 21 Nov 2026 17:00:00 GMT',
      'content-length': String(bytes.length),
    },
    method === 'HEAD' ? '' : bytes.toString('utf8'),
  ];
}

function failure(status: number, code: string): Answer {
  return [status, {}, `<Error><Code>${code}</Code><Message>no</Message></Error>`];
}
