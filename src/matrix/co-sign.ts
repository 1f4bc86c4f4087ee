/** Owns adding signatures to events that others have made, byte for byte as they came. */
import { canonicalJson, canonicalString } from '#matrix/canonical-json.ts';
import { sliceMembers } from '#matrix/json-slices.ts';
import { validatePdu, type PduVerdict } from '#matrix/pdu-checks.ts';
import { signText } from '#matrix/signing-keys.ts';
import type { Signer } from '#matrix/signing.ts';
import type { ValidatedPdu } from '#matrix/validated-pdu.ts';

/**
 * The event with these signatures of a server beside those that it has. Its id and hashes stay, as no signature is covered
 * by them; the longer text may be too large. Nothing is said of whether the signatures are right.
 */
export function withSignatures(
  event: ValidatedPdu,
  serverName: string,
  signatures: Readonly<Record<string, string>>,
): PduVerdict {
  const all = { ...event.pdu.signatures, [serverName]: { ...event.pdu.signatures[serverName], ...signatures } };
  const members = sliceMembers(event.json).set('signatures', canonicalJson(all));
  const text = Array.from(members, ([key, value]) => `${canonicalString(key)}:${value}`).join(',');
  return validatePdu(`{${text}}`, event.version);
}

/** The event with our signature. What we sign, we answer for: check before what it says. */
export function coSignEvent(event: ValidatedPdu, { serverName, key }: Signer): PduVerdict {
  return withSignatures(event, serverName, { [key.keyId]: signText(event.signedText, key) });
}
