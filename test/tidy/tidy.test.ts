/** Proves that the tree keeps the rules of the house, and that every rule can fail. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { layerOverrides } from '#test/tidy/lint-layers.ts';
import type { Sample } from '#test/tidy/rule.ts';
import { rules } from '#test/tidy/rules.ts';
import { projectFiles, sourceFile, type SourceFile } from '#test/tidy/source-file.ts';

const root = path.resolve(import.meta.dirname, '../..');
const project = projectFiles(root);

function sampleFiles(sample: Sample): SourceFile[] {
  return Object.entries(sample).map(([filePath, text]) => sourceFile(filePath, text));
}

for (const rule of rules) {
  test(rule.name, () => {
    assert.deepEqual(rule.check(project), []);
  });
  test(`this can fail: ${rule.name}`, () => {
    assert.ok(rule.bad.length > 0);
    for (const sample of rule.bad) assert.notDeepEqual(rule.check(sampleFiles(sample)), [], JSON.stringify(sample));
    for (const sample of rule.good) assert.deepEqual(rule.check(sampleFiles(sample)), []);
  });
}

test('the rules see the tree', () => {
  const paths = new Set(project.map((file) => file.path));
  for (const known of [
    'package.json',
    'src/core/clock.ts',
    'src/matrix/error.ts',
    'test/tidy/tidy.test.ts',
    'docs/STYLE.md',
  ]) {
    assert.ok(paths.has(known), known);
  }
  const imports = project.find((file) => file.path === 'src/matrix/error.ts')?.imports.map(({ text }) => text);
  assert.deepEqual(imports, ['#matrix/errcodes.ts']);
});

test('the linter knows the same layers', () => {
  const lint: unknown = JSON.parse(readFileSync(path.join(root, 'test/tidy/oxlintrc.json'), 'utf8'));
  assert.ok(typeof lint === 'object' && lint !== null && 'overrides' in lint && Array.isArray(lint.overrides));
  const layered = lint.overrides.filter((override: unknown) =>
    JSON.stringify(override).includes('no-restricted-imports'),
  );
  assert.deepEqual(layered, layerOverrides());
});
