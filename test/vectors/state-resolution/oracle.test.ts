/** Checks the state resolution scenarios, and the oracle by them. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { findRoomVersion, type RoomVersion } from '#matrix/room-versions.ts';
import { generateStateResolutionFiles } from '#test/vectors/generate/state-resolution/files.ts';
import { resolveByTheText } from '#test/vectors/state-resolution/oracle.ts';
import type { StateSet } from '#test/vectors/state-resolution/resolvable.ts';
import { readScenarios, scenarioFiles, showState } from '#test/vectors/state-resolution/scenarios.ts';

const scenarios = readScenarios();

function requireVersion(id: string): RoomVersion {
  const version = findRoomVersion(id);
  assert.ok(version, `version ${id}`);
  return version;
}

void test('the scenario files are what the generator writes', () => {
  const generated = generateStateResolutionFiles();
  assert.deepEqual(
    [...generated.keys()].toSorted(),
    scenarioFiles.map((name) => `state-resolution/scenarios/${name}`),
  );
  for (const [path, text] of generated) {
    const written = readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');
    assert.equal(written, text, `${path} is stale: run generate/write.ts`);
  }
});

void test('scenarios have names of their own, and there are enough of them', () => {
  const names = scenarios.map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
  const bare = new Set(names.map((name) => name.replace(/-v[0-9]+$/, '')));
  console.log(`${bare.size} scenarios, ${names.length} cases`);
  assert.ok(bare.size >= 40);
});

void test('the oracle resolves every scenario to the state that the text gives', () => {
  const differences: string[] = [];
  for (const { name, versions, events, sets, expect, mayThrow } of scenarios) {
    if (mayThrow && expect === null) continue;
    for (const id of versions) {
      const found = showState(resolveByTheText(requireVersion(id), sets, events));
      const expected = showState(expect ?? new Map());
      const extra = found.filter((line) => !expected.includes(line)).join(', ');
      const missing = expected.filter((line) => !found.includes(line)).join(', ');
      if (extra !== missing) differences.push(`${name} in ${id}: found ${extra}, expected ${missing}`);
    }
  }
  assert.deepEqual(differences, []);
});

void test('the oracle does not depend on the order of the states', () => {
  for (const { name, versions, events, sets, expect } of scenarios) {
    if (expect === null) continue;
    const backwards = sets.toReversed().map((set): StateSet => new Map([...set].toReversed()));
    for (const id of versions) {
      const version = requireVersion(id);
      const found = showState(resolveByTheText(version, backwards, events));
      assert.deepEqual(found, showState(resolveByTheText(version, sets, events)), `${name} in ${id}`);
    }
  }
});
