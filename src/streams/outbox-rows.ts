/** Owns how a message to devices of other servers is cut into EDUs. */
import { randomToken } from '#core/random.ts';
import { isUserId, serverNameOf } from '#matrix/ids.ts';
import type { OutboxRow } from '#storage/streams/stream-rows.ts';

export type ToDeviceSend = {
  /** User id of the sender. */
  readonly sender: string;
  readonly type: string;
  /** By user id and device id, or `*` for all devices of the user, the content. */
  readonly messages: Readonly<Record<string, Readonly<Record<string, object>>>>;
};

/** An EDU that is larger holds the message to one device alone: others are not held up by it. */
const EDU_BYTES_MAX = 65_536;
/** In base64 no more than the 32 characters that a message's id may have. */
const MESSAGE_ID_BYTES = 18;

type Message = { readonly userId: string; readonly deviceId: string; readonly content: object; readonly bytes: number };

/**
 * For each server one EDU, or as many as its size makes necessary, each with an id of its own, by which the server knows
 * it when it comes again. Specification: Server-Server API, "Send-to-device messaging".
 */
export function buildOutboxRows({ sender, type, messages }: ToDeviceSend): OutboxRow[] {
  const sizes = new Map<object, number>();
  const sizeOf = (content: object): number => {
    const size = sizes.get(content) ?? Buffer.byteLength(JSON.stringify(content));
    sizes.set(content, size);
    return size;
  };
  const all = Object.entries(messages)
    .filter(([userId]) => isUserId(userId))
    .flatMap(([userId, devices]) =>
      Object.entries(devices).map(([deviceId, content]): Message => {
        const bytes = userId.length + deviceId.length + sizeOf(content);
        return { userId, deviceId, content, bytes };
      }),
    );
  const byServer = Map.groupBy(all, ({ userId }) => serverNameOf(userId) ?? '');
  return Array.from(byServer, ([serverName, ofServer]) =>
    cut(ofServer).map((part) => {
      const content = { sender, type, message_id: randomToken(MESSAGE_ID_BYTES), messages: messagesOf(part) };
      return { serverName, edu: JSON.stringify(content) };
    }),
  ).flat();
}

function cut(messages: readonly Message[]): Message[][] {
  const parts: Message[][] = [];
  let room = 0;
  for (const message of messages) {
    const part = message.bytes <= room ? parts.at(-1) : undefined;
    if (part === undefined) {
      parts.push([message]);
      room = EDU_BYTES_MAX - message.bytes;
    } else {
      part.push(message);
      room -= message.bytes;
    }
  }
  return parts;
}

function messagesOf(messages: readonly Message[]): Record<string, Record<string, object>> {
  const byUser = Map.groupBy(messages, ({ userId }) => userId);
  const users = Array.from(byUser, ([userId, ofUser]) => {
    const devices = ofUser.map(({ deviceId, content }) => [deviceId, content] as const);
    return [userId, Object.fromEntries(devices)] as const;
  });
  return Object.fromEntries(users);
}
