/** Owns who this server is: its name, its signing keys, and the secret of its tries. */
import { randomBytes } from 'node:crypto';
import type { Config } from '#config/schema.ts';
import type { Clock } from '#core/clock.ts';
import { randomToken } from '#core/random.ts';
import { StartError } from '#core/start-error.ts';
import type { OwnKeys } from '#matrix/server-keys.ts';
import { exportSeed, generateSigningKey, importSigningKey, type SigningKey } from '#matrix/signing-keys.ts';
import type { Database } from '#storage/database.ts';
import {
  ensureSecret,
  ensureSigningKey,
  findExpiredKeys,
  findServerNames,
  type StoredKey,
} from '#storage/server-identity.ts';

/**
 * The keys and the secret that every process over this database shares; made by the first. Throws a StartError if the
 * database belongs to a server of another name.
 */
export async function ensureIdentity(
  config: Pick<Config, 'serverName'>,
  clock: Clock,
  database: Database,
): Promise<{ ownKeys: OwnKeys; secret: number }> {
  const { serverName } = config;
  const names = new Set(await findServerNames(database));
  if (names.size > 0 && !names.has(serverName)) {
    throw new StartError(
      `This database belongs to the server ${[...names].join(', ')}, and the configuration says ${serverName}: a server's name ` +
        'cannot change. Set server_name back, or begin with an empty data directory or database.',
    );
  }
  return database.transaction(async (tx) => {
    const stored = await ensureSigningKey(tx, serverName, clock.now(), () => {
      const made = generateSigningKey(randomToken(4).replaceAll('-', '_'));
      return { keyId: made.keyId, seed: Buffer.from(exportSeed(made), 'base64') };
    });
    const key = requireSigningKey(stored);
    const expired = await findExpiredKeys(tx, serverName);
    const secret = await ensureSecret(tx, 'state_trie_slots', randomBytes(4));
    return {
      ownKeys: {
        signer: { serverName, key },
        expired: expired.map((old) => ({ key: requireSigningKey(old), expiredTs: old.expiredTs })),
      },
      secret: secret.readInt32BE(0),
    };
  });
}

function requireSigningKey({ keyId, seed }: StoredKey): SigningKey {
  const key = importSigningKey(keyId, seed.toString('base64'));
  if (key === undefined) throw new StartError(`The signing key ${keyId} in the database cannot be read.`);
  return key;
}
