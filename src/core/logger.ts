/** Owns logging: one pino logger per process, with a child per area. */
import { pino, type Logger } from 'pino';

export type { Logger };
export type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent';

/** A logger that writes JSON lines to standard error (file descriptor 2), so that standard output stays for the operator. */
export function createLogger(level: LogLevel): Logger {
  return pino({ level, base: null }, pino.destination({ fd: 2, sync: false }));
}
