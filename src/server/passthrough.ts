import httpProxy from '@fastify/http-proxy';
import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { GatewayError } from '../model/errors.ts';
import type { WireResponse } from '../wire/message.ts';
import { stripHopByHop } from '../wire/hop-by-hop.ts';
import type { PassthroughTarget } from './handle.ts';

export interface PassthroughOptions {
  /** The target that the gateway decided on for this request. */
  readonly crossing: (request: FastifyRequest) => Crossing | undefined;
  /** Takes over the reply and streams. */
  readonly send: (request: FastifyRequest, reply: FastifyReply, response: WireResponse) => void;
  readonly fail: (request: FastifyRequest, reply: FastifyReply, error: unknown) => void;
}

/** A target, and whether its client is still there. */
export interface Crossing {
  readonly target: PassthroughTarget;
  readonly signal: AbortSignal;
  /** The request's own payload. */
  readonly payload: Readable | null;
}

interface UpstreamResponse {
  readonly statusCode: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly body: AsyncIterable<Uint8Array>;
}
/** What the plug-in is called back with. */
type Answered = (error: Error | null, response?: UpstreamResponse) => void;

/** Carries the crossing through the plug-in, which copies the headers with their symbols and knows nothing else of ours. */
const CROSSING = Symbol('crossing');
type PassthroughHeaders = Record<string, string> & { [CROSSING]?: Crossing };

/**
 * The passthrough of bucket sub-resources outside the model, by @fastify/http-proxy. The plug-in is handed a dispatcher of ours, because its
 * default does not verify the store's certificate; ours sends origin, path, headers and body exactly as the gateway signed them,
 * so that no URL parsing of the plug-in ever touches the path.
 */
export function registerPassthrough(app: FastifyInstance, options: PassthroughOptions): void {
  const dispatcher: object = { request: dispatch };
  void app.register(httpProxy, {
    // Never dialled: the target's own origin is.
    upstream: 'http://passthrough.invalid',
    undici: dispatcher,
    disableRequestLogging: true,
    internalRewriteLocationHeader: false,
    proxyPayloads: false,
    httpMethods: app.supportedMethods,
    replyOptions: {
      rewriteRequestHeaders: (request): PassthroughHeaders => {
        const crossing = options.crossing(request as FastifyRequest);
        return crossing === undefined ? {} : { [CROSSING]: crossing };
      },
      queryString: () => '',
      // The plug-in would by itself repeat a GET on 503, ten times.
      retryDelay: () => null,
      onResponse: (request, reply, response) => {
        const { statusCode, headers, stream } = response as unknown as Omit<UpstreamResponse, 'body'> & {
          readonly stream: UpstreamResponse['body'];
        };
        const answer = toWireResponse(statusCode, headers, stream);
        const finish = options.crossing(request as FastifyRequest)?.target.finish;
        try {
          options.send(request as FastifyRequest, reply as FastifyReply, finish?.(answer) ?? answer);
        } catch (error) {
          options.fail(request as FastifyRequest, reply as FastifyReply, error);
        }
      },
      onError: (reply, { error }) => {
        options.fail(reply.request as FastifyRequest, reply as FastifyReply, failureOf(error));
      },
    },
  });
}

function dispatch(request: { readonly headers: PassthroughHeaders }, answered: Answered): void {
  const crossing = request.headers[CROSSING];
  if (crossing === undefined) {
    answered(new GatewayError('InternalError', 'A passthrough without a target.'));
    return;
  }
  void send(crossing).then(
    (response) => answered(null, response),
    (error: unknown) => answered(error instanceof Error ? error : new Error(String(error))),
  );
}

async function send({ target, signal, payload }: Crossing): Promise<UpstreamResponse> {
  const response = await target.dispatcher.request({
    origin: target.origin,
    path: target.path,
    method: target.method,
    headers: stripHopByHop(target.headers).flat(),
    body: bodyOf(target, payload),
    signal,
  });
  // A store that redirects would take the client's body and our signature elsewhere (rclone 2026).
  if (response.statusCode >= 300 && response.statusCode < 400 && response.statusCode !== 304) {
    response.body.on('error', () => undefined);
    response.body.destroy();
    throw new GatewayError('ServiceUnavailable', 'The store answered with a redirect, which is not followed.');
  }
  return { statusCode: response.statusCode, headers: response.headers, body: response.body };
}

function bodyOf({ body }: PassthroughTarget, payload: Readable | null): Readable | null {
  if (body === undefined) return payload;
  return body === null ? null : Readable.from(body, { objectMode: false });
}

function toWireResponse(
  status: number,
  headers: UpstreamResponse['headers'],
  body: AsyncIterable<Uint8Array>,
): WireResponse {
  const lines: (readonly [string, string])[] = Object.entries(headers).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : value === undefined ? [] : [value]).map((one) => [name, one] as const),
  );
  return { status, headers: stripHopByHop(lines), body };
}

/** The plug-in wraps what went wrong; the store's own troubles are a 503 to the client. */
function failureOf(error: unknown): GatewayError {
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 4; at = at.cause, depth++)
    if (at instanceof GatewayError) return at;
  return new GatewayError('ServiceUnavailable', 'Please reduce your request rate.', { cause: error });
}
