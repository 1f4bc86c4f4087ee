/** Owns what a room's section has beside events and their state: account data, ephemeral events and unread counts. */
import { joinedJson } from '#sync/join-json.ts';

/** JSON texts of events, by room. */
export class RoomExtras {
  readonly #accountData = new Map<number, string[]>();
  readonly #ephemeral = new Map<number, string[]>();
  readonly #read = new Set<number>();
  readonly #unread = new Map<number, string>();

  addAccountData(roomNid: number, json: string): void {
    put(this.#accountData, roomNid, json);
  }

  addEphemeral(roomNid: number, json: string): void {
    put(this.#ephemeral, roomNid, json);
  }

  /** The user has read on in the room, perhaps by a receipt that their filter leaves out. */
  markRead(roomNid: number): void {
    this.#read.add(roomNid);
  }

  /** Members of the room's JSON object, which every room in the answer has. */
  setUnread(roomNid: number, json: string): void {
    this.#unread.set(roomNid, json);
  }

  has(roomNid: number): boolean {
    return this.#accountData.has(roomNid) || this.#ephemeral.has(roomNid) || this.#read.has(roomNid);
  }

  /**
   * The members of the room's JSON object, each with a comma before it. A joined room has its ephemeral events, be there none,
   * as it has its state and timeline: not every client knows that they may be left out.
   */
  jsonOf(roomNid: number, section: 'join' | 'leave'): string {
    const accountData = this.#accountData.get(roomNid);
    const ephemeral = this.#ephemeral.get(roomNid) ?? (section === 'join' ? [] : undefined);
    return (
      (ephemeral === undefined ? '' : `,"ephemeral":${joinedJson(ephemeral)}`) +
      (accountData === undefined ? '' : `,"account_data":${joinedJson(accountData)}`) +
      (this.#unread.get(roomNid) ?? '')
    );
  }
}

function put(byRoom: Map<number, string[]>, roomNid: number, json: string): void {
  const found = byRoom.get(roomNid);
  if (found === undefined) byRoom.set(roomNid, [json]);
  else found.push(json);
}
