/** Owns what people do in a random history, as data: rooms and users are numbers, events are shares of what was sent. */

/** A place in the list of the events sent to a room so far, from 0, the first, to 1, the last. */
export type Share = number;

/** Instead of the number of a user: the other server, and whoever is there. */
export const far = -1;

export type ForkAct = 'message' | 'topic' | 'name' | 'level' | 'joinRule' | 'invite' | 'kick' | 'ban' | 'unban';

type InRoom = { readonly by: number; readonly room: number };
export type Operation =
  | {
      readonly kind: 'createRoom';
      readonly by: number;
      readonly preset: string;
      readonly invites: readonly number[];
      readonly version: string | null;
    }
  /** A public room of another server's, in which some of the users have power once they have joined. */
  | { readonly kind: 'farRoom'; readonly by: typeof far; readonly version: string; readonly admins: readonly number[] }
  /** An event of another server's after any other one, and perhaps after the newest one too. */
  | (InRoom & {
      readonly kind: 'fork';
      readonly by: typeof far;
      readonly event: Share;
      readonly followsNewest: boolean;
      readonly act: ForkAct;
      readonly sender: 'creator' | 'friend' | 'guest';
      readonly user: number;
      readonly text: string;
      readonly level: number;
    })
  | (InRoom & { readonly kind: 'send'; readonly text: string })
  | (InRoom & { readonly kind: 'edit' | 'react' | 'reply' | 'thread'; readonly event: Share; readonly text: string })
  | (InRoom & { readonly kind: 'redact'; readonly event: Share })
  | (InRoom & { readonly kind: 'mention'; readonly user: number })
  | (InRoom & {
      readonly kind: 'state';
      readonly type: string;
      readonly stateKey: string;
      readonly content: Readonly<Record<string, unknown>>;
    })
  | (InRoom & { readonly kind: 'level'; readonly user: number; readonly level: number })
  | (InRoom & { readonly kind: 'invite' | 'kick' | 'ban' | 'unban'; readonly user: number })
  | (InRoom & { readonly kind: 'join' | 'leave' | 'knock' | 'forget' | 'upgrade' })
  | (InRoom & {
      readonly kind: 'receipt';
      readonly event: Share;
      readonly type: 'm.read' | 'm.read.private' | 'm.fully_read';
      readonly thread: 'none' | 'main';
    })
  | (InRoom & { readonly kind: 'readMarkers'; readonly event: Share })
  | (InRoom & { readonly kind: 'roomAccountData' | 'tag' | 'untag'; readonly name: string; readonly value: number })
  | { readonly kind: 'accountData'; readonly by: number; readonly name: string; readonly value: number }
  | { readonly kind: 'ignore'; readonly by: number; readonly users: readonly number[] }
  | (InRoom & { readonly kind: 'typing'; readonly isTyping: boolean })
  | { readonly kind: 'displayName'; readonly by: number; readonly name: string }
  /** The user's client asks for what is new; when the answer is lost on its way, it asks the same again later. */
  | { readonly kind: 'sync'; readonly by: number; readonly isLost: boolean };

export const operationKinds: readonly Operation['kind'][] = [
  ...(['createRoom', 'upgrade', 'farRoom', 'fork', 'state', 'level', 'sync'] as const),
  ...(['send', 'edit', 'react', 'reply', 'thread', 'mention', 'redact', 'typing'] as const),
  ...(['invite', 'join', 'leave', 'kick', 'ban', 'unban', 'knock', 'forget', 'displayName', 'ignore'] as const),
  ...(['receipt', 'readMarkers', 'roomAccountData', 'tag', 'untag', 'accountData'] as const),
];
