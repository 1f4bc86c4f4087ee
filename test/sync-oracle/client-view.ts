/** Owns what a client knows after some answers of /sync. */
import type { ClientEvent, JsonObject, StrippedEvent } from '#test/support/matrix-shapes.ts';

export type Receipt = { readonly eventId: string; readonly ts: unknown };
export type UnreadCounts = { readonly notifications: number; readonly highlights: number };

/** A room that the user is or was in. */
export type RoomView = {
  membership: 'join' | 'leave';
  /** The current state, as far as it was told, by `stateKeyOf`. */
  readonly state: Map<string, ClientEvent>;
  /** Events without a gap between them, oldest first. */
  timeline: ClientEvent[];
  /** Those of them that `/messages` told, which tells the members who sent them too. */
  readonly filled: Set<string>;
  /** Whether the user was invited anew, or knocked, before anything told how they had left: then nothing does. */
  hasMissed: boolean;
  readonly summary: Map<string, unknown>;
  readonly accountData: Map<string, JsonObject>;
  /** By type, thread and user. */
  readonly receipts: Map<string, Receipt>;
  typing: readonly string[];
  unread: UnreadCounts;
  /** By thread root; threads without counts are left out. */
  unreadThreads: Map<string, UnreadCounts>;
};

export type ClientView = {
  nextBatch: string | undefined;
  readonly rooms: Map<string, RoomView>;
  readonly invites: Map<string, readonly StrippedEvent[]>;
  readonly knocks: Map<string, readonly StrippedEvent[]>;
  readonly accountData: Map<string, JsonObject>;
  /** Events of which a redaction was seen. */
  readonly redacted: Set<string>;
  /** What no answer may have, whatever came before it. */
  readonly problems: string[];
  /** How often what happened that not every history has. */
  readonly happened: Map<string, number>;
};

export function count(counts: Map<string, number>, what: string, times = 1): void {
  counts.set(what, (counts.get(what) ?? 0) + times);
}

/** A client that starts knows nothing; what happened to it before counts on. */
export function emptyView(happened = new Map<string, number>()): ClientView {
  return {
    happened,
    nextBatch: undefined,
    rooms: new Map(),
    invites: new Map(),
    knocks: new Map(),
    accountData: new Map(),
    redacted: new Set(),
    problems: [],
  };
}

export function emptyRoom(): RoomView {
  return {
    membership: 'join',
    state: new Map(),
    timeline: [],
    filled: new Set(),
    hasMissed: false,
    summary: new Map(),
    accountData: new Map(),
    receipts: new Map(),
    typing: [],
    unread: { notifications: 0, highlights: 0 },
    unreadThreads: new Map(),
  };
}

export const stateKeyOf = (event: { readonly type: string; readonly state_key?: string }): string =>
  JSON.stringify([event.type, event.state_key]);
