/** Owns reading a sync filter: what of each room a client asks for. */
import { compileGlob } from '#matrix/glob.ts';
import { isRoomId, isUserId } from '#matrix/ids.ts';
import type { TimelineCondition } from '#storage/streams/find-timelines.ts';

/** Whether a room, an event type or a sender is wanted. `not_*` wins over the list it denies. */
export type EventFilter = {
  /** Events about several users, such as receipts, have no sender: a list of senders does not name it. */
  readonly matches: (type: string, sender?: string) => boolean;
  readonly hasRoom: (roomId: string) => boolean;
  /** Whether every event of a room that is wanted matches. */
  readonly isOpen: boolean;
  /** Whether the content must have a `url`, or must have none; undefined if that does not matter. */
  readonly containsUrl: boolean | undefined;
  readonly condition: TimelineCondition;
};

/** The form in which events are given: not as clients usually get them, or not whole. */
export type EventShape = {
  /** Paths of what is left of each event; undefined for all of it. */
  readonly fields: readonly string[] | undefined;
  /** As servers exchange them. */
  readonly isFederation: boolean;
};

export type SyncFilter = {
  readonly hasRoom: (roomId: string) => boolean;
  readonly includeLeave: boolean;
  readonly timeline: EventFilter & { readonly limit: number; readonly unreadThreads: boolean };
  readonly state: EventFilter & { readonly lazyLoadMembers: boolean; readonly includeRedundantMembers: boolean };
  /** Undefined for whole events in the form for clients. */
  readonly shape: EventShape | undefined;
  readonly ephemeral: EventFilter;
  readonly roomAccountData: EventFilter;
  /** Of the account, not of a room. */
  readonly accountData: EventFilter;
  readonly presence: EventFilter;
};

export type FilterVerdict =
  | { readonly ok: true; readonly filter: SyncFilter }
  | { readonly ok: false; readonly reason: string };

const TIMELINE_LIMIT = 10;
const TIMELINE_LIMIT_MAX = 100;

class FilterFault extends Error {}
type Section = Readonly<Record<string, unknown>>;

/** Reads a filter's JSON text. Specification: Client-Server API, "Filtering". */
export function readSyncFilter(json: string): FilterVerdict {
  try {
    const whole = asObject(JSON.parse(json), 'The filter');
    const room = section(whole, 'room');
    const timeline = section(room, 'timeline');
    const state = section(room, 'state');
    const limit = Math.min(integer(timeline, 'limit', TIMELINE_LIMIT), TIMELINE_LIMIT_MAX);
    const filter: SyncFilter = {
      hasRoom: roomTest(room),
      includeLeave: flag(room, 'include_leave'),
      timeline: { ...eventFilter(timeline), limit, unreadThreads: flag(timeline, 'unread_thread_notifications') },
      state: {
        ...eventFilter(state),
        lazyLoadMembers: flag(state, 'lazy_load_members'),
        includeRedundantMembers: flag(state, 'include_redundant_members'),
      },
      shape: eventShape(whole),
      ephemeral: eventFilter(section(room, 'ephemeral')),
      roomAccountData: eventFilter(section(room, 'account_data')),
      accountData: eventFilter(section(whole, 'account_data')),
      presence: eventFilter(section(whole, 'presence')),
    };
    return { ok: true, filter };
  } catch (error) {
    if (error instanceof FilterFault) return { ok: false, reason: error.message };
    if (error instanceof SyntaxError) return { ok: false, reason: 'The filter is no valid JSON.' };
    throw error;
  }
}

function eventShape(whole: Section): EventShape | undefined {
  const fields = strings(whole, 'event_fields');
  const { event_format: format = 'client' } = whole;
  if (format !== 'client' && format !== 'federation') {
    throw new FilterFault('event_format of the filter is neither client nor federation.');
  }
  return fields === undefined && format === 'client' ? undefined : { fields, isFederation: format === 'federation' };
}

function eventFilter(source: Section): EventFilter {
  const [types, notTypes] = [strings(source, 'types'), strings(source, 'not_types')];
  const [senders, notSenders] = [ids(source, 'senders', isUserId), ids(source, 'not_senders', isUserId)];
  const containsUrl = source['contains_url'] === undefined ? undefined : flag(source, 'contains_url');
  const [typeGlobs, notTypeGlobs] = [types?.map(starGlob), notTypes?.map(starGlob)];
  return {
    matches: (type, sender) =>
      (typeGlobs?.some((glob) => glob(type)) ?? true) &&
      !(notTypeGlobs?.some((glob) => glob(type)) ?? false) &&
      (senders === undefined || (sender !== undefined && senders.includes(sender))) &&
      (sender === undefined || notSenders?.includes(sender) !== true),
    hasRoom: roomTest(source),
    isOpen: [types, notTypes, senders, notSenders, containsUrl].every((each) => each === undefined),
    containsUrl,
    condition: {
      types: likePatterns(types),
      notTypes: likePatterns(notTypes),
      senders: senders ?? null,
      notSenders: notSenders ?? null,
      containsUrl: containsUrl ?? null,
    },
  };
}

/** In filters only the star is special. */
function starGlob(pattern: string): (text: string) => boolean {
  return pattern.includes('*') && !pattern.includes('?') ? compileGlob(pattern) : (text) => text === pattern;
}

/** PostgreSQL refuses U+0000, which no type has. */
function likePatterns(patterns: readonly string[] | undefined): string[] | null {
  if (patterns === undefined) return null;
  return patterns
    .filter((pattern) => !pattern.includes('\0'))
    .map((pattern) => pattern.replaceAll(/[\\%_]/g, String.raw`\$&`).replaceAll('*', '%'));
}

function roomTest(source: Section): (roomId: string) => boolean {
  const rooms = ids(source, 'rooms', isRoomId);
  const notRooms = ids(source, 'not_rooms', isRoomId);
  if (rooms === undefined && notRooms === undefined) return () => true;
  const wanted = rooms && new Set(rooms);
  const unwanted = new Set(notRooms);
  return (roomId) => (wanted?.has(roomId) ?? true) && !unwanted.has(roomId);
}

function asObject(value: unknown, what: string): Section {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new FilterFault(`${what} is no object.`);
  return { ...value };
}

function section(source: Section, key: string): Section {
  const value = source[key];
  return value === undefined || value === null ? {} : asObject(value, `${key} of the filter`);
}

function strings(source: Section, key: string): string[] | undefined {
  const value = source[key];
  if (value === undefined || value === null) return undefined;
  const isText = (each: unknown): each is string => typeof each === 'string';
  if (!Array.isArray(value) || !value.every(isText))
    throw new FilterFault(`${key} of the filter is no list of strings.`);
  return value;
}

function ids(source: Section, key: string, isId: (text: string) => boolean): string[] | undefined {
  const texts = strings(source, key);
  const odd = texts?.find((text) => !isId(text));
  if (odd !== undefined) throw new FilterFault(`${key} of the filter has ${JSON.stringify(odd)}, which is no such id.`);
  return texts;
}

function integer(source: Section, key: string, fallback: number): number {
  const value = source[key];
  if (value === undefined || value === null) return fallback;
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) {
    throw new FilterFault(`${key} of the filter is no whole number of 0 or more.`);
  }
  return value;
}

function flag(source: Section, key: string): boolean {
  const value = source[key];
  if (value === undefined || value === null) return false;
  if (typeof value !== 'boolean') throw new FilterFault(`${key} of the filter is neither true nor false.`);
  return value;
}
