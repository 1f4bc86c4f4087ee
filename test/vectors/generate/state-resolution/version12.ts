/** Owns the scenarios about what room version 12 changed: creators, the empty start, the conflicted state subgraph. */
import {
  alice,
  bob,
  carol,
  dave,
  erin,
  join,
  levels,
  member,
  rules,
  topic,
  type Scenario,
} from '#test/vectors/generate/state-resolution/scenario.ts';

const users = { [alice]: 100, [bob]: 50 };
const admins = { [alice]: 100, [bob]: 100 };

export const version12: readonly Scenario[] = [
  {
    name: 'creator-demotes-an-admin',
    why: 'The creator stands above 100 and comes first, whatever the clock says; the admin then has no level left.',
    power: { users: admins },
    branches: [
      [{ ...levels('demotion', alice, { users: {} }), ts: 9000 }],
      [{ ...levels('change', bob, { users: { [bob]: 100, [carol]: 100 } }), ts: 7000 }],
    ],
    expect: { 'v2.1': ['$demotion'] },
  },
  {
    name: 'additional-creator-against-an-admin',
    why: 'An additional creator has infinite power too: the ban of the admin comes before the ban by the admin.',
    createContent: { additional_creators: [bob] },
    power: { users: { [dave]: 100 } },
    base: [join('dave', dave)],
    branches: [
      [{ ...member('ban-dave', bob, dave, 'ban'), ts: 9000 }],
      [{ ...member('ban-carol', dave, carol, 'ban'), ts: 8000 }],
    ],
    expect: { 'v2.1': ['$ban-dave'] },
  },
  {
    name: 'two-creators',
    why: 'Two creators are equals, and the clock decides.',
    createContent: { additional_creators: [bob] },
    power: { users: {} },
    branches: [
      [{ ...levels('by-alice', alice, { users: {}, kick: 75 }), ts: 9000 }],
      [{ ...levels('by-bob', bob, { users: {}, ban: 75 }), ts: 8000 }],
    ],
    expect: { 'v2.1': ['$by-alice'] },
  },
  {
    name: 'creator-without-power-levels',
    why: 'In a room without power levels the creator of version 12 stands above 100 as well: the first power levels come before the ones of a member, which are denied.',
    power: null,
    branches: [
      [{ ...levels('first', alice, { users: { [carol]: 10 } }), ts: 9000 }],
      [{ ...levels('usurped', bob, { users: { [bob]: 100 } }), ts: 8000 }],
    ],
    expect: { v2: ['$first'], 'v2.1': ['$first'] },
  },
  {
    name: 'empty-start-and-a-kick-since',
    why: 'Both states agree that the sender of both topics was kicked since. From the unconflicted state neither topic passes and the room loses its topic; from the empty state each is judged by its own auth events.',
    branches: [[{ ...topic('early', bob), ts: 8000 }], [{ ...topic('late', bob), ts: 9000 }]],
    common: [member('kick', alice, bob, 'leave')],
    expect: { v1: [], v2: [], 'v2.1': ['$late'] },
  },
  {
    name: 'empty-start-and-a-demotion-since',
    why: 'Both states agree on power levels under which neither topic passes; from the empty state the levels that each topic cites count.',
    branches: [[{ ...topic('early', bob), ts: 8000 }], [{ ...topic('late', bob), ts: 9000 }]],
    common: [levels('strict', alice, { users, events: { 'm.room.topic': 90 } })],
    expect: { v1: [], v2: [], 'v2.1': ['$late'] },
  },
  {
    name: 'empty-start-has-no-mainline',
    why: 'The power levels are not in conflict and thus not in the partially resolved state of version 12: there is no line, and the clock decides between topics that version 2 orders by their power levels.',
    branches: [
      [{ ...topic('under-first', bob), ts: 30000 }],
      [levels('second', alice, { users, kick: 40 }), { ...topic('under-second', bob), ts: 9000 }],
    ],
    common: [{ ...levels('third', alice, { users, kick: 30 }), cites: ['$create', '$second', '$alice'] }],
    expect: { v2: ['$under-second'], 'v2.1': ['$under-first'] },
  },
  {
    name: 'unconflicted-state-comes-back',
    why: 'The old join rule, which only the join cites, is applied first and lets the join pass; at the end the rule on which both states agree is put back.',
    base: [rules('open', alice, 'public')],
    branches: [[join('join', erin)], []],
    common: [rules('private', alice, 'invite')],
    expect: { v1: ['$join'], v2: ['$join'], 'v2.1': ['$join'] },
  },
  {
    name: 'conflicted-state-subgraph',
    why: 'The power levels $closing lie in both auth chains and are in neither state, but on the way from one conflicted event ($by-bob) to another ($bob). Only as part of the subgraph are they applied, and then the later topic of carol is denied.',
    power: { users, events: { 'm.room.topic': 0 } },
    branches: [
      [levels('closing', bob, { users, events: { 'm.room.topic': 50 } }), { ...topic('by-bob', bob), ts: 9000 }],
      [join('rename', bob, { displayname: 'B' }), { ...topic('by-carol', carol), ts: 20000 }],
    ],
    common: [levels('now', alice, { users, events: { 'm.room.topic': 50 }, kick: 40 })],
    expect: { v1: ['$rename', '$by-bob'], v2: ['$rename', '$by-bob'], 'v2.1': ['$rename', '$by-bob'] },
  },
];
