/** Owns the cases on redaction events, which have a rule of their own in versions 1 and 2 only. */
import type { Content, EventSketch, Sketch } from '#test/vectors/generate/sketch.ts';
import { alice, between, bob, joined, member, power, since, until } from '#test/vectors/generate/sketch.ts';

const redaction = (sender: string, id: string, redacts: string): EventSketch => ({ id, type: 'm.room.redaction', sender, redacts, content: {} });
const levels = (level: number, content: Content = {}) => [joined(alice), joined(bob), power({ users: { [alice]: level }, ...content })];
const foreign = redaction(alice, '$redaction:a.test', '$target:b.test');
const same = redaction(alice, '$redaction:a.test', '$target:a.test');
const early = until(2);

const own: Sketch[] = [
  { name: 'redaction-default-level', versions: early, rule: 'redaction.level', expect: 'allowed', state: levels(50), event: foreign, why: 'The sender has the default level of 50 to redact.' },
  { name: 'redaction-below-default-level', versions: early, rule: 'redaction.otherwise', expect: 'denied', state: levels(49), event: foreign, why: 'The sender has 49 and the event comes from another domain.' },
  { name: 'redaction-level-equal', versions: early, rule: 'redaction.level', expect: 'allowed', state: levels(30, { redact: 30 }), event: foreign, why: 'The level is given and the sender has exactly it.' },
  { name: 'redaction-level-below', versions: early, rule: 'redaction.otherwise', expect: 'denied', state: levels(50, { redact: 51 }), event: foreign, why: 'The level is given and is one above the sender.' },
  { name: 'redaction-level-zero', versions: early, rule: 'redaction.level', expect: 'allowed', state: levels(0, { redact: 0 }), event: foreign, why: 'A level of 0 is not the default of 50.' },
  { name: 'redaction-string-level', versions: early, rule: 'redaction.otherwise', expect: 'denied', state: levels(50, { redact: '051' }), event: foreign, why: 'The level is written as a string and is one above the sender.' },
  { name: 'redaction-same-domain', versions: early, rule: 'redaction.domain', expect: 'allowed', state: levels(0), event: same, why: 'Both event ids belong to the same domain.' },
  { name: 'redaction-same-domain-with-port', versions: early, rule: 'redaction.domain', expect: 'allowed', state: levels(0), event: redaction(alice, '$redaction:a.test:8448', '$target:a.test:8448'), why: 'Both event ids belong to the same server name, port included.' },
  { name: 'redaction-other-port', versions: early, rule: 'redaction.otherwise', expect: 'denied', state: levels(0), event: redaction(alice, '$redaction:a.test', '$target:a.test:8448'), why: 'A server name with a port is another server name.' },
  { name: 'redaction-domain-of-event-ids-not-of-sender', versions: early, rule: 'redaction.otherwise', expect: 'denied', state: levels(0), event: redaction(alice, '$redaction:c.test', '$target:a.test'), why: 'The domains of the event ids are compared, not that of the sender.' },
  { name: 'redaction-other-domain-without-power-levels', versions: early, rule: 'redaction.otherwise', expect: 'denied', state: [joined(alice), joined(bob)], event: foreign, why: 'Without power levels a member has 0 and redacting needs 50.' },
  { name: 'redaction-type-level-above', versions: early, rule: 'required-level', expect: 'denied', state: levels(50, { events: { 'm.room.redaction': 51 } }), event: same, why: 'The level of the event type stands before the rule on redactions.' },
  { name: 'redaction-by-user-who-left', versions: early, rule: 'sender-not-joined', expect: 'denied', state: [member(alice, 'leave'), power({ users: { [alice]: 100 } })], event: same, why: 'Only members send events.' },
];

const inContent = (sender: string): EventSketch => ({ type: 'm.room.redaction', sender, content: { redacts: '$target' } });
const hashed = redaction(alice, '$redaction', '$target');

const later: Sketch[] = [
  { name: 'redaction-without-level-top-level', versions: between(3, 10), rule: 'otherwise', expect: 'allowed', state: levels(0), event: hashed, why: 'The level to redact is asked when the redaction is applied, not here.' },
  { name: 'redaction-without-level-in-content', versions: since(11), rule: 'otherwise', expect: 'allowed', state: levels(0), event: inContent(alice), why: 'The level to redact is asked when the redaction is applied, not here.' },
  { name: 'redaction-type-level-above-top-level', versions: between(3, 10), rule: 'required-level', expect: 'denied', state: levels(49, { events: { 'm.room.redaction': 50 } }), event: hashed, why: 'The level of the event type applies to redactions as to every event.' },
  { name: 'redaction-type-level-above-in-content', versions: since(11), rule: 'required-level', expect: 'denied', state: levels(49, { events: { 'm.room.redaction': 50 } }), event: inContent(alice), why: 'The level of the event type applies to redactions as to every event.' },
  { name: 'redaction-events-default-above-top-level', versions: between(3, 10), rule: 'required-level', expect: 'denied', state: levels(49, { events_default: 50, redact: 0 }), event: hashed, why: 'The level to redact does not lower the level that message events need.' },
];

export const redactions: Sketch[] = [...own, ...later];
