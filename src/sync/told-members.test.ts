/** Proves which member events a device counts as having been told. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ToldMembers } from '#sync/told-members.ts';

const deviceNid = 1;
const roomNid = 2;
const eventNid = 3;
const answer = (since: number | undefined, horizon: number) => ({ deviceNid, since, horizon });
const knows = (told: ToldMembers, since: number): boolean => {
  told.hear({ deviceNid, since });
  return told.has({ deviceNid, since }, roomNid, eventNid);
};

describe('told members', () => {
  test('who comes back with the token of an answer has what it told, then and later', () => {
    const told = new ToldMembers();
    told.add(answer(undefined, 10), roomNid, [eventNid], true);
    assert.ok(knows(told, 10));
    assert.ok(knows(told, 15));
  });

  test('who asks once more with the same token has lost the answer, whatever token comes next', () => {
    const told = new ToldMembers();
    told.add(answer(5, 10), roomNid, [eventNid], false);
    assert.ok(!knows(told, 5));
    // The second answer ends later, and does not tell the member.
    told.add(answer(5, 15), roomNid, [], false);
    assert.ok(!knows(told, 15));
    told.add(answer(15, 20), roomNid, [eventNid], false);
    assert.ok(knows(told, 20));
  });

  test('another device knows nothing of it', () => {
    const told = new ToldMembers();
    told.add(answer(undefined, 10), roomNid, [eventNid], true);
    told.hear({ deviceNid: 7, since: 10 });
    assert.ok(!told.has({ deviceNid: 7, since: 10 }, roomNid, eventNid));
  });

  test('of a device that loses many answers no more than so many are remembered, and nothing is taken for told', () => {
    const told = new ToldMembers();
    for (let horizon = 10; horizon < 500; horizon++) told.add(answer(5, horizon), roomNid, [horizon], false);
    for (let eventNid = 10; eventNid < 499; eventNid++) {
      assert.ok(!told.has({ deviceNid, since: 1_000 }, roomNid, eventNid), String(eventNid));
    }
    told.hear({ deviceNid, since: 499 });
    assert.ok(told.has({ deviceNid, since: 499 }, roomNid, 499));
  });
});
