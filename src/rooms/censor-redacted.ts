/** Owns censoring: the text of an event that has been redacted for long is replaced by its redacted form. */
import { redactJson } from '#matrix/redaction.ts';
import { findRoomVersion } from '#matrix/room-versions.ts';
import type { Database } from '#storage/database.ts';
import { lockDueRedactions, persistCensored, persistSettled } from '#storage/rooms/censor-events.ts';

/**
 * Censors as many as `limit` of the events whose redaction has been in force since before a time; times are milliseconds
 * since 1970. Gives how many redactions were seen to: fewer than `limit` means that no more are due. The event's id is a
 * hash of the redacted form, and stays; its content hash is that of the whole one, and no stored event is checked by it.
 * Specification: Client-Server API, "Redactions".
 */
export function censorRedacted(
  database: Database,
  { before, now, limit }: { readonly before: number; readonly now: number; readonly limit: number },
): Promise<number> {
  return database.transaction(async (tx) => {
    const due = await lockDueRedactions(tx, before, limit);
    if (due.length === 0) return 0;
    // An event may have several redactions.
    const texts = new Map<number, string>();
    for (const { event_nid: eventNid, json, version: versionId } of due) {
      if (eventNid === null || json === null || texts.has(eventNid)) continue;
      const version = findRoomVersion(versionId);
      if (version === undefined) throw new Error(`There is no room version ${versionId}.`);
      texts.set(eventNid, redactJson(json, version));
    }
    const events = Array.from(texts, ([eventNid, json]) => ({ eventNid, json }));
    await persistCensored(tx, events, now);
    await persistSettled(tx, due);
    return due.length;
  });
}
