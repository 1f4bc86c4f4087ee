/** Proves that the committed documents are those of the table, and that the example file means what it shows. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { renderConfigDocument, renderExampleYaml, writeGeneratedDocuments } from '#config/documents.ts';
import { flatKeys } from '#config/flat-keys.ts';
import { loadConfig } from '#config/load.ts';

const root = path.resolve(import.meta.dirname, '../..');

test('the committed documents are current; `npm run docs` writes them', () => {
  assert.equal(readFileSync(path.join(root, 'config.example.yaml'), 'utf8'), renderExampleYaml());
  assert.equal(readFileSync(path.join(root, 'docs/config.md'), 'utf8'), renderConfigDocument());
});

test('the documents are written where the project is', () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'causeway-docs-'));
  mkdirSync(path.join(directory, 'docs'));
  writeGeneratedDocuments(directory);
  assert.equal(readFileSync(path.join(directory, 'docs/config.md'), 'utf8'), renderConfigDocument());
  rmSync(directory, { recursive: true });
});

test('the page names every key, its variable and its allowed values', () => {
  const page = renderConfigDocument();
  for (const { path: keyPath, variable, key } of flatKeys) {
    for (const words of [`## \`${keyPath}\``, `\`${variable}\``, key.prose, key.type.allowed])
      assert.ok(page.includes(words));
  }
});

test('the example file changes nothing as it is, and sets every key with its comments removed', () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'causeway-example-'));
  const file = path.join(directory, 'c.yaml');
  const sources = { file, env: {}, cwd: directory };
  writeFileSync(file, renderExampleYaml());
  const defaults = loadConfig({ env: {}, cwd: directory });
  assert.deepEqual(loadConfig(sources), defaults);

  const lines = renderExampleYaml()
    .split('\n')
    .filter((line) => !line.startsWith('##'));
  const yaml = lines.slice(lines.indexOf('')).map((line) => line.replace(/^# /, ''));
  assert.equal(yaml.filter((line) => /: \S/.test(line)).length, flatKeys.length);
  writeFileSync(file, yaml.join('\n'));
  const config = loadConfig(sources);
  assert.equal(config.serverName, 'example.org');
  assert.equal(config.database.url, 'postgresql://causeway:password@localhost/causeway');
  assert.deepEqual({ ...config.rateLimits }, { ...defaults.rateLimits });
  rmSync(directory, { recursive: true });
});
