/** Owns the scenarios with rejected, missing and impossible auth events. */
import {
  alice,
  bob,
  carol,
  dave,
  join,
  levels,
  member,
  rules,
  topic,
  type Scenario,
} from '#test/vectors/generate/state-resolution/scenario.ts';

const users = { [alice]: 100, [bob]: 50 };
const weak = { users: { [alice]: 100 } };

export const oddGraphs: readonly Scenario[] = [
  {
    name: 'rejected-power-levels-are-no-auth-event',
    why: 'The topic cites power levels that were rejected, because their sender had no power. They are denied again, and as a rejected auth event they do not stand in for the power levels that the state lacks.',
    power: weak,
    branches: [
      [
        { ...levels('forged', bob, { users }), rejected: true, outside: true },
        { ...topic('topic', bob), cites: ['$create', '$forged', '$bob'] },
      ],
      [],
    ],
    expect: { v2: [], 'v2.1': [] },
  },
  {
    name: 'rejected-membership-is-no-auth-event',
    why: 'The sender of the topic joined a closed room, which was rejected. The join is denied again, and as a rejected auth event it makes nobody a member.',
    power: { users, events: { 'm.room.topic': 0 } },
    base: [rules('private', alice, 'invite')],
    branches: [
      [
        { ...join('intrusion', dave), rejected: true, outside: true },
        { ...topic('topic', dave), cites: ['$create', '$power', '$intrusion'] },
      ],
      [],
    ],
    expect: { v2: [], 'v2.1': [] },
  },
  {
    name: 'accepted-power-levels-outside-of-the-states',
    why: 'The topic cites power levels that neither state has. They are in the auth difference, pass, and permit the topic; at the end the power levels of both states are put back.',
    power: weak,
    branches: [
      [
        { ...levels('granted', alice, { users }), outside: true },
        { ...topic('topic', bob), cites: ['$create', '$granted', '$bob'] },
      ],
      [],
    ],
    expect: { v2: ['$topic'], 'v2.1': ['$topic'] },
  },
  {
    name: 'a-kick-that-was-rejected-elsewhere',
    why: 'An event in a state is judged as usual, although the state before it had it rejected: its sender may kick now.',
    reading: '"Events that have been rejected due to failing auth based on the state at the event … are handled as usual".',
    branches: [[{ ...member('kick', bob, carol, 'leave'), rejected: true }], []],
    expect: { v2: ['$kick'], 'v2.1': ['$kick'] },
  },
  {
    name: 'an-auth-event-that-nobody-has',
    why: 'The topic cites one event that nobody has beside all that it needs, which then counts as not cited.',
    branches: [[{ ...topic('topic', bob), cites: ['$create', '$power', '$bob', '$nowhere'] }], []],
    expect: { v1: ['$topic'], v2: ['$topic'], 'v2.1': ['$topic'] },
    orError: true,
  },
  {
    name: 'a-membership-that-nobody-has',
    why: 'The membership that would make the sender a member is not to be had, and without it the topic is denied.',
    branches: [[{ ...topic('topic', dave), cites: ['$create', '$power', '$nowhere'] }], []],
    expect: { v2: [], 'v2.1': [] },
    orError: true,
  },
  {
    name: 'power-levels-that-cite-each-other',
    why: 'No event can be hashed over an event that is hashed over it: somebody sends nonsense, and any end is good that comes soon.',
    branches: [
      [{ ...levels('hen', alice, { users }), cites: ['$create', '$egg', '$alice'] }],
      [{ ...levels('egg', alice, { users }), cites: ['$create', '$hen', '$alice'] }],
    ],
    expect: {},
    orError: true,
  },
  {
    name: 'power-levels-that-cite-themselves',
    why: 'The shortest circle.',
    branches: [[{ ...levels('loop', alice, { users }), cites: ['$create', '$loop', '$alice'] }], [topic('topic', bob)]],
    expect: {},
    orError: true,
  },
  {
    name: 'a-circle-behind-a-topic',
    why: 'The circle is not in any state but in the auth chain of one.',
    branches: [
      [
        { ...member('hen', bob, carol, 'ban'), cites: ['$create', '$power', '$bob', '$egg'], outside: true },
        { ...member('egg', bob, carol, 'leave'), cites: ['$create', '$power', '$bob', '$hen'], outside: true },
        { ...topic('topic', bob), cites: ['$create', '$power', '$bob', '$egg'] },
      ],
      [levels('change', alice, { users, kick: 40 })],
    ],
    expect: {},
    orError: true,
  },
  {
    name: 'two-power-levels-cited',
    why: 'The auth rules would have rejected an event with two auth events of one kind; if it comes all the same, any end is good that comes soon.',
    branches: [
      [levels('change', alice, { users, kick: 40 }), { ...topic('topic', bob), cites: ['$create', '$power', '$change', '$bob'] }],
      [topic('other', alice)],
    ],
    expect: {},
    orError: true,
  },
];
