/** Owns the list of the files that are generated, and their text. */
import { aliases } from '#test/vectors/generate/auth-rules/aliases.ts';
import { authEvents } from '#test/vectors/generate/auth-rules/auth-events.ts';
import { create } from '#test/vectors/generate/auth-rules/create.ts';
import { memberBan } from '#test/vectors/generate/auth-rules/member-ban.ts';
import { memberInvite } from '#test/vectors/generate/auth-rules/member-invite.ts';
import { memberJoin } from '#test/vectors/generate/auth-rules/member-join.ts';
import { memberKnock } from '#test/vectors/generate/auth-rules/member-knock.ts';
import { memberLeave } from '#test/vectors/generate/auth-rules/member-leave.ts';
import { powerLevels } from '#test/vectors/generate/auth-rules/power-levels.ts';
import { redactions } from '#test/vectors/generate/auth-rules/redaction.ts';
import { restrictedJoin } from '#test/vectors/generate/auth-rules/restricted-join.ts';
import { stateLevels } from '#test/vectors/generate/auth-rules/state-levels.ts';
import { thirdPartyInvite } from '#test/vectors/generate/auth-rules/third-party-invite.ts';
import { v12Creators } from '#test/vectors/generate/auth-rules/v12-creators.ts';
import { expandSketch } from '#test/vectors/generate/expand.ts';
import { writeCases } from '#test/vectors/generate/write-cases.ts';
import type { Sketch } from '#test/vectors/generate/sketch.ts';

const groups: readonly (readonly [name: string, description: string, sketches: readonly Sketch[]])[] = [
  ['create', 'The create event, what a room id of version 12 names, and rooms closed to other servers.', create],
  ['member-join', 'The shape of membership events, the first join, and joining under each join rule.', memberJoin],
  ['member-invite', 'Inviting by user id.', memberInvite],
  ['member-leave', 'Leaving, refusing, kicking and unbanning.', memberLeave],
  ['member-ban', 'Banning.', memberBan],
  ['member-knock', 'Knocking.', memberKnock],
  ['restricted-join', 'Restricted joins and the signature of the authorising server.', restrictedJoin],
  ['third-party-invite', 'Inviting by third-party identifier, with real Ed25519 signatures.', thirdPartyInvite],
  ['power-levels', 'The shape of power levels and what a sender may change in them.', powerLevels],
  ['state-levels', 'Membership of the sender, required levels, and state keys that are user ids.', stateLevels],
  ['redaction', 'Redaction events.', redactions],
  ['aliases', 'Alias events, which are special until version 5.', aliases],
  ['v12-creators', 'Creators with infinite power in version 12, and creators before it.', v12Creators],
  ['auth-events', 'The list of auth events itself.', authEvents],
];

/** Every generated file: its path below test/vectors and its text. */
export function generateFiles(): Map<string, string> {
  return new Map(
    groups.map(([name, description, sketches]) => [
      `auth-rules/${name}.json`,
      writeCases(description, sketches.flatMap(expandSketch)),
    ]),
  );
}
