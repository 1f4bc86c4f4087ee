/** Owns the authority that servers and peers of one test process trust, and the files that configure it. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { issueCertificate, makeAuthority, type Certificate } from '#test/support/certificate.ts';

export const testAuthority: Certificate = makeAuthority('Test authority of federation');

/** Certificate files for a server in a directory, as the environment of its configuration. */
export function writeTlsFiles(directory: string, hostname: string): Record<string, string> {
  const { certificate, key } = issueCertificate(hostname, testAuthority);
  const files = { authority: testAuthority.certificate, certificate, key };
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(directory, `${name}.pem`), text);
  return {
    CAUSEWAY_TLS_CERTIFICATE: path.join(directory, 'certificate.pem'),
    CAUSEWAY_TLS_KEY: path.join(directory, 'key.pem'),
    CAUSEWAY_FEDERATION_CA_FILE: path.join(directory, 'authority.pem'),
  };
}
