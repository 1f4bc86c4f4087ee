/** Owns the exceptions to "only members may": what the specification lets others do with a room's id. */
import type { CallerKind } from '#test/authorisation/callers.ts';

/** Of a user's own, kept by room id whatever the user is to the room; and whether the directory lists a room. */
const open = [
  'client.getRoomVisibilityOnDirectory',
  // Who was shown a room, by an invitation or a directory, may report it.
  'client.reportRoom',
  'client.getAccountDataPerRoom',
  'client.setAccountDataPerRoom',
  'client.getRoomTags',
  'client.setRoomTag',
  'client.deleteRoomTag',
];

const exceptions: Readonly<Record<CallerKind | 'anybody', readonly string[]>> = {
  anybody: open,
  nobody: [],
  'unknown token': [],
  'logged out': [],
  deactivated: [],
  locked: [],
  suspended: [],
  outsider: [],
  // An invitation is answered.
  invited: ['client.joinRoomById', 'client.joinRoom', 'client.leaveRoom'],
  // Who is gone has a past in the room, and may forget it; leaving again is no change.
  banned: ['client.forgetRoom', 'client.leaveRoom'],
  gone: ['client.forgetRoom', 'client.leaveRoom'],
  guest: [],
  member: [],
  owner: [],
};

/** Whether a caller who is not in the room may do this, so that it has tests of its own. */
export function strangersMay(operation: string, kind: CallerKind): boolean {
  return exceptions.anybody.includes(operation) || exceptions[kind].includes(operation);
}
