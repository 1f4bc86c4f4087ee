/** Owns the proof of the rules about the list of auth events. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkAuthEvents, type JudgedEvent } from '#matrix/auth-rules/check-auth-events.ts';
import { alice, bob, creator, describeMember, describeRoom, type Described } from '#matrix/auth-rules/room-fixture.ts';
import { roomVersions } from '#matrix/room-versions.ts';

const topic: Described = { type: 'm.room.topic', sender: alice, state_key: '' };
const powerLevels: Described = { type: 'm.room.power_levels', sender: creator, state_key: '' };

/** Judges a topic that cites create (where it must), power levels and its sender, and then what is added. */
function judge(versionId: string, more: { added?: Described[]; rejected?: string; dropCreate?: boolean } = {}): string {
  const { version, create, build } = describeRoom({ version: versionId });
  const cited = [powerLevels, describeMember(alice, alice, 'join'), ...(more.added ?? [])].map(build);
  if (!version.roomIdIsCreateHash && more.dropCreate !== true) cited.push(create);
  const authEvents = cited.map((event): JudgedEvent => ({ ...event, rejected: event.type === more.rejected }));
  const judgedCreate = { ...create, rejected: more.rejected === 'm.room.create' };
  const verdict = checkAuthEvents(build(topic), version, authEvents, judgedCreate);
  return verdict.allowed ? 'allowed' : verdict.rule;
}

test('the selected auth events are allowed in every version', () => {
  for (const id of roomVersions.keys()) assert.equal(judge(id), 'allowed', `version ${id}`);
});

test('each flaw has its own rule', () => {
  for (const [version, list] of [
    ['1', '2'],
    ['11', '2'],
    ['12', '3'],
  ] as const) {
    assert.equal(judge(version, { added: [powerLevels] }), `${list}.1`);
    assert.equal(judge(version, { added: [describeMember(bob, bob, 'join')] }), `${list}.2`);
    assert.equal(judge(version, { added: [{ type: 'm.room.message', sender: alice }] }), `${list}.2`);
    assert.equal(judge(version, { rejected: 'm.room.power_levels' }), `${list}.3`);
  }
});

test('the flaws are looked for in the order of the rules', () => {
  const twice = describeMember(bob, bob, 'join');
  assert.equal(judge('11', { added: [twice, twice], rejected: 'm.room.member', dropCreate: true }), '2.1');
  assert.equal(judge('11', { added: [twice], rejected: 'm.room.member', dropCreate: true }), '2.2');
  assert.equal(judge('11', { rejected: 'm.room.member', dropCreate: true }), '2.3');
});

test('until version 11 the create event is cited', () => {
  assert.equal(judge('1', { dropCreate: true }), '2.4');
  assert.equal(judge('11', { dropCreate: true }), '2.4');
});

test('from version 12 on the create event is implied by the room id', () => {
  const { version, create, build } = describeRoom({ version: '12' });
  const accepted = { ...create, rejected: false };
  const rule = (event: Described, authEvents: JudgedEvent[], roomCreate?: JudgedEvent): string => {
    const verdict = checkAuthEvents(build(event), version, authEvents, roomCreate);
    return verdict.allowed ? 'allowed' : verdict.rule;
  };
  assert.equal(rule(topic, [], accepted), 'allowed');
  assert.equal(rule(topic, [accepted], accepted), '3.2');
  assert.equal(rule(topic, []), '2');
  assert.equal(rule(topic, [], { ...accepted, rejected: true }), '2');
  assert.equal(rule(topic, [], { ...accepted, type: 'm.room.topic' }), '2');
  assert.equal(rule({ ...topic, room_id: '!other' }, [], accepted), '2');
  assert.equal(rule({ ...create }, [], undefined), 'allowed', 'a create event is settled by rule 1');
});

test('auth events of another room are rejected', () => {
  assert.equal(judge('1', { added: [] }), 'allowed');
  for (const [id, expected] of [
    ['11', '2.5'],
    ['12', '3.5'],
  ] as const) {
    const { version, create, build } = describeRoom({ version: id });
    const foreign = { ...build({ ...powerLevels, room_id: '!other:one.example' }), rejected: false };
    const accepted = { ...create, rejected: false };
    const authEvents = version.roomIdIsCreateHash ? [foreign] : [accepted, foreign];
    const verdict = checkAuthEvents(build(topic), version, authEvents, accepted);
    assert.equal(verdict.allowed ? 'allowed' : verdict.rule, expected);
  }
});
