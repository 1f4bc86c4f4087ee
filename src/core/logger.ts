/** Owns logging: one pino logger per process, with a child per area. */
import { pino, type Logger } from 'pino';

export type { Logger };
export type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent';

const CAUSES_MAX = 4;

const ERROR_LEVEL = 50;

/**
 * A logger that writes JSON lines to standard error (file descriptor 2), so that standard output stays for the operator.
 * `onError` hears the sentence of every error that is logged.
 */
export function createLogger(level: LogLevel, onError?: (message: string) => void): Logger {
  const options = { level, base: null, serializers: { err: describeError } };
  const destination = pino.destination({ fd: 2, sync: false });
  if (onError === undefined) return pino(options, destination);
  const logMethod: pino.LoggerOptions['hooks'] = {
    logMethod(args, method, number) {
      if (number >= ERROR_LEVEL) onError(sentenceOf(args));
      method.apply(this, args);
    },
  };
  return pino({ ...options, hooks: logMethod }, destination);
}

/** The words of a call of the logger: `logger.error({ err }, 'the request failed')`. */
function sentenceOf(args: readonly unknown[]): string {
  const [first, second] = args;
  const words = typeof first === 'string' ? first : second;
  const error = typeof first === 'object' && first !== null && 'err' in first ? first.err : first;
  const cause = error instanceof Error ? error.message : undefined;
  return [typeof words === 'string' ? words : undefined, cause].filter((each) => each !== undefined).join(': ');
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
