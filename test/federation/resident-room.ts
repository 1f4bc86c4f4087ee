/** Owns a room of a scripted server, of any version, into which it lets others as the specification says. */
import assert from 'node:assert/strict';
import { selectAuthTypes } from '#matrix/auth-rules/select-auth-types.ts';
import { joinedKey } from '#matrix/joined-key.ts';
import { validatePdu } from '#matrix/pdu-checks.ts';
import { isJsonObject } from '#matrix/pdu-format.ts';
import type { EventReference, JsonObject, JsonValue } from '#matrix/pdu.ts';
import { findRoomVersion, type RoomVersion } from '#matrix/room-versions.ts';
import { signEvent } from '#matrix/signing.ts';
import type { ValidatedPdu } from '#matrix/validated-pdu.ts';
import { referenceTo } from '#rooms/persist/event-reference.ts';
import { PeerReply, type Peer, type PeerRequest } from '#test/support/peer.ts';

export type ResidentDraft = {
  readonly type: string;
  readonly sender?: string;
  readonly stateKey?: string;
  readonly content?: JsonObject;
};

let lastTs = Date.now() - 1_000_000;
let lastId = 0;

export class ResidentRoom {
  readonly peer: Peer;
  readonly version: RoomVersion;
  readonly creator: string;
  roomId: string;
  /** Every event, in order: the room has no forks. */
  readonly events: ValidatedPdu[] = [];
  readonly state = new Map<string, ValidatedPdu>();

  /** A room of the peer's creator with these join rules. */
  constructor(peer: Peer, versionId: string, joinRules: JsonObject = { join_rule: 'public' }) {
    const version = findRoomVersion(versionId);
    assert.ok(version);
    this.peer = peer;
    this.version = version;
    this.creator = peer.userId('creator');
    this.roomId = `!room${++lastId}:${peer.name}`;
    const own = version.creatorInContent ? { creator: this.creator } : {};
    this.setState('m.room.create', '', { ...own, room_version: versionId, n: ++lastId });
    this.member(this.creator, 'join');
    const users = version.privilegedCreators ? {} : { [this.creator]: 100 };
    this.setState('m.room.power_levels', '', { users, invite: 0 });
    this.setState('m.room.join_rules', '', joinRules);
  }

  setState(type: string, stateKey: string, content: JsonObject, sender = this.creator): ValidatedPdu {
    return this.add({ type, stateKey, content, sender });
  }

  member(userId: string, membership: string, sender = userId): ValidatedPdu {
    return this.setState('m.room.member', userId, { membership }, sender);
  }

  say(body: string): ValidatedPdu {
    return this.add({ type: 'm.room.message', content: { msgtype: 'm.text', body } });
  }

  /** Signs an event at the end of the room. */
  add(draft: ResidentDraft): ValidatedPdu {
    const event = this.build(draft);
    if (event.pdu.type === 'm.room.create') this.roomId = event.roomId;
    this.accept(event);
    return event;
  }

  /** An event that would come next. */
  build({ type, sender = this.creator, stateKey, content = {} }: ResidentDraft): ValidatedPdu {
    const { version, peer } = this;
    const hasId = !(type === 'm.room.create' && version.roomIdIsCreateHash);
    return peer.buildEvent(
      {
        ...this.place({ type, sender, stateKey, content }),
        type,
        sender,
        content,
        origin_server_ts: ++lastTs,
        ...(stateKey === undefined ? {} : { state_key: stateKey }),
        ...(hasId ? { room_id: this.roomId } : {}),
        ...(version.eventId === 'in-pdu' ? { event_id: `$${++lastId}:${peer.name}` } : {}),
      },
      version.id,
    );
  }

  accept(event: ValidatedPdu): void {
    this.events.push(event);
    const { type, state_key: stateKey } = event.pdu;
    if (stateKey !== undefined) this.state.set(joinedKey(type, stateKey), event);
  }

  place(draft: { type: string; sender: string; stateKey: string | undefined; content: JsonObject }): JsonObject {
    const { stateKey, ...event } = draft;
    const last = this.events.at(-1);
    const cited = selectAuthTypes(
      { ...event, ...(stateKey === undefined ? {} : { state_key: stateKey }) },
      this.version,
    )
      .map(([type, key]) => this.state.get(joinedKey(type, key)))
      .filter((found) => found !== undefined);
    const references = (events: readonly ValidatedPdu[]): EventReference[] => events.map(referenceTo);
    return {
      prev_events: references(last === undefined ? [] : [last]),
      auth_events: references(cited),
      depth: (last?.pdu.depth ?? 0) + 1,
    };
  }

  /** What `make_*` answers, unless the test wants something else. */
  template(userId: string, membership: string, content: JsonObject = {}): JsonObject {
    const full = { membership, ...content };
    const draft = { type: 'm.room.member', sender: userId, stateKey: userId, content: full };
    const event = {
      ...this.place(draft),
      type: 'm.room.member',
      room_id: this.roomId,
      sender: userId,
      state_key: userId,
      content: full,
      origin: this.peer.name,
      origin_server_ts: lastTs,
    };
    return { room_version: this.version.id, event };
  }

  /** What `send_join` answers for a join that follows the room as it is now. */
  answerJoin(): JsonObject {
    const pdus = (events: Iterable<ValidatedPdu>): JsonObject[] => Array.from(events, pduOf);
    const state = pdus(this.state.values());
    const chain = pdus(this.events.filter(({ pdu }) => pdu.state_key !== undefined));
    return { origin: this.peer.name, state, auth_chain: chain, members_omitted: false };
  }

  /** Reads an event that was handed in. */
  read(request: PeerRequest): ValidatedPdu {
    const verdict = validatePdu(request.bodyText, this.version);
    assert.ok(verdict.ok, verdict.ok ? undefined : verdict.message);
    return verdict.event;
  }

  /** Answers joins, leaves and knocks of users of other servers. */
  serve(): void {
    const { peer } = this;
    const room = encodeURIComponent(this.roomId);
    peer.answer('GET', new RegExp(`/v1/make_(join|leave|knock)/${escape(room)}/`), ({ target }) => {
      const { pathname } = new URL(target, 'https://x');
      const [, , , , make = '', , userId = ''] = pathname.split('/');
      return this.template(decodeURIComponent(userId), make.replace('make_', ''));
    });
    peer.answer('PUT', new RegExp(`/v2/send_join/${escape(room)}/`), (request) => {
      const event = this.read(request);
      const answer = { ...this.answerJoin(), event: pduOf(event) };
      this.accept(event);
      return answer;
    });
    peer.answer('PUT', new RegExp(`/v2/send_leave/${escape(room)}/`), (request) => {
      this.accept(this.read(request));
      return {};
    });
    peer.answer('PUT', new RegExp(`/v1/send_knock/${escape(room)}/`), (request) => {
      const shown = [
        this.state.get(joinedKey('m.room.create', '')),
        this.state.get(joinedKey('m.room.join_rules', '')),
      ];
      this.accept(this.read(request));
      return { knock_room_state: shown.flatMap((event) => (event === undefined ? [] : [strippedOf(event)])) };
    });
  }

  /** Stops letting anybody in. */
  refuse(status: number, errcode: string, fields: JsonObject = {}): void {
    const room = escape(encodeURIComponent(this.roomId));
    for (const method of ['GET', 'PUT']) {
      this.peer.answer(
        method,
        new RegExp(`/v[12]/(make|send)_\\w+/${room}/`),
        () => new PeerReply(status, { errcode, error: 'No.', ...fields }),
      );
    }
  }

  /** The event with the peer's signature besides those it has. */
  countersign(event: ValidatedPdu): JsonObject {
    return signEvent(pduOf(event), this.version, this.peer.signer);
  }
}

export function pduOf({ json }: ValidatedPdu): JsonObject {
  const value: JsonObject = JSON.parse(json);
  return value;
}

/** The objects of a list in JSON; none if it is no list. */
export function eventsIn(list: JsonValue | undefined): JsonObject[] {
  return Array.isArray(list) ? list.filter(isJsonObject) : [];
}

export function objectIn(value: JsonValue | undefined): JsonObject {
  return isJsonObject(value) ? value : {};
}

function strippedOf({ pdu }: ValidatedPdu): JsonObject {
  return { type: pdu.type, state_key: pdu.state_key ?? '', sender: pdu.sender, content: pdu.content };
}

const escape = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
