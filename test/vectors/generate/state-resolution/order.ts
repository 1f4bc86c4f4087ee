/** Owns the scenarios about state that is no power event: mainline, clock, event id, and states that agree. */
import {
  alice,
  bob,
  carol,
  levels,
  member,
  state,
  topic,
  type Scenario,
} from '#test/vectors/generate/state-resolution/scenario.ts';

const everywhere = (...ids: string[]) => ({ v1: ids, v2: ids, 'v2.1': ids });
const users = { [alice]: 100, [bob]: 50 };

export const order: readonly Scenario[] = [
  {
    name: 'one-state',
    why: 'A single state is its own resolution.',
    branches: [[topic('topic', bob)]],
    expect: everywhere('$topic'),
  },
  {
    name: 'equal-states',
    why: 'States that agree are their own resolution.',
    branches: [[], []],
    common: [topic('topic', bob)],
    expect: everywhere('$topic'),
  },
  {
    name: 'different-keys',
    why: 'A topic here and a name there do not touch each other.',
    branches: [[topic('topic', bob)], [state('name', bob, 'm.room.name', { name: 'Harbour' })]],
    expect: everywhere('$topic', '$name'),
  },
  {
    name: 'topics-by-the-clock',
    why: 'Topics under the same power levels go by the clock and the latest stands. Version 1 takes the deepest.',
    branches: [[{ ...topic('late', bob), ts: 9000 }], [{ ...topic('early', alice), ts: 8000, depth: 9 }]],
    expect: { v1: ['$early'], v2: ['$late'], 'v2.1': ['$late'] },
  },
  {
    name: 'topics-at-the-same-time',
    why: 'At equal times the greater event id is last and stands, in the order of code points: capitals before small letters.',
    branches: [[{ ...topic('Zulu', bob), ts: 9000 }], [{ ...topic('alfa', bob), ts: 9000 }]],
    expect: { v2: ['$alfa'], 'v2.1': ['$alfa'] },
  },
  {
    name: 'three-topics',
    why: 'Of three topics the latest by the clock stands, which is the one in the middle.',
    branches: [
      [{ ...topic('a', bob), ts: 8000 }],
      [{ ...topic('b', alice), ts: 9000, depth: 9 }],
      [{ ...topic('c', bob), ts: 7000 }],
    ],
    expect: everywhere('$b'),
  },
  {
    name: 'two-of-three-agree',
    why: 'A key on which not all states agree is in conflict, and no majority decides.',
    base: [{ ...topic('old', bob), ts: 7000 }],
    branches: [[], [], [{ ...topic('new', bob), ts: 8000 }]],
    expect: everywhere('$new'),
  },
  {
    name: 'three-states-and-an-absence',
    why: 'Two states have the topic, the third has none: from version 2 on it is judged, and its sender was banned there.',
    branches: [[topic('topic', bob)], [topic('topic', bob)], [member('ban', alice, bob, 'ban')]],
    expect: { v1: ['$topic', '$ban'], v2: ['$ban'], 'v2.1': ['$ban'] },
  },
  {
    name: 'mainline-before-the-clock',
    why: 'The topic that cites the newer power levels stands, although it is older by the clock; version 1 takes the deeper one.',
    branches: [
      [
        levels('newer', alice, { users, kick: 40 }),
        { ...topic('after', bob), ts: 8500 },
      ],
      [{ ...topic('before', bob), ts: 20000, depth: 20 }],
    ],
    expect: { v1: ['$newer', '$before'], v2: ['$newer', '$after'], 'v2.1': ['$newer', '$after'] },
  },
  {
    name: 'mainline-of-three',
    why: 'Each topic cites other power levels of one line; the one nearest to the resolved power levels is last.',
    branches: [
      [
        levels('second', alice, { users, kick: 40 }),
        { ...topic('under-second', bob), ts: 30000 },
        { ...levels('third', alice, { users, kick: 30 }), depth: 9 },
      ],
      [{ ...topic('under-first', bob), ts: 40000 }],
      [
        levels('second', alice, { users, kick: 40 }),
        { ...levels('third', alice, { users, kick: 30 }), depth: 9 },
        { ...topic('under-third', bob), ts: 9500 },
      ],
    ],
    expect: { v2: ['$third', '$under-third'], 'v2.1': ['$third', '$under-third'] },
  },
  {
    name: 'side-line-of-power-levels',
    why: 'The change by the lesser power comes second and stands. What cites the other one is placed where that one leaves the line, further back than what cites the resolved one, whatever the clock says.',
    branches: [
      [
        { ...levels('resolved', bob, { users, ban: 40 }), ts: 7000 },
        { ...topic('under-resolved', bob), ts: 9000 },
      ],
      [
        { ...levels('replaced', alice, { users, kick: 40 }), ts: 7500 },
        { ...topic('under-replaced', bob), ts: 40000 },
      ],
    ],
    expect: { v2: ['$resolved', '$under-resolved'], 'v2.1': ['$resolved', '$under-resolved'] },
  },
  {
    name: 'no-power-levels-cited',
    why: 'What cites no power levels is further back than everything on the line, whatever the clock says.',
    power: null,
    branches: [
      [{ ...topic('before', alice), ts: 40000 }],
      [levels('first', alice, { users }), { ...topic('after', alice), ts: 9000 }],
    ],
    expect: { v2: ['$first', '$after'], 'v2.1': ['$first', '$after'] },
  },
  {
    name: 'no-power-levels-at-all',
    why: 'Without power levels there is no line, and the clock decides.',
    power: null,
    branches: [[{ ...topic('late', alice), ts: 9000 }], [{ ...topic('early', alice), ts: 8000, depth: 9 }]],
    expect: { v2: ['$late'], 'v2.1': ['$late'] },
  },
  {
    name: 'state-of-a-banned-user',
    why: 'State under a user id goes with its user: the ban comes first.',
    power: { users, state_default: 0 },
    branches: [
      [member('ban', bob, carol, 'ban')],
      [state('badge', carol, 'org.example.badge', { colour: 'red' }, carol)],
    ],
    expect: { v1: ['$ban', '$badge'], v2: ['$ban'], 'v2.1': ['$ban'] },
  },
];
