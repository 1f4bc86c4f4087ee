/** Owns the scenarios of room version 1 alone, and of states that differ in the create event. */
import { alice, bob, levels, rules, state, topic, type Scenario } from '#test/vectors/generate/state-resolution/scenario.ts';

const users = { [alice]: 100, [bob]: 50 };
const demotion = levels('demotion', alice, { users: { [alice]: 100 } });
const otherCreate = state('other-create', alice, 'm.room.create', { creator: alice });

export const version1: readonly Scenario[] = [
  {
    name: 'power-levels-of-equal-depth',
    why: 'SHA-1 of $levels-a begins with 66, of $levels-b with e3: in descending order b is first and a replaces it.',
    branches: [[levels('levels-a', alice, { users, ban: 40 })], [levels('levels-b', alice, { users, kick: 40 })]],
    expect: { v1: ['$levels-a'] },
  },
  {
    name: 'join-rules-of-equal-depth',
    why: 'SHA-1 of $rules-a begins with 39, of $rules-b with 59: in descending order b is first and a replaces it.',
    branches: [[rules('rules-a', alice, 'invite')], [rules('rules-b', alice, 'private')]],
    expect: { v1: ['$rules-a'] },
  },
  {
    name: 'topics-of-equal-depth',
    why: 'SHA-1 of $topic-a begins with b2, of $topic-b with de, and the lowest is picked.',
    branches: [[topic('topic-a', bob)], [topic('topic-b', bob)]],
    expect: { v1: ['$topic-a'] },
  },
  {
    name: 'the-list-ends-at-the-first-denied',
    why: 'The second change is denied by the first, and the third, though allowed, is not looked at any more.',
    branches: [
      [{ ...levels('first', alice, { users: { [alice]: 100 } }), depth: 7 }],
      [{ ...levels('second', bob, { users, kick: 40 }), depth: 8 }],
      [{ ...levels('third', alice, { users, ban: 40 }), depth: 9 }],
    ],
    expect: { v1: ['$first'] },
  },
  {
    name: 'the-first-of-a-list-is-not-judged',
    why: 'The shallowest power levels are taken without a question, even those by which a moderator raises himself; the other change is then denied, since it lowers a level above its sender.',
    power: { users: { [alice]: 100, [bob]: 50 } },
    branches: [
      [{ ...levels('coup', bob, { users: { [alice]: 100, [bob]: 100 }, ban: 90 }), depth: 7 }],
      [{ ...levels('second', bob, { users: { [alice]: 100, [bob]: 50 }, state_default: 101 }), depth: 8 }],
    ],
    expect: { v1: ['$coup'] },
  },
  {
    name: 'the-deepest-that-passes',
    why: 'The deeper topic does not pass after the demotion, so that the other one is picked.',
    branches: [[{ ...topic('deep', bob), depth: 20 }], [demotion, topic('shallow', alice)]],
    expect: { v1: ['$demotion', '$shallow'] },
  },
  {
    name: 'none-that-passes',
    why: 'Neither topic passes after the demotion, and nothing is added.',
    reading: 'Where no event passes the text adds none, so that the key is empty.',
    branches: [[topic('here', bob)], [topic('there', bob), demotion]],
    expect: { v1: ['$demotion'] },
  },
  {
    name: 'create-events-of-equal-depth',
    why: 'SHA-1 of $create begins with 95, of $other-create with 7f, and the lowest of the deepest is picked.',
    branches: [[], [{ ...otherCreate, depth: 1 }]],
    expect: { v1: ['$other-create'] },
  },
  {
    name: 'create-events-of-unequal-depth',
    why: 'The deeper create event is picked although its SHA-1 is higher.',
    branches: [[], [{ ...otherCreate, depth: 0 }]],
    expect: { v1: ['$create'] },
  },
  {
    name: 'create-events-by-the-clock',
    why: 'A create event is no power event and always passes; both cite no power levels, and the later one is last.',
    branches: [[], [{ ...otherCreate, depth: 1, ts: 2000 }]],
    expect: { v2: ['$other-create'] },
  },
];
