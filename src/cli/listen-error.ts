/** Owns the sentence for an address that the server cannot listen on. */
import type { Config } from '#config/schema.ts';
import { isErrno } from '#core/errno.ts';
import { StartError } from '#core/start-error.ts';

/** A `StartError` for the errors of `listen`, or undefined for any other error. */
export function explainListenError(error: unknown, config: Config): StartError | undefined {
  if (!isErrno(error, 'EADDRINUSE', 'EACCES', 'EADDRNOTAVAIL') || error.syscall !== 'listen') return undefined;
  const port = 'port' in error ? Number(error.port) : 0;
  const host = 'address' in error ? String(error.address) : '';
  const wanted = { listen: config.listen, 'tls.listen': config.tls.listen, 'metrics.listen': config.metrics.listen };
  const key = Object.entries(wanted).find(([, address]) => address?.port === port)?.[0] ?? 'listen';
  const variable = `CAUSEWAY_${key.toUpperCase().replace('.', '_')}`;
  const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  const elsewhere = `set ${key} (${variable}) to another address, such as 127.0.0.1:${port < 1024 ? 8008 : port + 1}.`;
  const sentences: Record<string, string> = {
    EADDRINUSE: `Another program already listens on ${address}: stop it, or ${elsewhere}`,
    EACCES: `The system does not allow this user to listen on ${address}: ${elsewhere}`,
    EADDRNOTAVAIL: `This machine does not have the address ${address}: ${elsewhere}`,
  };
  return new StartError(sentences[error.code ?? ''] ?? error.message, { cause: error });
}
