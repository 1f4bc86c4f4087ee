/** Owns what the event stream says of an event: enough to answer a sync without asking the database. */

/** Membership as a column holds it. */
export const membershipCodes = { none: 0, invite: 1, join: 2, leave: 3, ban: 4, knock: 5 } as const;
export type MembershipName = keyof typeof membershipCodes;

/** An event that has been committed and has a place in the stream. */
export type EventFact = {
  readonly pos: number;
  readonly eventNid: number;
  readonly roomNid: number;
  readonly roomId: string;
  readonly eventId: string;
  readonly type: string;
  /** Undefined for an event that is not state. */
  readonly stateKey: string | undefined;
  readonly sender: string;
  readonly originServerTs: number;
  /** Order for people: paging goes by it. */
  readonly roomOrder: number;
  /** Root of the state before the event. */
  readonly stateBefore: number;
  /** What `clientEventStem` of the stored PDU gives: client format without `room_id` and `unsigned`. */
  readonly stem: string;
  /** `content.membership` of an `m.room.member` event. */
  readonly membership: string | undefined;
  /** Set for an `m.room.redaction`. */
  readonly redacts: string | undefined;
  /** Set for an event that was redacted before it was told: `stem` is what it was, and must not be shown. */
  readonly isRedacted?: boolean;
  /** The state event that this one replaced, for `unsigned.prev_content` and `replaces_state`. */
  readonly replacesNid: number | undefined;
  /** The device that sent it and its transaction id, for `unsigned.transaction_id`. */
  readonly txnDeviceNid: number | undefined;
  readonly txnId: string | undefined;
  /**
   * Whether it notifies under the rules that everybody has (`step` 1), and whom it highlights, '' for everybody; undefined
   * where only the table knows.
   */
  readonly notification?: { readonly step: number; readonly highlighted: readonly string[] };
  /** The root of the thread that the event is sent to. */
  readonly threadRootId?: string | undefined;
  /** Set for an event that does not follow the room's newest events. */
  readonly fork?: Fork;
};

/** What one transaction of this process has committed, and all the positions that it took: no other one has any of them. */
export type EventCommit = {
  /** Ascending. */
  readonly facts: readonly EventFact[];
  readonly firstPos: number;
  readonly lastPos: number;
};

/** What happened to the room's state with an event on an old head: `stateBefore` and the event do not tell. */
export type Fork = {
  /** The room's state, which is not the one before the event. */
  readonly rootBefore: number;
  readonly rootAfter: number;
  /** Whether events were missing before it when it came: what came between it and the facts before it is history. */
  readonly hasGapBefore: boolean;
  /** Local users whose membership is another now, with its code: by this event, or by others that are part of the state again. */
  readonly members: readonly { readonly userId: string; readonly membership: number }[];
};

/** Whether anybody's membership may be another after the event, here or elsewhere. */
export function mayChangeMembers({ fork, type, stateKey }: EventFact): boolean {
  return fork !== undefined || (type === 'm.room.member' && stateKey !== undefined);
}

const nobody: readonly string[] = [];

/** The users whose membership changes with the fact; of an event on an old head, the local ones. */
export function membersOf(fact: EventFact): readonly string[] {
  if (fact.fork !== undefined) return fact.fork.members.map(({ userId }) => userId);
  return fact.type === 'm.room.member' && fact.stateKey !== undefined ? [fact.stateKey] : nobody;
}

/** The code of what the user is after the fact; undefined if it does not tell, or tells nothing that there is. */
export function membershipIn(fact: EventFact, userId: string): number | undefined {
  if (fact.fork !== undefined) return fact.fork.members.find((member) => member.userId === userId)?.membership;
  const { membership } = fact;
  return isMembershipName(membership) ? membershipCodes[membership] : undefined;
}

function isMembershipName(name: string | undefined): name is MembershipName {
  return name !== undefined && Object.hasOwn(membershipCodes, name);
}
