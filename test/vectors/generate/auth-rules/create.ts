/** Owns the cases on the create event itself and on what follows from it for a whole room. */
import type { Content, EventSketch, Json, Sketch } from '#test/vectors/generate/sketch.ts';
import { alice, all, bob, creator, joined, membership, message, since, until } from '#test/vectors/generate/sketch.ts';

type CreateSketch = Omit<Sketch, 'event' | 'noRoom'> & { readonly event?: Partial<EventSketch>; readonly content?: Content };

function creation({ event, content, ...rest }: CreateSketch): Sketch {
  const hasCreator = rest.versions.every((version) => Number(version) <= 10);
  const base = { type: 'm.room.create', sender: creator, stateKey: '' };
  return { ...rest, noRoom: true, event: { ...base, content: content ?? (hasCreator ? { creator } : {}), ...event } };
}

const modern = since(11);
const creatorless = { name: 'create-without-creator', rule: 'create.ok', content: {} };

const events: CreateSketch[] = [
  { name: 'create-plain', versions: until(10), rule: 'create.ok', expect: 'allowed', why: 'A first event of the room by a user of the domain in the room id, with a creator.' },
  { ...creatorless, versions: modern, expect: 'allowed', why: 'The sender is the creator and the property has gone.' },
  { name: 'create-with-prev-events', versions: until(10), rule: 'create.prev-events', expect: 'denied', event: { prevEvents: ['$earlier'] }, why: 'A create event is the root of its room and follows nothing.' },
  { name: 'create-with-prev-events-modern', versions: modern, rule: 'create.prev-events', expect: 'denied', event: { prevEvents: ['$earlier'] }, why: 'A create event is the root of its room and follows nothing.' },
  { name: 'create-without-prev-events', versions: until(10), rule: 'create.prev-events', expect: 'allowed', event: { prevEvents: [] }, why: 'Nothing comes before the create event.' },
  { name: 'create-without-prev-events-modern', versions: modern, rule: 'create.prev-events', expect: 'allowed', event: { prevEvents: [] }, why: 'Nothing comes before the create event.' },
  { name: 'create-room-id-of-other-domain', versions: until(10), rule: 'create.domain', expect: 'denied', event: { roomId: '!room:b.test' }, why: 'The room id names b.test and the sender belongs to a.test.' },
  { name: 'create-room-id-of-other-domain-v11', versions: ['11'], rule: 'create.domain', expect: 'denied', event: { roomId: '!room:b.test' }, why: 'The room id names b.test and the sender belongs to a.test.' },
  { name: 'create-room-id-of-other-port', versions: until(10), rule: 'create.domain', expect: 'denied', event: { roomId: '!room:a.test:8448' }, why: 'The port is part of the server name, so the two domains differ.' },
  { name: 'create-room-id-of-other-case', versions: until(10), rule: 'create.domain', expect: 'denied', event: { roomId: '!room:A.test' }, why: 'Server names are compared by case.' },
  { name: 'create-room-id-same-domain-with-port', versions: until(10), rule: 'create.domain', expect: 'allowed', event: { roomId: '!room:a.test:8448', sender: '@creator:a.test:8448' }, content: { creator: '@creator:a.test:8448' }, why: 'Everything after the first colon is the server name, and it is the same on both sides.' },
  { name: 'create-room-id-same-domain-v11', versions: ['11'], rule: 'create.domain', expect: 'allowed', why: 'Room id and sender share their domain.' },
  { name: 'create-unknown-version', versions: until(10), rule: 'create.version', expect: 'denied', content: { creator, room_version: 'test.unknown' }, why: 'No such room version is known.' },
  { name: 'create-unknown-version-modern', versions: modern, rule: 'create.version', expect: 'denied', content: { room_version: 'test.unknown' }, why: 'No such room version is known.' },
  { name: 'create-numeric-version', versions: until(10), rule: 'create.version', expect: 'denied', content: { creator, room_version: 6 }, why: 'Room versions are strings, so the number is not one that is known.' },
  { name: 'create-empty-version', versions: until(10), rule: 'create.version', expect: 'denied', content: { creator, room_version: '' }, why: 'A room version is never the empty string.' },
  { name: 'create-without-creator-in-older-version', versions: until(10), rule: 'create.creator', expect: 'denied', content: {}, why: 'These versions want the creator in the content.' },
  { name: 'create-with-creator-in-older-version', versions: until(10), rule: 'create.creator', expect: 'allowed', why: 'The creator is there.' },
  { name: 'create-creator-other-than-sender', versions: until(10), rule: 'create.creator', expect: 'allowed', content: { creator: alice }, why: 'The rule wants the property to be there and compares it with nothing.' },
  { name: 'create-additional-creators-ignored', versions: ['11'], rule: 'create.ok', expect: 'allowed', content: { additional_creators: 'nobody' }, why: 'The property means nothing before version 12 and is not looked at.' },
];

const ownVersions: CreateSketch[] = all.map((version) => ({
  name: `create-of-version-${version}`,
  versions: [version],
  rule: 'create.version',
  expect: 'allowed',
  content: { ...(Number(version) <= 10 ? { creator } : {}), room_version: version },
  why: 'The version given is one of the specification.',
}));

const v12 = (name: string, expect: 'allowed' | 'denied', additional: Json, why: string): CreateSketch => ({
  name: `create-additional-creators-${name}`,
  versions: ['12'],
  rule: 'create.additional-creators',
  expect,
  content: { room_version: '12', additional_creators: additional },
  why,
});

const additional: CreateSketch[] = [
  v12('valid', 'allowed', [alice, bob], 'Every entry is a user id.'),
  v12('empty', 'allowed', [], 'An empty array names nobody and is still an array of user ids.'),
  v12('repeats-sender', 'allowed', [creator], 'Naming the sender once more is harmless.'),
  v12('string', 'denied', alice, 'A single string is not an array.'),
  v12('null', 'denied', null, 'The property is present and null is not an array.'),
  v12('object', 'denied', { '0': alice }, 'An object is not an array.'),
  v12('number-entry', 'denied', [alice, 7], 'One of the entries is not a string.'),
  v12('no-domain', 'denied', [alice, '@bob'], 'One of the entries lacks a server name.'),
  v12('no-sigil', 'denied', ['bob:b.test'], 'A user id begins with its sigil.'),
  v12('empty-domain', 'denied', ['@bob:'], 'The server name is empty.'),
  v12('255-bytes', 'allowed', [`@${'x'.repeat(255 - 8)}:a.test`], 'A user id may take exactly 255 bytes.'),
  v12('256-bytes', 'denied', [`@${'x'.repeat(256 - 8)}:a.test`], 'The entry is one byte longer than a user id may be.'),
  { name: 'create-with-room-id', versions: ['12'], rule: 'create.room-id', expect: 'denied', createHasRoomId: true, content: { room_version: '12' }, why: 'The create event makes the room id and so cannot carry one.' },
  { name: 'create-without-room-id', versions: ['12'], rule: 'create.room-id', expect: 'allowed', createHasRoomId: false, content: { room_version: '12' }, why: 'The create event was received without a room id.' },
  { name: 'create-of-other-domain-v12', versions: ['12'], rule: 'create.ok', expect: 'allowed', event: { sender: bob }, why: 'The room id has no domain that could differ from the one of the sender.' },
];

const inRoom = { state: [joined(alice)], event: message(alice) };
const roomId: Sketch[] = [
  { ...inRoom, name: 'room-id-of-accepted-create', versions: ['12'], rule: 'room-id.create', expect: 'allowed', namedByRoomId: 'the create event', why: 'The room id is that of an accepted create event.' },
  { ...inRoom, name: 'room-id-of-nothing', versions: ['12'], rule: 'room-id.create', expect: 'denied', namedByRoomId: 'nothing', why: 'No event has the id that the room id stands for.' },
  { ...inRoom, name: 'room-id-of-rejected-create', versions: ['12'], rule: 'room-id.create', expect: 'denied', namedByRoomId: 'a rejected create event', why: 'The create event was rejected.' },
  { ...inRoom, name: 'room-id-of-member-event', versions: ['12'], rule: 'room-id.create', expect: 'denied', namedByRoomId: 'a member event', why: 'The event that the room id stands for does not create a room.' },
];

const remote = [joined(bob)];
const closed = { 'm.federate': false };
const federate: Sketch[] = [
  { name: 'federate-false-remote-sender', versions: all, rule: 'federate', expect: 'denied', create: closed, state: remote, event: message(bob), why: 'The room is closed to other servers and the sender belongs to one.' },
  { name: 'federate-false-local-sender', versions: all, rule: 'federate', expect: 'allowed', create: closed, state: [joined(alice)], event: message(alice), why: 'The sender belongs to the server that created the room.' },
  { name: 'federate-true-remote-sender', versions: all, rule: 'federate', expect: 'allowed', create: { 'm.federate': true }, state: remote, event: message(bob), why: 'The room is open to other servers.' },
  { name: 'federate-string-remote-sender', versions: all, rule: 'federate', expect: 'allowed', create: { 'm.federate': 'false' }, state: remote, event: message(bob), why: 'Only the boolean closes the room, and this is a string.' },
  { name: 'federate-false-other-port', versions: all, rule: 'federate', expect: 'denied', create: closed, state: [joined('@erin:a.test:8448')], event: message('@erin:a.test:8448'), why: 'A server name with a port is another server name.' },
  { name: 'federate-false-remote-join', versions: all, rule: 'federate', expect: 'denied', create: closed, state: [{ id: '$join-rules', type: 'm.room.join_rules', stateKey: '', sender: creator, content: { join_rule: 'public' } }], event: membership(bob, bob, 'join'), why: 'Joining from another server is closed too, before the join rule is looked at.' },
  { name: 'federate-false-local-invites-remote', versions: all, rule: 'federate', expect: 'allowed', create: closed, state: [], event: membership(creator, bob, 'invite'), why: 'Only the domain of the sender is compared, not that of the user invited.' },
];

export const create: Sketch[] = [...[...events, ...ownVersions, ...additional].map(creation), ...roomId, ...federate];
