/** Owns the short notation in which authorisation cases are written down: people, state before the event, the event. */

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };
export type Content = { readonly [key: string]: Json };

/** One event as the case files give it; the README of the vectors describes every field. */
export type AuthEvent = {
  readonly event_id: string;
  readonly type: string;
  readonly sender: string;
  readonly room_id: string;
  readonly state_key?: string;
  readonly content: Content;
  readonly redacts?: string;
  readonly auth_events: readonly string[];
  readonly prev_events: readonly string[];
  readonly origin_server_ts: number;
  readonly depth: number;
};

/** A state event before ids, room and graph are filled in. */
export type StateSketch = {
  readonly id: string;
  readonly type: string;
  readonly stateKey: string;
  readonly sender: string;
  readonly content: Content;
};

/** The event to be judged; what is left out is filled in as an honest server would. */
export type EventSketch = {
  readonly id?: string;
  readonly type: string;
  readonly sender: string;
  readonly stateKey?: string;
  readonly content?: Content;
  readonly redacts?: string;
  readonly prevEvents?: readonly string[];
  readonly roomId?: string;
};

export type RejectableEvent = AuthEvent & { readonly rejected: boolean };

/** How the entries of `auth_events` differ from what the selection algorithm gives. */
export type AuthEventsTwist = (room: {
  readonly state: readonly AuthEvent[];
  readonly selected: readonly AuthEvent[];
}) => readonly RejectableEvent[];

export type Sketch = {
  readonly name: string;
  readonly versions: readonly string[];
  /** The rule's name in rules.json; its number is looked up for each version. */
  readonly rule: string;
  readonly expect: 'allowed' | 'denied';
  readonly why: string;
  /** Where the text leaves room, the reading that the case takes. */
  readonly reading?: string;
  /** Whether the one signature that the case turns on is valid. */
  readonly verify?: 'ok' | 'fail';
  /** More content of the create event; `null` removes a property. */
  readonly create?: Content;
  readonly createSender?: string;
  /** State after the create event. The creator's own join is put first unless `alone` is set. */
  readonly state?: readonly StateSketch[];
  readonly alone?: boolean;
  /** There is no room yet: the event is the first one. */
  readonly noRoom?: boolean;
  readonly event: EventSketch;
  readonly authEvents?: AuthEventsTwist;
  /** Version 12: which event `room_id` names, when that is the point of the case. */
  readonly namedByRoomId?: 'the create event' | 'a rejected create event' | 'a member event' | 'nothing';
  /** Version 12: the create event carried a `room_id` when it was received. */
  readonly createHasRoomId?: boolean;
};

export const creator = '@creator:a.test';
export const alice = '@alice:a.test';
export const bob = '@bob:b.test';
export const carol = '@carol:a.test';
export const dave = '@dave:b.test';

/** 2^53 − 1, the highest level that canonical JSON can carry. */
export const highestLevel = 9007199254740991;

const everyVersion = ['1', '2', '3', '4', '5', '6', '7', '8', '9', '10', '11', '12'];
export const all = everyVersion;
export const since = (first: number): readonly string[] => everyVersion.slice(first - 1);
export const until = (last: number): readonly string[] => everyVersion.slice(0, last);
export const between = (first: number, last: number): readonly string[] => everyVersion.slice(first - 1, last);

/** A number whose source text matters, such as `1e400`; it is written to the file as it stands. */
export const rawNumber = (text: string): string => `raw-number(${text})`;

const localpart = (user: string): string => user.slice(1, user.indexOf(':'));

export function member(user: string, membership: string, content: Content = {}): StateSketch {
  const ownDoing = membership === 'join' || membership === 'leave' || membership === 'knock';
  return {
    id: `$member-${localpart(user)}`,
    type: 'm.room.member',
    stateKey: user,
    sender: ownDoing ? user : creator,
    content: { membership, ...content },
  };
}

export const joined = (user: string): StateSketch => member(user, 'join');

export function stateEvent(type: string, content: Content, stateKey = '', sender = creator): StateSketch {
  const id = `$${type.replace('m.room.', '').replaceAll('_', '-')}`;
  return { id, type, stateKey, sender, content };
}

export const power = (content: Content): StateSketch => ({
  ...stateEvent('m.room.power_levels', content),
  id: '$power',
});
export const joinRule = (rule: string): StateSketch => stateEvent('m.room.join_rules', { join_rule: rule });

/** A membership event about `target`. */
export function membership(sender: string, target: string, value: Json, content: Content = {}): EventSketch {
  return { type: 'm.room.member', sender, stateKey: target, content: { membership: value, ...content } };
}

export const join = (user: string, content: Content = {}): EventSketch => membership(user, user, 'join', content);
export const message = (sender: string): EventSketch => ({
  type: 'm.room.message',
  sender,
  content: { msgtype: 'm.text', body: 'Hello' },
});
export const roomName = (sender: string): EventSketch => ({
  type: 'm.room.name',
  sender,
  stateKey: '',
  content: { name: 'Harbour' },
});
export const setPower = (sender: string, content: Content): EventSketch => ({
  type: 'm.room.power_levels',
  sender,
  stateKey: '',
  content,
});
