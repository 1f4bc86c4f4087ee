/** Owns the tests of the ring of facts. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { EventFact } from '#streams/event-fact.ts';
import { makeFact } from '#streams/event-fact-fixture.ts';
import { FactRing } from '#streams/fact-ring.ts';

function positions(facts: readonly EventFact[]): number[] {
  return facts.map((fact) => fact.pos);
}

describe('the ring of facts', () => {
  it('says the same of a room as a list that is searched through, as far back as it reaches', () => {
    const facts = fc.array(fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 4 })), {
      maxLength: 300,
    });
    fc.assert(
      fc.property(facts, fc.integer({ min: 1, max: 150 }), fc.nat(400), (steps, factsMax, after) => {
        const ring = new FactRing(7, { factsMax, charactersMax: 1_000_000 });
        let pos = 7;
        const all = steps.map(([gap, roomNid]) => makeFact((pos += gap), roomNid));
        for (const fact of all) ring.append(fact);
        assert.equal(ring.horizon, pos);
        assert.ok(ring.count <= factsMax);
        if (!ring.reachesBackTo(after)) return;
        const since = all.filter((fact) => fact.pos > after);
        assert.deepEqual(positions(ring.since(after)), positions(since));
        for (const roomNid of [1, 2, 3, 4, 5]) {
          const ofRoom = since.filter((fact) => fact.roomNid === roomNid);
          assert.deepEqual(positions(ring.ofRoomSince(roomNid, after)), positions(ofRoom));
        }
      }),
    );
  });

  it('lets the oldest go when the texts are too long, and knows that it has', () => {
    const ring = new FactRing(0, { factsMax: 100, charactersMax: 50 });
    for (let pos = 1; pos <= 10; pos += 1) ring.append(makeFact(pos, 1, { stem: 'x'.repeat(20) }));
    assert.equal(ring.count, 2);
    assert.equal(ring.reachesBackTo(7), false);
    assert.equal(ring.reachesBackTo(8), true);
    assert.deepEqual(positions(ring.since(8)), [9, 10]);
  });

  it('forgets all facts, and none of those that come afterwards', () => {
    const ring = new FactRing(0, { factsMax: 100, charactersMax: 1_000 });
    for (const pos of [1, 2, 5]) ring.append(makeFact(pos, 1));
    ring.reset();
    assert.deepEqual([ring.horizon, ring.count, ring.reachesBackTo(4), ring.reachesBackTo(5)], [5, 0, false, true]);
    assert.deepEqual(ring.ofRoomSince(1, 0), []);
    ring.append(makeFact(6, 1));
    assert.deepEqual(positions(ring.ofRoomSince(1, 5)), [6]);
  });

  it('finds the membership events of a user', () => {
    const ring = new FactRing(0, { factsMax: 100, charactersMax: 1_000 });
    const member = { type: 'm.room.member', stateKey: '@bob:example.org', membership: 'join' };
    ring.append(makeFact(1, 1));
    ring.append(makeFact(2, 1, member));
    ring.append(makeFact(3, 2, member));
    assert.deepEqual(positions(ring.ofMemberSince('@bob:example.org', 0)), [2, 3]);
    assert.deepEqual(positions(ring.ofMemberSince('@bob:example.org', 2)), [3]);
    assert.deepEqual(positions(ring.ofMemberSince('@alice:example.org', 0)), []);
  });

  it('marks an event that is redacted, in its own room only', () => {
    const ring = new FactRing(0, { factsMax: 100, charactersMax: 1_000 });
    const target = makeFact(1, 1);
    ring.append(target);
    ring.append(makeFact(2, 2, { type: 'm.room.redaction', redacts: target.eventId }));
    assert.equal(ring.isRedacted(target.eventNid), false);
    ring.append(makeFact(3, 1, { type: 'm.room.redaction', redacts: target.eventId }));
    assert.equal(ring.isRedacted(target.eventNid), true);
    ring.append(makeFact(4, 1, { isRedacted: true }));
    assert.equal(ring.isRedacted(makeFact(4, 1).eventNid), true);
  });
});
