/** Owns the proof that verdicts carry the numbers of the pages of the specification. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { requireVersion } from '#matrix/auth-rules/room-fixture.ts';
import { ruleNumber, type RuleName } from '#matrix/auth-rules/rule-numbers.ts';

// Copied by hand from the pages of the specification; versions without an own column share that of the one before.
const versions = ['1', '3', '6', '7', '8', '10', '11', '12'];
const pages: readonly (readonly [RuleName, string])[] = [
  ['create.prevEvents', '1.1 1.1 1.1 1.1 1.1 1.1 1.1 1.1'],
  ['create.roomVersion', '1.3 1.3 1.3 1.3 1.3 1.3 1.3 1.3'],
  ['create.creator', '1.4 1.4 1.4 1.4 1.4 1.4 - -'],
  ['create.additionalCreators', '- - - - - - - 1.4'],
  ['roomId', '- - - - - - - 2'],
  ['authEvents.duplicate', '2.1 2.1 2.1 2.1 2.1 2.1 2.1 3.1'],
  ['authEvents.notSelectable', '2.2 2.2 2.2 2.2 2.2 2.2 2.2 3.2'],
  ['authEvents.otherRoom', '2.5 2.5 2.5 2.5 2.5 2.5 2.5 3.5'],
  ['federate', '3 3 3 3 3 3 3 4'],
  ['aliases.server', '4.2 4.2 - - - - - -'],
  ['member.shape', '5.1 5.1 4.1 4.1 4.1 4.1 4.1 5.1'],
  ['member.authorisingServer.signature', '- - - - 4.2.1 4.2.1 4.2.1 5.2.1'],
  ['member.join.sender', '5.2.2 5.2.2 4.2.2 4.2.2 4.3.2 4.3.2 4.3.2 5.3.2'],
  ['member.join.restricted.authorisingUser', '- - - - 4.3.5.2 4.3.5.2 4.3.5.2 5.3.5.2'],
  ['member.join.otherwise', '5.2.6 5.2.6 4.2.6 4.2.6 4.3.7 4.3.7 4.3.7 5.3.7'],
  ['member.invite.thirdParty.otherwise', '5.3.1.8 5.3.1.8 4.3.1.8 4.3.1.8 4.4.1.8 4.4.1.8 4.4.1.8 5.4.1.8'],
  ['member.invite.otherwise', '5.3.5 5.3.5 4.3.5 4.3.5 4.4.5 4.4.5 4.4.5 5.4.5'],
  ['member.leave.self', '5.4.1 5.4.1 4.4.1 4.4.1 4.5.1 4.5.1 4.5.1 5.5.1'],
  ['member.leave.otherwise', '5.4.5 5.4.5 4.4.5 4.4.5 4.5.5 4.5.5 4.5.5 5.5.5'],
  ['member.ban.otherwise', '5.5.3 5.5.3 4.5.3 4.5.3 4.6.3 4.6.3 4.6.3 5.6.3'],
  ['member.knock.otherwise', '- - - 4.6.4 4.7.4 4.7.4 4.7.4 5.7.4'],
  ['member.unknown', '5.6 5.6 4.6 4.7 4.8 4.8 4.8 5.8'],
  ['senderJoined', '6 6 5 5 5 5 5 6'],
  ['thirdPartyInvite.level', '7.1 7.1 6.1 6.1 6.1 6.1 6.1 7.1'],
  ['requiredLevel', '8 8 7 7 7 7 7 8'],
  ['userStateKey', '9 9 8 8 8 8 8 9'],
  ['powerLevels.named', '- - - - - 9.1 9.1 10.1'],
  ['powerLevels.users', '10.1 10.1 9.1 9.1 9.1 9.3 9.3 10.3'],
  ['powerLevels.creators', '- - - - - - - 10.4'],
  ['powerLevels.namedChanged.new', '10.3.2 10.3.2 9.3.2 9.3.2 9.3.2 9.5.2 9.5.2 10.6.2'],
  ['powerLevels.entryChanged.current', '10.4.1 10.4.1 9.4.1 9.4.1 9.4.1 9.6.1 9.6.1 10.7.1'],
  ['powerLevels.userAdded.new', '10.7.1 10.7.1 9.7.1 9.7.1 9.7.1 9.9.1 9.9.1 10.10.1'],
  ['redaction.otherwise', '11.3 - - - - - - -'],
];

test('every rule has the number of the page of its version', () => {
  for (const [rule, row] of pages) {
    const numbers = row.split(' ');
    assert.equal(numbers.length, versions.length, rule);
    for (const [index, id] of versions.entries()) {
      const version = requireVersion(id);
      if (numbers[index] === '-') assert.throws(() => ruleNumber(version, rule), `${rule} in version ${id}`);
      else assert.equal(ruleNumber(version, rule), numbers[index], `${rule} in version ${id}`);
    }
  }
});
