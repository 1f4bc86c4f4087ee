/** Owns a room as another server makes it: signed events with forks, and the state that the text gives after each. */
import assert from 'node:assert/strict';
import { buildEvent } from '#matrix/build-event.ts';
import { checkAuth } from '#matrix/auth-rules/check-auth.ts';
import { authEventOf } from '#matrix/auth-event.ts';
import { selectAuthTypes } from '#matrix/auth-rules/select-auth-types.ts';
import { validatePdu } from '#matrix/pdu-checks.ts';
import { eventIdsOf, type EventReference, type JsonObject } from '#matrix/pdu.ts';
import { findRoomVersion, type RoomVersion } from '#matrix/room-versions.ts';
import { generateSigningKey, importVerifyKey } from '#matrix/signing-keys.ts';
import { checkSignatures, type Signer } from '#matrix/signing.ts';
import type { ValidatedPdu } from '#matrix/validated-pdu.ts';
import { resolveByTheText } from '#test/vectors/state-resolution/oracle.ts';
import { createKey, joinedKey, type ResolvableEvent } from '#test/vectors/state-resolution/resolvable.ts';

export const creator = '@creator:far.test';
export const friend = '@friend:far.test';
export const guest = '@guest:far.test';

export type ForeignDraft = {
  readonly type: string;
  readonly sender: string;
  readonly stateKey?: string;
  readonly content?: JsonObject;
  readonly redacts?: string;
  readonly ts?: number;
  /** Instead of what the state before the event makes it cite. */
  readonly authEvents?: readonly string[];
};

export type ForeignEvent = {
  readonly pdu: ValidatedPdu;
  readonly prevIds: readonly string[];
  readonly stateBefore: ReadonlyMap<string, string>;
  readonly stateAfter: ReadonlyMap<string, string>;
  /** Whether the auth rules allow it in the state before it. */
  readonly isAllowed: boolean;
};

export class ForeignRoom {
  readonly version: RoomVersion;
  readonly events = new Map<string, ForeignEvent>();
  readonly #resolvable = new Map<string, ResolvableEvent>();
  readonly #signer: Signer = { serverName: 'far.test', key: generateSigningKey('far') };
  readonly #name: string;
  roomId = '';
  #ts = 1_700_000_000_000;

  /** Several in one database need names, which make their ids differ in every version. */
  constructor(versionId: string, name = 'room') {
    const version = findRoomVersion(versionId);
    assert.ok(version);
    this.version = version;
    this.#name = name;
  }

  /** A public room of the creator's with two more members; gives its events in order. */
  start(): string[] {
    const users: JsonObject = this.version.privilegedCreators ? { [friend]: 50 } : { [creator]: 100, [friend]: 50 };
    const own: JsonObject = this.version.creatorInContent ? { creator } : {};
    const drafts: ForeignDraft[] = [
      {
        type: 'm.room.create',
        sender: creator,
        stateKey: '',
        content: { ...own, room_version: this.version.id, 'test.name': this.#name },
      },
      membership(creator, creator, 'join'),
      { type: 'm.room.power_levels', sender: creator, stateKey: '', content: { users } },
      { type: 'm.room.join_rules', sender: creator, stateKey: '', content: { join_rule: 'public' } },
      membership(friend, friend, 'join'),
      membership(guest, guest, 'join'),
    ];
    const ids: string[] = [];
    for (const draft of drafts) ids.push(this.add(draft, ids.slice(-1)));
    return ids;
  }

  /** Signs the event after these predecessors. It need not be allowed. */
  add(draft: ForeignDraft, prevIds: readonly string[]): string {
    const { version } = this;
    const { type, sender, stateKey, content = {}, ts = (this.#ts += 1000) } = draft;
    const stateBefore = this.stateAfterAll(prevIds);
    const shape = { type, sender, content, ...(stateKey === undefined ? {} : { state_key: stateKey }) };
    const selected = selectAuthTypes(shape, version).flatMap(
      ([type, stateKey]) => stateBefore.get(joinedKey(type, stateKey)) ?? [],
    );
    const authIds = draft.authEvents ?? selected;
    const reference = (id: string): EventReference => id;
    const depth = 1 + Math.max(0, ...prevIds.map((id) => this.require(id).pdu.pdu.depth));
    const verdict = buildEvent(
      {
        ...shape,
        ...(type === 'm.room.create' && version.roomIdIsCreateHash ? {} : { room_id: this.#roomId() }),
        ...(draft.redacts === undefined ? {} : { redacts: draft.redacts }),
      },
      {
        version,
        signer: this.#signer,
        prevEvents: prevIds.map(reference),
        authEvents: authIds.map(reference),
        depth,
        originServerTs: ts,
      },
    );
    assert.ok(verdict.ok);
    const pdu = this.#receive(verdict.event.json);
    this.roomId = pdu.roomId;
    const event = authEventOf(pdu.pdu, pdu.eventId, version);
    const { isAllowed } = this.#judge(event, stateBefore);
    const stateAfter = new Map(stateBefore);
    if (isAllowed && stateKey !== undefined) stateAfter.set(joinedKey(type, stateKey), pdu.eventId);
    this.events.set(pdu.eventId, { pdu, prevIds, stateBefore, stateAfter, isAllowed });
    if (stateKey !== undefined) {
      const gens = authIds.map((id) => this.#resolvable.get(id)?.authGen ?? 0);
      this.#resolvable.set(pdu.eventId, {
        eventId: pdu.eventId,
        type,
        stateKey,
        sender,
        content,
        originServerTs: ts,
        depth,
        authEventIds: authIds,
        rejected: !isAllowed,
        authGen: 1 + Math.max(0, ...gens),
      });
    }
    return pdu.eventId;
  }

  /** Takes in an event that another server has made, with what it followed here. */
  adopt(pdu: ValidatedPdu): void {
    const { type, state_key: stateKey, sender, content, depth } = pdu.pdu;
    const prevIds = eventIdsOf(pdu.pdu.prev_events);
    const authEventIds = eventIdsOf(pdu.pdu.auth_events);
    const stateBefore = this.stateAfterAll(prevIds);
    const stateAfter = new Map(stateBefore);
    if (stateKey !== undefined) stateAfter.set(joinedKey(type, stateKey), pdu.eventId);
    this.events.set(pdu.eventId, { pdu, prevIds, stateBefore, stateAfter, isAllowed: true });
    if (stateKey === undefined) return;
    const originServerTs = pdu.pdu.origin_server_ts;
    const authGen = 1 + Math.max(0, ...authEventIds.map((id) => this.#resolvable.get(id)?.authGen ?? 0));
    const resolvable = { type, stateKey, sender, content, depth, authEventIds, originServerTs, authGen };
    this.#resolvable.set(pdu.eventId, { ...resolvable, eventId: pdu.eventId, rejected: false });
  }

  require(id: string): ForeignEvent {
    const event = this.events.get(id);
    assert.ok(event, id);
    return event;
  }

  /** The state before an event that follows all of these. */
  stateAfterAll(ids: readonly string[]): ReadonlyMap<string, string> {
    const states = ids.map((id) => this.require(id).stateAfter);
    return states.length === 0 ? new Map() : resolveByTheText(this.version, states, this.#resolvable);
  }

  #roomId(): string {
    return this.roomId === '' ? `!${this.#name}:far.test` : this.roomId;
  }

  /** As federation takes an event: from its bytes, with its hash and signature checked. */
  #receive(json: string): ValidatedPdu {
    const verdict = validatePdu(Buffer.from(json), this.version);
    assert.ok(verdict.ok && verdict.event.contentHashMatches);
    const key = importVerifyKey(this.#signer.key.publicKey);
    assert.ok(key);
    const keys = new Map([[this.#signer.key.keyId, key]]);
    const { signedText, pdu } = verdict.event;
    assert.ok(checkSignatures(signedText, pdu.signatures, 'far.test', keys).ok);
    return verdict.event;
  }

  #judge(event: ReturnType<typeof authEventOf>, state: ReadonlyMap<string, string>): { readonly isAllowed: boolean } {
    const find = (type: string, stateKey: string) => {
      const key = joinedKey(type, stateKey);
      const id = state.get(key === createKey ? createKey : key);
      const found = id === undefined ? undefined : this.events.get(id)?.pdu;
      return found === undefined ? undefined : authEventOf(found.pdu, found.eventId, this.version);
    };
    return { isAllowed: checkAuth(event, this.version, find, { verify: () => false }).allowed };
  }
}

export function membership(sender: string, target: string, membership: string): ForeignDraft {
  return { type: 'm.room.member', sender, stateKey: target, content: { membership } };
}
