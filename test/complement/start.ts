/** Owns a server as the conformance suite starts it: certificate and database first, then `causeway start`. */
import { readFileSync, writeFileSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

// As the launcher does, whose place this file takes.
enableCompileCache(fileURLToPath(new URL('../../node_modules/.cache/causeway', import.meta.url)));
const { runCommandLine } = await import('#cli/run.ts');
const { systemClock } = await import('#core/clock.ts');
const { createLogger } = await import('#core/logger.ts');
const { startEmbeddedPostgres } = await import('#storage/embedded/start-embedded-postgres.ts');
const { issueCertificate } = await import('#test/support/certificate.ts');

const authority = '/complement/ca';
const [command = 'start'] = process.argv.slice(2);
const { CAUSEWAY_DATA_DIR: dataDir, CAUSEWAY_TLS_CERTIFICATE, CAUSEWAY_TLS_KEY, SERVER_NAME } = process.env;
if (!dataDir || !CAUSEWAY_TLS_CERTIFICATE || !CAUSEWAY_TLS_KEY) throw new Error('The image sets these variables.');

if (command === 'start') {
  if (!SERVER_NAME) throw new Error('The suite says by SERVER_NAME who this server is.');
  process.env['CAUSEWAY_SERVER_NAME'] = SERVER_NAME;
  const { certificate, key } = issueCertificate(SERVER_NAME, {
    certificate: readFileSync(path.join(authority, 'ca.crt'), 'utf8'),
    key: readFileSync(path.join(authority, 'ca.key'), 'utf8'),
  });
  writeFileSync(CAUSEWAY_TLS_CERTIFICATE, certificate);
  writeFileSync(CAUSEWAY_TLS_KEY, key, { mode: 0o600 });
}

// Nothing in these containers outlives a power cut, and each test waits for many commits.
const starting = startEmbeddedPostgres({ dataDir, logger: createLogger('warn'), clock: systemClock, fsync: false });
// The server's code loads while PostgreSQL starts.
const [started] = await Promise.all([starting, import('#server.ts')]);
await using postgres = started;
const { user, host, port, database } = postgres.connection;
process.env['CAUSEWAY_DATABASE_URL'] = `postgresql://${user}@${encodeURIComponent(host)}:${port}/${database}`;
process.exitCode = await runCommandLine([command]);
