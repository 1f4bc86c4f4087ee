/** Owns the list of the generated state resolution scenarios, and the text of their files. */
import { memberships } from '#test/vectors/generate/state-resolution/memberships.ts';
import { oddGraphs } from '#test/vectors/generate/state-resolution/odd-graphs.ts';
import { order } from '#test/vectors/generate/state-resolution/order.ts';
import { power } from '#test/vectors/generate/state-resolution/power.ts';
import { restrictedJoins } from '#test/vectors/generate/state-resolution/restricted-joins.ts';
import { expandScenario, type Scenario } from '#test/vectors/generate/state-resolution/scenario.ts';
import { version1 } from '#test/vectors/generate/state-resolution/version1.ts';
import { version12 } from '#test/vectors/generate/state-resolution/version12.ts';
import { writeCases } from '#test/vectors/generate/write-cases.ts';

const groups: readonly (readonly [name: string, description: string, scenarios: readonly Scenario[]])[] = [
  ['memberships', 'Joins, leaves, kicks, bans, invites and knocks against each other and against join rules.', memberships],
  ['restricted-joins', 'Joins that somebody in the room vouches for.', restrictedJoins],
  ['power', 'Power levels, and who comes first by power.', power],
  ['order', 'Mainline, clock and event id; states that agree.', order],
  ['version1', 'Depth and SHA-1 in version 1; states with different create events.', version1],
  ['version12', 'Creators, the empty start and the conflicted state subgraph of version 12.', version12],
  ['odd-graphs', 'Rejected, missing and circular auth events.', oddGraphs],
];

/** Every generated file: its path below test/vectors and its text. */
export function generateStateResolutionFiles(): Map<string, string> {
  return new Map(
    groups.map(([name, description, scenarios]) => [
      `state-resolution/scenarios/${name}.json`,
      writeCases(description, scenarios.flatMap(expandScenario)),
    ]),
  );
}
