/** Owns the id by which a sender knows what it has sent, though it is no event. */
import { eventIdOf } from '#matrix/hashes.ts';
import { parseJsonExactly } from '#matrix/parse-json.ts';
import type { ExactJsonValue } from '#matrix/pdu.ts';
import { findRoomVersion, type RoomVersion } from '#matrix/room-versions.ts';

/** `version` is undefined for a room that is not here. Undefined where the id cannot be told. */
export function findClaimedId(text: string, version = guessedVersion()): string | undefined {
  try {
    const value: ExactJsonValue = parseJsonExactly(text);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    const { unsigned: _unsigned, ...event } = value;
    return eventIdOf(event, version);
  } catch {
    // A field that the id is made of is not there, or has no canonical form.
    return undefined;
  }
}

/** Most events have the same id in most versions. */
function guessedVersion(): RoomVersion {
  const version = findRoomVersion('11');
  if (version === undefined) throw new Error('Room version 11 is not known.');
  return version;
}
