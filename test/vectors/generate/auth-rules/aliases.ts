/** Owns the cases on `m.room.aliases`, which has a rule of its own until version 5. */
import type { EventSketch, Sketch } from '#test/vectors/generate/sketch.ts';
import { alice, bob, joined, member, power, since, until } from '#test/vectors/generate/sketch.ts';

const aliasesOf = (sender: string, stateKey: string | undefined): EventSketch => ({
  type: 'm.room.aliases',
  sender,
  ...(stateKey === undefined ? {} : { stateKey }),
  content: { aliases: ['#harbour:b.test'] },
});
const early = until(5);
const later = since(6);
const powerless = [joined(bob), power({ users: { [bob]: 0 }, state_default: 50 })];

export const aliases: Sketch[] = [
  { name: 'aliases-without-state-key', versions: early, rule: 'aliases.no-state-key', expect: 'denied', state: powerless, event: aliasesOf(bob, undefined), why: 'The state key says whose aliases these are, and there is none.' },
  { name: 'aliases-of-own-domain', versions: early, rule: 'aliases.no-state-key', expect: 'allowed', state: powerless, event: aliasesOf(bob, 'b.test'), why: 'The state key is there and is the domain of the sender.' },
  { name: 'aliases-of-own-domain-with-port', versions: early, rule: 'aliases.domain', expect: 'allowed', state: [joined('@erin:b.test:8448')], event: aliasesOf('@erin:b.test:8448', 'b.test:8448'), why: 'The state key is the whole server name of the sender, port included.' },
  { name: 'aliases-of-other-domain', versions: early, rule: 'aliases.domain', expect: 'denied', state: powerless, event: aliasesOf(bob, 'a.test'), why: 'The state key is the domain of another server.' },
  { name: 'aliases-of-other-domain-by-admin', versions: early, rule: 'aliases.domain', expect: 'denied', state: [joined(alice), power({ users: { [alice]: 100 } })], event: aliasesOf(alice, 'b.test'), why: 'Power does not help to set the aliases of another server.' },
  { name: 'aliases-with-empty-state-key', versions: early, rule: 'aliases.domain', expect: 'denied', state: powerless, event: aliasesOf(bob, ''), why: 'An empty state key is there but is no domain of the sender.' },
  { name: 'aliases-of-other-port', versions: early, rule: 'aliases.domain', expect: 'denied', state: powerless, event: aliasesOf(bob, 'b.test:8448'), why: 'A server name with a port is another server name.' },
  { name: 'aliases-with-user-as-state-key', versions: early, rule: 'aliases.domain', expect: 'denied', state: powerless, event: aliasesOf(bob, bob), why: 'The state key is the user and not their domain.' },
  { name: 'aliases-by-user-who-left', versions: early, rule: 'aliases.ok', expect: 'allowed', state: [member(bob, 'leave')], event: aliasesOf(bob, 'b.test'), why: 'The rule stands before the one that wants the sender to be a member.' },
  { name: 'aliases-by-stranger', versions: early, rule: 'aliases.ok', expect: 'allowed', event: aliasesOf(bob, 'b.test'), why: 'The rule stands before the one that wants the sender to be a member.' },
  { name: 'aliases-below-state-level', versions: early, rule: 'aliases.ok', expect: 'allowed', state: powerless, event: aliasesOf(bob, 'b.test'), why: 'The rule stands before the levels for state events.' },
  { name: 'aliases-remote-in-closed-room', versions: early, rule: 'federate', expect: 'denied', create: { 'm.federate': false }, state: powerless, event: aliasesOf(bob, 'b.test'), why: 'The rule on closed rooms stands before the one on aliases.' },
  { name: 'aliases-below-state-level-modern', versions: later, rule: 'required-level', expect: 'denied', state: powerless, event: aliasesOf(bob, 'b.test'), why: 'The type has become an ordinary state event and needs its level.' },
  { name: 'aliases-by-user-who-left-modern', versions: later, rule: 'sender-not-joined', expect: 'denied', state: [member(bob, 'leave'), power({ users: { [bob]: 100 } })], event: aliasesOf(bob, 'b.test'), why: 'The type has become an ordinary state event and needs a member.' },
  { name: 'aliases-of-other-domain-modern', versions: later, rule: 'otherwise', expect: 'allowed', state: [joined(alice), power({ users: { [alice]: 50 } })], event: aliasesOf(alice, 'b.test'), why: 'The type has become an ordinary state event and its state key is not compared.' },
];
