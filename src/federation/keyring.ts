/** Owns judging what other servers have signed. Specification: Server-Server API, "Retrieving server keys". */
import type { Clock } from '#core/clock.ts';
import type { HeldKey, HeldKeys } from '#federation/held-keys.ts';
import type { KeyStore } from '#federation/key-store.ts';
import { redactedCopy } from '#matrix/pdu-checks.ts';
import type { JsonObject } from '#matrix/pdu.ts';
import { authorisingServer, requiredSigners } from '#matrix/required-signers.ts';
import type { OwnKeys } from '#matrix/server-keys.ts';
import { importVerifyKey, isSignatureValid, type VerifyKey } from '#matrix/signing-keys.ts';
import { checkSignatures, checkSignaturesInPool, coveredText } from '#matrix/signing.ts';
import type { ValidatedPdu } from '#matrix/validated-pdu.ts';

export type CheckedEvent =
  | { readonly ok: true; readonly event: ValidatedPdu }
  | { readonly ok: false; readonly message: string };

export type Keyring = {
  /**
   * Whether each event is signed by the servers that must have signed it; in the order given. One whose content hash does
   * not match comes back as its redacted copy. Specification: Server-Server API, "Checks performed on receipt of a PDU",
   * 2 and 3.
   */
  readonly checkEvents: (events: readonly ValidatedPdu[]) => Promise<readonly CheckedEvent[]>;
  /** Whether the object is signed by a key that the server uses now. */
  readonly checkJson: (serverName: string, json: JsonObject) => Promise<boolean>;
  /** Whether the text of a request is signed by this key of the server, and the server uses the key now. */
  readonly checkRequest: (serverName: string, keyId: string, text: string, signature: string) => Promise<boolean>;
};

type FindKeys = (...asked: Parameters<KeyStore['findKeys']>) => Promise<HeldKeys>;

/** Waking the pool's threads costs more than so many signatures. */
const ON_MAIN_THREAD_MAX = 4;
/** A key can never be good for events of later than so much from now. */
const VALID_MS_MAX = 7 * 24 * 3_600_000;

export function createKeyring(parts: {
  readonly keys: Pick<KeyStore, 'findKeys'>;
  readonly ownKeys: OwnKeys;
  readonly isLocal: (id: string) => boolean;
  readonly clock: Clock;
}): Keyring {
  const { clock } = parts;
  const own = heldKeysOf(parts.ownKeys);
  const findKeys: FindKeys = (serverName, suffices, validUntilTs) =>
    parts.isLocal(serverName) ? Promise.resolve(own) : parts.keys.findKeys(serverName, suffices, validUntilTs);
  const inUse = (key: HeldKey | undefined): boolean => key !== undefined && (key.validUntilTs ?? 0) > clock.now();

  return {
    checkEvents: async (events) => {
      const signed = events.map((event) => ({ event, signers: signersOf(event) }));
      const keysOf = await collectKeys(signed, findKeys, clock.now());
      const isBatch = signed.reduce((count, { signers }) => count + signers.length, 0) > ON_MAIN_THREAD_MAX;
      return Promise.all(signed.map(({ event, signers }) => checkEvent(event, signers, keysOf, isBatch)));
    },
    checkJson: async (serverName, json) => {
      const ids = signingKeyIds(json['signatures'], serverName);
      if (ids.length === 0) return false;
      const keys = await findKeys(serverName, (known) => ids.some((id) => inUse(known.get(id))));
      const usable = new Map([...keys].filter(([, key]) => inUse(key)).map(([id, { key }]) => [id, key]));
      return checkSignatures(coveredText(json), json['signatures'], serverName, usable).ok;
    },
    checkRequest: async (serverName, keyId, text, signature) => {
      const keys = await findKeys(serverName, (known) => inUse(known.get(keyId)));
      const held = keys.get(keyId);
      return held !== undefined && inUse(held) && isSignatureValid(text, signature, held.key);
    },
  };
}

type KeyNeeds = { readonly event: ValidatedPdu; readonly signers: readonly string[] }[];

function signersOf({ pdu, version }: ValidatedPdu): readonly string[] {
  const authorising = authorisingServer(pdu, version);
  return [...new Set([...requiredSigners(pdu, version), ...(authorising === undefined ? [] : [authorising])])];
}

/** The keys of all servers that have signed, each asked at most once. */
async function collectKeys(signed: KeyNeeds, findKeys: FindKeys, now: number): Promise<ReadonlyMap<string, HeldKeys>> {
  const byServer = new Map<string, ValidatedPdu[]>();
  for (const { event, signers } of signed) {
    for (const signer of signers) {
      const events = byServer.get(signer);
      if (events === undefined) byServer.set(signer, [event]);
      else events.push(event);
    }
  }
  const found = [...byServer].map(async ([serverName, events]): Promise<[string, HeldKeys]> => {
    const suffices = (keys: HeldKeys): boolean =>
      events.every((event) => {
        const ids = signingKeyIds(event.pdu.signatures, serverName);
        // What no key can be good for is not worth a question.
        if (ids.length === 0 || event.pdu.origin_server_ts > now + VALID_MS_MAX) return true;
        return ids.some((id) => isGoodFor(keys.get(id), event));
      });
    const newest = Math.max(...events.map(({ pdu }) => pdu.origin_server_ts));
    return [serverName, await findKeys(serverName, suffices, Math.min(newest, now + VALID_MS_MAX))];
  });
  return new Map(await Promise.all(found));
}

async function checkEvent(
  event: ValidatedPdu,
  signers: readonly string[],
  keysOf: ReadonlyMap<string, HeldKeys>,
  isBatch: boolean,
): Promise<CheckedEvent> {
  const check = isBatch ? checkSignaturesInPool : checkSignatures;
  for (const signer of signers) {
    const usable = new Map<string, VerifyKey>();
    for (const [id, held] of keysOf.get(signer) ?? []) if (isGoodFor(held, event)) usable.set(id, held.key);
    const verdict = await check(event.signedText, event.pdu.signatures, signer, usable);
    if (!verdict.ok)
      return { ok: false, message: `The event ${event.eventId} ${complaints[verdict.reason]} ${signer}.` };
  }
  return { ok: true, event: event.contentHashMatches ? event : redactedCopy(event) };
}

const complaints = {
  unsigned: 'is not signed by',
  'unknown-key': 'is signed with no key that was good at its time of',
  invalid: 'has a wrong signature of',
} as const;

/** Room version 5 and later hold keys to their time; before, a key is good for ever. */
function isGoodFor(held: HeldKey | undefined, { pdu, version }: ValidatedPdu): boolean {
  if (held === undefined) return false;
  if (!version.keyValidityEnforced) return true;
  if (held.expiredTs !== undefined) return pdu.origin_server_ts < held.expiredTs;
  return held.validUntilTs !== undefined && held.validUntilTs >= pdu.origin_server_ts;
}

function signingKeyIds(signatures: unknown, serverName: string): string[] {
  const all = typeof signatures === 'object' && signatures !== null ? new Map(Object.entries(signatures)) : undefined;
  const ours: unknown = all?.get(serverName);
  if (typeof ours !== 'object' || ours === null) return [];
  return Object.keys(ours).filter((id) => id.startsWith('ed25519:'));
}

/** What this server has signed itself needs no asking. */
function heldKeysOf({ signer, expired }: OwnKeys): HeldKeys {
  const held = new Map<string, HeldKey>();
  for (const { key, expiredTs } of expired) {
    const verifyKey = importVerifyKey(key.publicKey);
    if (verifyKey !== undefined) held.set(key.keyId, { key: verifyKey, validUntilTs: undefined, expiredTs });
  }
  const verifyKey = importVerifyKey(signer.key.publicKey);
  if (verifyKey !== undefined) {
    held.set(signer.key.keyId, { key: verifyKey, validUntilTs: Number.MAX_SAFE_INTEGER, expiredTs: undefined });
  }
  return held;
}
