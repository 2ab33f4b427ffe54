import { check } from 'k6';
import exec from 'k6/execution';
import http from 'k6/http';

/** A request that is signed and ready to go. */
export interface Signed {
  readonly url: string;
  readonly headers: Record<string, string>;
}

/** What one dialect makes of the two requests. */
export interface Requests {
  put(key: string, contentType: string): Signed;
  get(key: string): Signed;
}

/** Bytes that a wrong or stale answer does not have: the key stands in them. */
export function bodyOf(key: string, size: number): string {
  return `${key}\n`.repeat(Math.ceil(size / (key.length + 1))).slice(0, size);
}

/** One iteration: writes an object that is this user's own and reads it back. */
export function putAndGet(requests: Requests, size: number): void {
  // Few keys per user, so that overwriting is part of the load and the store does not fill up.
  const key = `load/${exec.vu.idInTest}/${exec.vu.iterationInScenario % 16}`;
  const body = bodyOf(key, size);
  const put = requests.put(key, 'text/plain');
  const written = http.put(put.url, body, { headers: put.headers, tags: { name: 'PutObject' } });
  check(written, { 'PUT is 200': ({ status }) => status === 200 });
  const get = requests.get(key);
  const read = http.get(get.url, { headers: get.headers, tags: { name: 'GetObject' } });
  check(read, {
    'GET is 200': ({ status }) => status === 200,
    'GET answers what was put': (answer) => answer.body === body,
  });
}
