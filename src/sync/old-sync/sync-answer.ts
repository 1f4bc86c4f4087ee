/** Owns asking a sync for what the views before it tell, and reading its answer. */
import { answerSync } from '#sync/answer-sync.ts';
import { readSyncFilter } from '#sync/sync-filter.ts';
import type { SyncParts, SyncRequest } from '#sync/sync-request.ts';

/** An event as the answer has it: without the id of its room. */
export type PlainEvent = Readonly<Record<string, unknown>>;

type Section = { readonly events: readonly PlainEvent[] };

export type SyncedRoom = {
  readonly timeline: Section & { readonly prev_batch?: string };
  readonly state_after?: Section;
  readonly account_data?: Section;
  readonly ephemeral?: Section;
};

/** What the views read of an answer. */
export type SyncAnswer = {
  readonly next_batch: string;
  readonly rooms?: {
    readonly join?: Readonly<Record<string, SyncedRoom>>;
    readonly leave?: Readonly<Record<string, SyncedRoom>>;
    readonly invite?: Readonly<Record<string, object>>;
    readonly knock?: Readonly<Record<string, object>>;
  };
  readonly account_data?: Section;
  readonly presence?: Section;
};

export type OldSyncRequest = Pick<
  SyncRequest,
  'userId' | 'userNid' | 'deviceNid' | 'since' | 'timeoutMs' | 'signal'
> & {
  /** Of each room the newest events, a hundred at most. */
  readonly timelineLimit: number;
  readonly includeLeave: boolean;
};

/** The answer that a sync would give, with the state after each timeline. */
export async function askSync(parts: SyncParts, request: OldSyncRequest): Promise<SyncAnswer> {
  const { timelineLimit, includeLeave, ...asked } = request;
  const room = { timeline: { limit: timelineLimit }, include_leave: includeLeave };
  const verdict = readSyncFilter(JSON.stringify({ room }));
  if (!verdict.ok) throw new Error(verdict.reason);
  const whole = { ...asked, filter: verdict.filter, fullState: false, stateAfterName: 'state_after' } as const;
  const answer: SyncAnswer = JSON.parse(await answerSync(parts, whole));
  return answer;
}

/** The events of a section, each with the id of the room, as answers have them that are not sorted by room. */
export function eventsOf(section: Section | undefined, roomId: string): PlainEvent[] {
  return (section?.events ?? []).map((event) => ({ ...event, room_id: roomId }));
}
