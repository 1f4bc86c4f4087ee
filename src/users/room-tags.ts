/** Owns the tags that users give to rooms. Specification: Client-Server API, "Room Tagging". */
import { MatrixError } from '#matrix/error.ts';
import type { ReadTx } from '#storage/database.ts';
import type { WriteStreams } from '#streams/stream-writer.ts';
import { changeAccountData, findAccountData } from '#users/account-data.ts';

const TAG_BYTES_MAX = 255;
const TAGS_MAX = 100;

type RoomOfUser = { readonly userNid: number; readonly roomNid: number };
type Tags = { [tag: string]: unknown };

/** By name the content of each tag. */
export async function findRoomTags(db: ReadTx, room: RoomOfUser): Promise<Readonly<Tags>> {
  return tagsOf(await findAccountData(db, { ...room, type: 'm.tag' }));
}

/** Gives the room a tag, or the tag another content. Throws M_INVALID_PARAM for a name that is too long. */
export async function setRoomTag(
  write: WriteStreams,
  room: RoomOfUser,
  tag: string,
  content: Readonly<Record<string, unknown>>,
): Promise<void> {
  if (Buffer.byteLength(tag) > TAG_BYTES_MAX) {
    throw new MatrixError('M_INVALID_PARAM', `The name of a tag has at most ${TAG_BYTES_MAX} bytes.`);
  }
  await write('userData', (tx) =>
    changeAccountData(tx, { ...room, type: 'm.tag' }, (text) => {
      const tags = tagsOf(text);
      if (!Object.hasOwn(tags, tag) && Object.keys(tags).length >= TAGS_MAX) {
        throw new MatrixError('M_RESOURCE_LIMIT_EXCEEDED', `A room has at most ${TAGS_MAX} tags.`);
      }
      return textOf({ ...tags, [tag]: content });
    }),
  );
}

/** Takes a tag away; one that is not there leaves everything as it is. */
export async function deleteRoomTag(write: WriteStreams, room: RoomOfUser, tag: string): Promise<void> {
  await write('userData', (tx) =>
    changeAccountData(tx, { ...room, type: 'm.tag' }, (text) => {
      const { [tag]: gone, ...others } = tagsOf(text);
      return gone === undefined ? undefined : textOf(others);
    }),
  );
}

/** Clients may write `m.tag` as account data too, so it can be anything. */
function tagsOf(text: string | undefined): Tags {
  const content: unknown = text === undefined ? {} : JSON.parse(text);
  const tags: unknown = typeof content === 'object' && content !== null && 'tags' in content ? content.tags : {};
  return typeof tags === 'object' && tags !== null && !Array.isArray(tags) ? { ...tags } : {};
}

function textOf(tags: Tags): string {
  return JSON.stringify({ tags });
}
