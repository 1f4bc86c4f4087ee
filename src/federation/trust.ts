/** Owns which authorities are believed when they certify another server. */
import { readFileSync } from 'node:fs';
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls';
import { StartError } from '#core/start-error.ts';

/**
 * The public authorities and those in a file of PEM; undefined, which is the public ones alone, without such a file. Throws
 * a StartError for a file that cannot be used. It is made once: parsing all authorities takes longer than a handshake.
 */
export function createTrust(file: string | undefined): SecureContext | undefined {
  if (file === undefined) return undefined;
  try {
    return createSecureContext({ ca: [...getCACertificates('default'), readFileSync(file, 'utf8')] });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new StartError(
      `The authorities in ${file} cannot be used (${reason}): set federation.ca_file (CAUSEWAY_FEDERATION_CA_FILE) to a ` +
        'file of certificates in PEM, or leave it out.',
      { cause: error },
    );
  }
}
