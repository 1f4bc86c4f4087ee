/** Owns the choice of the algorithm, and what all of them need first. */
import { joinedKey } from '#matrix/joined-key.ts';
import type { RoomVersion } from '#matrix/room-versions.ts';
import { EventPool } from '#matrix/state-resolution/event-pool.ts';
import type { Conflict, ResolvedConflict } from '#matrix/state-resolution/partition-conflicts.ts';
import { askUnconflicted, type Asking } from '#matrix/state-resolution/question.ts';
import { resolveV1 } from '#matrix/state-resolution/resolve-v1.ts';
import { resolveV2 } from '#matrix/state-resolution/resolve-v2.ts';

/**
 * Resolves what states disagree on, without holding what they agree on: parts of that are asked for. The result does
 * not depend on the order of anything. Throws a ResolutionError.
 */
export function* resolveConflict(version: RoomVersion, conflict: Conflict): Asking<ResolvedConflict> {
  if (conflict.size === 0) return { entries: new Map(), considered: 0 };
  const pool = new EventPool(version);
  const createKey = joinedKey('m.room.create', '');
  const [create] = yield* pool.require((yield* askUnconflicted([createKey])).values());
  pool.createId = create?.eventId;
  return version.stateResolution === 'v1' ? yield* resolveV1(pool, conflict) : yield* resolveV2(pool, conflict, create);
}
