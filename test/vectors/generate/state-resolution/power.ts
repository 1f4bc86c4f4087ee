/** Owns the scenarios about power levels and about who comes first by power. */
import {
  alice,
  bob,
  carol,
  dave,
  join,
  levels,
  member,
  topic,
  state,
  type Scenario,
} from '#test/vectors/generate/state-resolution/scenario.ts';

const everywhere = (...ids: string[]) => ({ v1: ids, v2: ids, 'v2.1': ids });
const demotion = levels('demotion', alice, { users: { [alice]: 100 } });
const equals = { users: { [alice]: 100, [bob]: 100 } };

export const power: readonly Scenario[] = [
  {
    name: 'admin-demotes-moderator-who-promotes',
    why: 'The change by the greater power comes first although it is later by the clock, and the other is then made by somebody without power. In version 1 the demotion passes in either order, the promotion only before it.',
    branches: [
      [{ ...demotion, ts: 9000 }],
      [{ ...levels('promotion', bob, { users: { [alice]: 100, [bob]: 50, [carol]: 50 } }), ts: 7000 }],
    ],
    expect: everywhere('$demotion'),
  },
  {
    name: 'two-admins-of-equal-power',
    why: 'Equal powers go by the clock, and the later change is last. The creator of version 12 is above every level and comes first, so that there the other one is last.',
    power: equals,
    branches: [
      [{ ...levels('by-alice', alice, { ...equals, kick: 75 }), ts: 8000 }],
      [{ ...levels('by-bob', bob, { ...equals, ban: 75 }), ts: 7000 }],
    ],
    expect: { v2: ['$by-alice'], 'v2.1': ['$by-bob'] },
  },
  {
    name: 'two-admins-at-the-same-time',
    why: 'Equal powers and equal times go by the event id, and the greater id is last.',
    power: { users: { [alice]: 100, [bob]: 100, [carol]: 100 } },
    branches: [
      [{ ...levels('x', bob, { users: { [alice]: 100, [bob]: 100, [carol]: 100 }, kick: 75 }), ts: 8000 }],
      [{ ...levels('w', carol, { users: { [alice]: 100, [bob]: 100, [carol]: 100 }, ban: 75 }), ts: 8000 }],
    ],
    expect: { v2: ['$x'], 'v2.1': ['$x'] },
  },
  {
    name: 'topic-of-a-moderator-demoted-elsewhere',
    why: 'Power levels come before topics. In version 1 the topic that only one state has is no conflict and is never judged.',
    branches: [[topic('topic', bob)], [demotion]],
    expect: { v1: ['$topic', '$demotion'], v2: ['$demotion'], 'v2.1': ['$demotion'] },
  },
  {
    name: 'demoted-and-restored',
    why: 'The demotion is only in the auth chain of the power levels that undid it; all three are applied in the order of the auth chain.',
    branches: [
      [demotion, levels('restored', alice, { users: { [alice]: 100, [bob]: 50 } })],
      [{ ...topic('topic', bob), depth: 20, ts: 20000 }],
    ],
    expect: everywhere('$restored', '$topic'),
  },
  {
    name: 'power-by-own-auth-events',
    why: 'The sender of each event counts with the level that its own auth events give: 75 for the new moderator, 50 for the old one, who is banned first. In version 12 the join of the new moderator is part of the conflicted state subgraph (it lies between his ban and the old power levels); he comes in with level 0, and his ban after it.',
    base: [join('dave', dave)],
    branches: [
      [
        levels('dave-75', alice, { users: { [alice]: 100, [bob]: 50, [dave]: 75 } }),
        { ...member('ban-bob', dave, bob, 'ban'), ts: 20000 },
      ],
      [{ ...member('ban-carol', bob, carol, 'ban'), ts: 9000 }],
    ],
    expect: { v2: ['$dave-75', '$ban-bob'], 'v2.1': ['$dave-75', '$ban-carol', '$ban-bob'] },
  },
  {
    name: 'ban-cites-the-promotion-of-its-sender',
    why: 'The ban by the lately promoted user follows the promotion whatever the clock says, and the ban by the older moderator is judged after it by the level that is left.',
    base: [join('dave', dave)],
    branches: [
      [
        { ...levels('swap', alice, { users: { [alice]: 100, [dave]: 50 } }), ts: 9000 },
        { ...member('ban-carol', dave, carol, 'ban'), ts: 100 },
      ],
      [{ ...member('ban-dave', bob, dave, 'ban'), ts: 200 }],
    ],
    expect: { v2: ['$swap', '$ban-carol'], 'v2.1': ['$swap', '$ban-carol'] },
  },
  {
    name: 'higher-level-for-a-type',
    why: 'Power levels come first, and the name needs more than its sender has by then.',
    branches: [
      [levels('strict', alice, { users: { [alice]: 100, [bob]: 50 }, events: { 'm.room.name': 60 } })],
      [state('name', bob, 'm.room.name', { name: 'Harbour' })],
    ],
    expect: { v1: ['$strict', '$name'], v2: ['$strict'], 'v2.1': ['$strict'] },
  },
  {
    name: 'power-levels-under-another-key',
    why: 'Power levels under a state key are a power event like the others but no power: nothing is demoted.',
    branches: [
      [state('odd', alice, 'm.room.power_levels', { users: { [alice]: 100 } }, 'odd')],
      [topic('topic', bob)],
    ],
    expect: everywhere('$odd', '$topic'),
  },
  {
    name: 'room-without-power-levels',
    why: 'Without power levels the creator has 100 in the old versions and everything in version 12, others 0; the first power levels are allowed and the topic of a member is not.',
    power: null,
    branches: [
      [levels('first', alice, { users: { [alice]: 100, [bob]: 50 } })],
      [topic('topic', carol)],
    ],
    expect: { v2: ['$first'], 'v2.1': ['$first'] },
  },
];
