/** Owns logging: one pino logger per process, with a child per area. */
import { pino, type Logger } from 'pino';

export type { Logger };
export type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent';

const CAUSES_MAX = 4;

/** A logger that writes JSON lines to standard error (file descriptor 2), so that standard output stays for the operator. */
export function createLogger(level: LogLevel): Logger {
  return pino({ level, base: null, serializers: { err: describeError } }, pino.destination({ fd: 2, sync: false }));
}

/**
 * An error as a log has it: what it is called, says and carries as plain values. Libraries hang whole objects on their
 * errors, such as a connection with all that was prepared on it, which neither fit into a line nor belong there.
 */
export function describeError(error: unknown, causesMax = CAUSES_MAX): unknown {
  if (!(error instanceof Error)) return error;
  const plain = Object.entries(error).filter(([, value]) => ['string', 'number', 'boolean'].includes(typeof value));
  const { name, message, stack, cause } = error;
  return {
    ...Object.fromEntries(plain),
    type: name,
    message,
    stack,
    ...(cause !== undefined && causesMax > 0 && { cause: describeError(cause, causesMax - 1) }),
  };
}
