/** Owns what an event does under the rules that everybody has, for all its readers at once. */
import { isJsonObject } from '#matrix/pdu-format.ts';
import type { JsonObject } from '#matrix/pdu.ts';

export type DefaultNotification = {
  /** 1 if it notifies those who are not mentioned, else 0. */
  readonly step: number;
  /** User ids of those whom it highlights, '' for everybody. The sender is never among them. */
  readonly highlighted: readonly string[];
};

const nothing: DefaultNotification = { step: 0, highlighted: [] };
const everybody = [''];
const none: readonly string[] = [];
const MENTIONS_MAX = 500;
const notifyingTypes: ReadonlySet<string> = new Set(['m.room.message', 'm.room.encrypted', 'm.call.invite']);

/**
 * The same as evaluating the default rules for each reader, which a test compares. `mayNotifyRoom` is asked only where a
 * whole room is mentioned. Specification: Client-Server API, "Predefined Rules".
 */
export function selectDefaultNotification(
  event: {
    readonly type: string;
    readonly sender: string;
    readonly state_key?: string;
    readonly content: JsonObject;
  },
  mayNotifyRoom: () => boolean,
): DefaultNotification {
  const { type, sender, state_key: stateKey, content } = event;
  const { msgtype } = content;
  // The rules compare in lower case; suppressed before anybody's mention is looked at.
  if (typeof msgtype === 'string' && msgtype.toLowerCase() === 'm.notice') return nothing;
  const kind = type.toLowerCase();
  if (kind === 'm.room.member') return nothing;
  const mentions = content['m.mentions'];
  const isRoomMention = isJsonObject(mentions) && mentions['room'] === true && mayNotifyRoom();
  const isTombstone = kind === 'm.room.tombstone' && stateKey === '';
  const highlighted = isRoomMention || isTombstone ? everybody : mentionedIn(mentions, sender);
  if (isTombstone) return { step: 1, highlighted };
  const isEdit = relTypeOf(content) === 'm.replace';
  return { step: notifyingTypes.has(kind) && !isEdit ? 1 : 0, highlighted };
}

function mentionedIn(mentions: unknown, sender: string): readonly string[] {
  const userIds: unknown =
    typeof mentions === 'object' && mentions !== null && 'user_ids' in mentions ? mentions.user_ids : undefined;
  if (!Array.isArray(userIds)) return none;
  const mentioned = new Set<string>();
  for (const userId of userIds) {
    if (typeof userId !== 'string' || userId === '' || userId === sender || userId.includes('\0')) continue;
    mentioned.add(userId);
    if (mentioned.size >= MENTIONS_MAX) break;
  }
  return [...mentioned];
}

function relTypeOf(content: JsonObject): unknown {
  const relation = content['m.relates_to'];
  return isJsonObject(relation) ? relation['rel_type'] : undefined;
}
