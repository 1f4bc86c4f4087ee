/** Checks the authorisation vectors themselves: their shape, their origin, and that no numbered rule is left out. */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { findRoomVersion, roomVersions } from '#matrix/room-versions.ts';
import type { Case } from '#test/vectors/generate/expand.ts';
import { generateFiles } from '#test/vectors/generate/files.ts';
import { selectAuthEvents } from '#test/vectors/generate/select-auth-events.ts';
import type { AuthEvent } from '#test/vectors/generate/sketch.ts';

type Rule = { readonly name: string; readonly decides: 'deny' | 'deny-rest' | 'allow' | 'both' };
type File = { readonly description: string; readonly cases: readonly Case[] };

const folder = new URL('auth-rules/', import.meta.url);
const readText = (name: string): string => readFileSync(new URL(name, folder), 'utf8');
const rules: { readonly [version: string]: { readonly [number: string]: Rule } } = JSON.parse(readText('rules.json'));
const files = readdirSync(folder)
  .filter((name) => name.endsWith('.json') && name !== 'rules.json')
  .map((name): readonly [string, File] => [name, JSON.parse(readText(name))]);
const cases = files.flatMap(([, file]) => file.cases);

const caseFields = new Set(
  'name versions rule expect verify reading createHasRoomId namedByRoomId authEventsCase authEvents state event why'.split(
    ' ',
  ),
);
const eventFields = new Map<string, string>(
  Object.entries({
    event_id: 'string',
    type: 'string',
    sender: 'string',
    room_id: 'string',
    state_key: 'string?',
    content: 'object',
    redacts: 'string?',
    auth_events: 'object',
    prev_events: 'object',
    origin_server_ts: 'number',
    depth: 'number',
  }),
);

function assertEvent(event: AuthEvent, where: string, extra: readonly string[] = []): void {
  for (const [field, type] of eventFields) {
    const value: unknown = Object.entries(event).find(([key]) => key === field)?.[1];
    if (value === undefined && type.endsWith('?')) continue;
    assert.equal(typeof value, type.replace('?', ''), `${where}: ${field}`);
  }
  const unknown = Object.keys(event).filter((key) => !eventFields.has(key) && !extra.includes(key));
  assert.deepEqual(unknown, [], `${where}: unknown fields`);
}

/** Rule 10.2 comes before 10.10, which neither text nor the order of object keys gives. */
const byNumber = ([left]: readonly [string, Rule], [right]: readonly [string, Rule]): number =>
  left.localeCompare(right, 'en', { numeric: true });

void test('every case has the shape that the README describes', () => {
  for (const [name, file] of files) assert.ok(file.description.length > 0 && file.cases.length > 0, name);
  for (const entry of cases) {
    assert.match(entry.name, /^[a-z0-9]+(-[a-z0-9]+)*$/);
    assert.deepEqual(
      Object.keys(entry).filter((key) => !caseFields.has(key)),
      [],
      entry.name,
    );
    assert.ok(entry.expect === 'allowed' || entry.expect === 'denied', entry.name);
    assert.match(entry.why, /^[A-Z].*\.$/, entry.name);
    assert.deepEqual(Object.keys(entry.rule).toSorted(), entry.versions.toSorted(), entry.name);
    assertEvent(entry.event, entry.name);
    for (const event of entry.state) assertEvent(event, `${entry.name}: state`);
    for (const event of entry.authEvents ?? []) assertEvent(event, `${entry.name}: authEvents`, ['rejected']);
  }
});

void test('case names are unique', () => {
  const names = cases.map((entry) => entry.name);
  assert.deepEqual(
    names.filter((name, index) => names.indexOf(name) !== index),
    [],
  );
});

void test('versions and rule numbers exist', () => {
  assert.deepEqual(Object.keys(rules), [...roomVersions.keys()]);
  for (const entry of cases) {
    assert.ok(entry.versions.length > 0, entry.name);
    for (const version of entry.versions) {
      assert.ok(findRoomVersion(version), `${entry.name}: version ${version}`);
      assert.ok(rules[version]?.[entry.rule[version] ?? ''], `${entry.name}: rule ${entry.rule[version]}`);
    }
  }
});

void test('auth_events are what the selection algorithm gives', () => {
  for (const entry of cases) {
    const listed = (entry.authEvents ?? []).map((event) => event.event_id);
    if (entry.authEventsCase === true) {
      assert.deepEqual(entry.event.auth_events, listed, entry.name);
      continue;
    }
    for (const version of entry.versions) {
      const selected = selectAuthEvents(entry.event, entry.state, {
        create: version !== '12',
        restricted: findRoomVersion(version)?.restrictedJoins === true,
      });
      assert.deepEqual(
        entry.event.auth_events,
        selected.map((event) => event.event_id),
        `${entry.name}: ${version}`,
      );
    }
  }
});

void test('the files are what the generator writes', () => {
  const generated = generateFiles();
  const written = files.map(([name]) => `auth-rules/${name}`);
  assert.deepEqual(
    written.filter((path) => !generated.has(path)),
    [],
  );
  for (const [path, text] of generated) {
    assert.equal(readFileSync(new URL(path, import.meta.url), 'utf8'), text, `${path} is stale: run generate/write.ts`);
  }
});

void test('every numbered rule has its cases in every version', () => {
  const missing: string[] = [];
  for (const [version, numbered] of Object.entries(rules)) {
    console.log(`Room version ${version}, by rule: denied + allowed`);
    const row: string[] = [];
    for (const [number, rule] of Object.entries(numbered).toSorted(byNumber)) {
      const count = (expect: string): number =>
        cases.filter((entry) => entry.expect === expect && entry.rule[version] === number).length;
      const [denied, allowed] = [count('denied'), count('allowed')];
      row.push(`${number}: ${denied}+${allowed}`);
      if (rule.decides !== 'allow' && denied === 0) missing.push(`version ${version}, ${number}: no denied case`);
      if (rule.decides !== 'deny-rest' && allowed === 0) missing.push(`version ${version}, ${number}: no allowed case`);
    }
    for (let start = 0; start < row.length; start += 10) console.log(`  ${row.slice(start, start + 10).join('  ')}`);
  }
  assert.deepEqual(missing, []);
});
