/** Owns listening with a certificate from files, which is replaced while the server runs. */
import { readFileSync, unwatchFile, watchFile } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { StartError } from '#core/start-error.ts';
import type { Logger } from '#core/logger.ts';
import { listen, type Listening, type ListenOptions, type TlsPair } from '#http/listen.ts';

/** Paths of two files in PEM. */
export type TlsFiles = { readonly certificate: string; readonly key: string };

export type TlsListenOptions = Omit<ListenOptions, 'tls'> & {
  readonly files: TlsFiles;
  readonly logger: Logger;
  /** How often the files are looked at, in milliseconds. */
  readonly watchMs?: number;
};

const WATCH_MS = 5_000;

/**
 * Listens with TLS and takes a new certificate for new connections when the files change; one that cannot be used is
 * logged, and the old one stays. Throws a `StartError` for files that cannot be used at the start, and a `ListenError`.
 */
export async function listenTls({
  files,
  logger,
  watchMs = WATCH_MS,
  ...options
}: TlsListenOptions): Promise<Listening> {
  const listening = await listen({ ...options, tls: requirePair(files) });
  // Looking is robust where notifications are not: files that are renamed into place, links, mounted secrets.
  const watched = [files.certificate, files.key];
  const renew = (): void => {
    try {
      listening.renewTls(readPair(files));
      logger.info({ certificate: files.certificate }, 'the certificate was replaced');
    } catch (error) {
      // The other of the two files may still be on its way; its change comes here as well.
      logger.warn(
        { err: error, certificate: files.certificate },
        'the new certificate cannot be used; the old one stays',
      );
    }
  };
  for (const file of watched) watchFile(file, { interval: watchMs, persistent: false }, renew);
  return {
    ...listening,
    [Symbol.asyncDispose]: () => {
      for (const file of watched) unwatchFile(file, renew);
      return listening[Symbol.asyncDispose]();
    },
  };
}

function requirePair(files: TlsFiles): TlsPair {
  try {
    return readPair(files);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new StartError(
      `The certificate ${files.certificate} with the key ${files.key} cannot be used (${reason}): set tls.certificate ` +
        '(CAUSEWAY_TLS_CERTIFICATE) and tls.key (CAUSEWAY_TLS_KEY) to files in PEM that belong together.',
      { cause: error },
    );
  }
}

/** Throws unless both files can be read and belong together. */
function readPair({ certificate, key }: TlsFiles): TlsPair {
  const pair = { cert: readFileSync(certificate), key: readFileSync(key) };
  createSecureContext(pair);
  return pair;
}
