import type { WireResponse } from '../../wire/message.ts';

/** A long copy starts to answer after this many ms, so that clients and proxies do not give up. */
const PATIENCE_MS = 10_000;
const SPACE = Buffer.from(' ');
const DECLARATION = Buffer.from('<?xml version="1.0" encoding="UTF-8"?>\n');

/**
 * Answers at once when the work is quick. Otherwise 200 goes out and white space follows until the result, or an
 * `<Error>` document, ends the body: what S3 does for CopyObject and CompleteMultipartUpload.
 */
export async function patientAnswer<T>(
  work: Promise<T>,
  encode: (result: T) => WireResponse,
  errorDocument: (error: unknown) => string,
  patience = PATIENCE_MS,
): Promise<WireResponse> {
  const first = await Promise.race([work.then((result) => ({ result })), delay(patience)]);
  if (first !== undefined) return encode(first.result);
  return {
    status: 200,
    headers: [['content-type', 'application/xml']],
    body: slowly(work, encode, errorDocument, patience),
  };
}

async function* slowly<T>(
  work: Promise<T>,
  encode: (result: T) => WireResponse,
  errorDocument: (error: unknown) => string,
  patience: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  const outcome = work.then(
    (result) => ({ document: bodyOf(encode(result)) }),
    (error: unknown) => ({ document: Buffer.from(errorDocument(error)) }),
  );
  yield DECLARATION;
  for (;;) {
    const done = await Promise.race([outcome, delay(patience)]);
    if (done !== undefined) {
      yield withoutDeclaration(done.document);
      return;
    }
    yield SPACE;
  }
}

function bodyOf(response: WireResponse): Buffer {
  return response.body instanceof Uint8Array ? Buffer.from(response.body) : Buffer.alloc(0);
}

/** The declaration went out first: a second one after white space would not be well-formed. */
function withoutDeclaration(document: Buffer): Buffer {
  const text = document.toString('utf8');
  return text.startsWith('<?xml') ? Buffer.from(text.slice(text.indexOf('?>') + 2).trimStart()) : document;
}

function delay(ms: number): Promise<undefined> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms, undefined).unref();
  });
}
