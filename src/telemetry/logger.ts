import { trace } from '@opentelemetry/api';
import { pino } from 'pino';
import type { DestinationStream } from 'pino';
import type { Redactor } from './redact.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';
export type LogFields = Readonly<Record<string, unknown>>;

/** Structured lines; every field and message passes the redactor before it is written. */
export interface Logger {
  readonly debug: (fields: LogFields, message: string) => void;
  readonly info: (fields: LogFields, message: string) => void;
  readonly warn: (fields: LogFields, message: string) => void;
  readonly error: (fields: LogFields, message: string) => void;
  readonly child: (fields: LogFields) => Logger;
}

export interface LoggerOptions {
  readonly level: LogLevel;
  readonly redactor: Redactor;
  /** Standard output when absent. */
  readonly destination?: DestinationStream;
}

/** JSON lines by pino, with the ids of the active span. */
export function createLogger({ level, redactor, destination }: LoggerOptions): Logger {
  const options = {
    level,
    base: null,
    mixin: traceIds,
    timestamp: pino.stdTimeFunctions.isoTime,
    messageKey: 'message',
  };
  return wrap(destination === undefined ? pino(options) : pino(options, destination), {}, redactor);
}

type Write = (fields: object, message: string) => void;
type Sink = Readonly<Record<'debug' | 'info' | 'warn' | 'error', Write>>;

function wrap(sink: Sink, bound: LogFields, redactor: Redactor): Logger {
  const at =
    (level: keyof Sink) =>
    (fields: LogFields, message: string): void => {
      sink[level](redactor.value({ ...bound, ...fields }) as object, redactor.text(message));
    };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (fields) => wrap(sink, { ...bound, ...fields }, redactor),
  };
}

function traceIds(): object {
  const context = trace.getActiveSpan()?.spanContext();
  return context === undefined ? {} : { trace_id: context.traceId, span_id: context.spanId };
}
