/** Owns the first check of every event from outside: is it an event of this room version at all? */
import { canonicalJson, canonicalJsonOfOldVersions } from '#matrix/canonical-json.ts';
import { EVENT_BYTES_MAX, findOversize } from '#matrix/event-sizes.ts';
import { contentHash, eventIdOfSignedText, roomIdOfCreate, signedText } from '#matrix/hashes.ts';
import { isEventId, isRoomId, isUserId } from '#matrix/ids.ts';
import { parseJsonBytes, parseJsonExactly } from '#matrix/parse-json.ts';
import type { EventHashes, EventReference, ExactJsonObject, JsonObject, JsonValue, Pdu, Signatures } from '#matrix/pdu.ts';
