/** Owns one conversation of two people, from the first invitation to the comparison of what each of them saw. */
import { EventType, KnownMembership, MsgType, RelationType, type MatrixEvent } from 'matrix-js-sdk';
import assert from 'node:assert/strict';
import { requireRoom, scrollToStart, startSdkUser, untilSynced, type SdkUser } from '#test/conversation/sdk-client.ts';
import { assertError, encode, openSession, registerUser, type MatrixHttp } from '#test/support/matrix-http.ts';
import type { ClientEvent } from '#test/support/matrix-shapes.ts';

const messagesEach = 100;

/** Where each of the two is connected; the same twice for one server. */
export type ConversationOptions = {
  readonly aliceUrl: string;
  readonly bobUrl: string;
  /** Asked for when the room is made; without it the server's default, which must be `expectedVersion` too. */
  readonly roomVersion?: string;
  readonly expectedVersion: string;
};

/** What one person did, in the order in which the server acknowledged it. */
type Deeds = {
  readonly acknowledged: string[];
  /** Original event id → the event that edited it and the new text. */
  readonly edits: Map<string, { editId: string; body: string }>;
  /** Redacted event id → the event that redacted it. */
  readonly redactions: Map<string, string>;
};

/**
 * Registers two users, lets them meet in a new room and talk at the same time, with edits and redactions, and asserts
 * that both SDKs, /messages in both directions and the acknowledgements tell the same story, and that nobody else can
 * read it.
 */
export async function holdConversation(options: ConversationOptions): Promise<void> {
  await using alice = await startSdkUser(options.aliceUrl, 'alice');
  await using bob = await startSdkUser(options.bobUrl, 'bob');
  const roomId = await meet(alice, bob, options.roomVersion);
  const [byAlice, byBob] = await Promise.all([talk(alice, roomId), talk(bob, roomId)]);
  const everything = [...byAlice.acknowledged, ...byBob.acknowledged];
  assert.equal(new Set(everything).size, everything.length, 'every acknowledgement names an event of its own');
  // A client that was slower than the talk has a gap in its timeline, which it fills when it scrolls: the end is what
  // it must have seen by itself.
  const newest = (await httpOf(alice, options.aliceUrl).getMessages(roomId, { dir: 'b', limit: 1 })).chunk[0]?.event_id;
  assert.ok(newest !== undefined && everything.includes(newest), 'the last thing said was acknowledged');
  for (const user of [alice, bob]) {
    const room = requireRoom(user, roomId);
    await untilSynced(user, () => room.findEventById(newest) !== undefined, 'the last thing said');
  }
  const [seenByAlice, seenByBob] = [await scrollToStart(alice, roomId), await scrollToStart(bob, roomId)];
  assertSameStory(seenByAlice, seenByBob, [byAlice, byBob]);
  const [readByAlice, readByBob] = [httpOf(alice, options.aliceUrl), httpOf(bob, options.bobUrl)];
  for (const reader of [readByAlice, readByBob]) {
    await assertHistory(reader, roomId, idsOf(seenByAlice), [byAlice, byBob], options.expectedVersion);
    await assertMembers(reader, roomId, [alice, bob]);
  }
  await assertClosedToOthers(options.bobUrl, roomId);
}

async function meet(alice: SdkUser, bob: SdkUser, roomVersion?: string): Promise<string> {
  const { room_id: roomId } = await alice.client.createRoom({
    name: 'Two people',
    ...(roomVersion === undefined ? {} : { room_version: roomVersion }),
  });
  await untilSynced(alice, () => membershipOf(alice, roomId) === KnownMembership.Join, 'her own room');
  await alice.client.invite(roomId, bob.userId);
  await untilSynced(bob, () => membershipOf(bob, roomId) === KnownMembership.Invite, 'the invitation');
  assert.equal(requireRoom(bob, roomId).name, 'Two people', 'an invitation shows the name of the room');
  await bob.client.joinRoom(roomId);
  for (const user of [alice, bob]) {
    const isTogether = (): boolean => joinedIn(user, roomId).length === 2;
    await untilSynced(user, isTogether, 'both members');
    assert.deepEqual(joinedIn(user, roomId), [alice.userId, bob.userId].toSorted());
  }
  return roomId;
}

/** Sends the messages one after the other; of ten, one is edited and another redacted right after it was sent. */
async function talk(user: SdkUser, roomId: string): Promise<Deeds> {
  const deeds: Deeds = { acknowledged: [], edits: new Map(), redactions: new Map() };
  const note = async (sending: Promise<{ event_id: string }>): Promise<string> => {
    const { event_id: eventId } = await sending;
    deeds.acknowledged.push(eventId);
    return eventId;
  };
  const { client } = user;
  for (let i = 0; i < messagesEach; i += 1) {
    const content = { msgtype: MsgType.Text as const, body: `${user.userId} says ${i}` };
    const eventId = await note(client.sendEvent(roomId, EventType.RoomMessage, content));
    if (i % 10 === 3) {
      const body = `${user.userId} meant ${i}`;
      const edit = {
        msgtype: MsgType.Text as const,
        body: `* ${body}`,
        'm.new_content': { msgtype: MsgType.Text as const, body },
        'm.relates_to': { rel_type: RelationType.Replace as const, event_id: eventId },
      };
      deeds.edits.set(eventId, { editId: await note(client.sendEvent(roomId, EventType.RoomMessage, edit)), body });
    }
    if (i % 10 === 7) deeds.redactions.set(eventId, await note(client.redactEvent(roomId, eventId)));
  }
  return deeds;
}

/** Both SDKs hold the same events in the same order, which is each sender's order, edited and redacted alike. */
function assertSameStory(
  seenByAlice: readonly MatrixEvent[],
  seenByBob: readonly MatrixEvent[],
  deeds: readonly Deeds[],
): void {
  const ids = idsOf(seenByAlice);
  assert.deepEqual(idsOf(seenByBob), ids, 'both timelines have the same events in the same order');
  assert.equal(new Set(ids).size, ids.length, 'no event appears twice');
  assert.equal(seenByAlice[0]?.getType(), EventType.RoomCreate, 'the timeline reaches back to the start of the room');
  for (const { acknowledged } of deeds) assertSubsequence(ids, acknowledged);
  for (const seen of [seenByAlice, seenByBob]) {
    const byId = new Map(seen.map((event) => [event.getId(), event]));
    for (const [eventId, { editId, body }] of deeds.flatMap((one) => [...one.edits])) {
      const event = byId.get(eventId);
      assert.equal(event?.replacingEvent()?.getId(), editId);
      assert.equal(event.getContent()['body'], body, 'an edited message shows its new text');
    }
    for (const eventId of deeds.flatMap((one) => [...one.redactions.keys()])) {
      // What of its content the SDK still holds is the SDK's; what the server gives is asserted of /messages.
      assert.equal(byId.get(eventId)?.isRedacted(), true, 'a redacted message is shown as redacted');
    }
  }
}

/** /messages pages to the start of the room in both directions and agrees with what the SDKs saw. */
async function assertHistory(
  reader: MatrixHttp,
  roomId: string,
  ids: readonly string[],
  deeds: readonly Deeds[],
  roomVersion: string,
): Promise<void> {
  const history = await reader.getHistory(roomId, { dir: 'b', limit: 30 });
  assert.deepEqual(wireIdsOf(history), ids, '/messages backwards tells what the timelines told');
  assert.deepEqual(wireIdsOf(await reader.getHistory(roomId, { dir: 'f', limit: 70 })), ids, 'and so it does forwards');
  const byId = new Map(history.map((event) => [event.event_id, event]));
  assert.equal(history[0]?.content['room_version'], roomVersion);
  for (const [eventId, redactionId] of deeds.flatMap((one) => [...one.redactions])) {
    const event = byId.get(eventId);
    assert.deepEqual(event?.content, {}, 'a redacted message is served without its content');
    const because = event.unsigned['redacted_because'];
    assert.ok(typeof because === 'object' && because !== null && 'event_id' in because);
    assert.equal(because.event_id, redactionId);
  }
  for (const [eventId, { body }] of deeds.flatMap((one) => [...one.edits])) {
    assert.notEqual(byId.get(eventId)?.content['body'], body, 'a server does not write the edit into the original');
  }
}

async function assertMembers(reader: MatrixHttp, roomId: string, users: readonly SdkUser[]): Promise<void> {
  const members = await reader.getMembers(roomId);
  const states = members.map((event) => `${event.state_key} ${String(event.content['membership'])}`);
  assert.deepEqual(states.toSorted(), users.map((user) => `${user.userId} join`).toSorted());
}

async function assertClosedToOthers(baseUrl: string, roomId: string): Promise<void> {
  const carol = await registerUser(baseUrl);
  const room = `/rooms/${encode(roomId)}`;
  for (const path of ['/messages?dir=b', '/members', '/state', '/state/m.room.name/']) {
    assertError(await carol.raw('GET', room + path), 403, 'M_FORBIDDEN');
  }
  assertError(await carol.raw('POST', `${room}/join`, { body: {} }), 403, 'M_FORBIDDEN');
  const body = { msgtype: 'm.text', body: 'Let me in' };
  assertError(await carol.raw('PUT', `${room}/send/m.room.message/1`, { body }), 403, 'M_FORBIDDEN');
  const sync = await carol.sync();
  assert.ok(
    ![sync.join, sync.invite, sync.leave].some((section) => section.has(roomId)),
    'her sync has no trace of it',
  );
}

/** The acknowledged ids stand in the timeline in the order in which they were acknowledged. */
function assertSubsequence(ids: readonly string[], acknowledged: readonly string[]): void {
  const wanted = new Set(acknowledged);
  assert.deepEqual(
    ids.filter((id) => wanted.has(id)),
    acknowledged,
    "a sender's events stand in the order acknowledged",
  );
}

function idsOf(events: readonly MatrixEvent[]): string[] {
  return events.map((event) => event.getId() ?? 'an event without id');
}

function wireIdsOf(events: readonly ClientEvent[]): string[] {
  return events.map((event) => event.event_id);
}

function membershipOf(user: SdkUser, roomId: string): string | undefined {
  return user.client.getRoom(roomId)?.getMyMembership();
}

function joinedIn(user: SdkUser, roomId: string): string[] {
  const joined = requireRoom(user, roomId).getMembersWithMembership(KnownMembership.Join);
  return joined.map((member) => member.userId).toSorted();
}

function httpOf(user: SdkUser, baseUrl: string): MatrixHttp {
  return openSession(baseUrl, { userId: user.userId, accessToken: user.accessToken, deviceId: user.deviceId });
}
