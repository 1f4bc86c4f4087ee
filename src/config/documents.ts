/** Owns what is generated from the table of keys: the example file and the page about configuration. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { flatKeys, schemaMembers, type AnyKey, type FlatKey, type Members } from '#config/flat-keys.ts';

const PROSE_COLUMNS = 118;

/** `config.example.yaml`: every key as a comment with its default, so that a copy pins nothing it does not mean to. */
export function renderExampleYaml(): string {
  const head = [
    '# The configuration of Causeway. Nothing here is needed to start: every key is a comment that shows its default,',
    '# or an example where there is none. Remove the `# ` before a key, and before the groups it stands in, to set it.',
    '# Lines that begin with `##` are prose. Every key can be set by an environment variable instead, which wins:',
    '# `CAUSEWAY_` and the path in capitals, `CAUSEWAY_DATABASE_URL` for `database.url`. docs/config.md lists them.',
    '# This file is generated: `npm run docs` writes it.',
  ];
  return `${[...head, ...exampleMembers(schemaMembers, '')].join('\n')}\n`;
}

function exampleMembers(members: Members, indent: string): string[] {
  return Object.entries(members).flatMap(([name, member]) => {
    const gap = indent === '' || member.kind === 'key' ? [''] : [];
    const line = `# ${indent}${name}:`;
    if (member.kind === 'group') {
      return ['', ...comment(member.prose, indent), line, ...exampleMembers(member.members, `${indent}  `)];
    }
    const prose = `${member.prose} Allowed: ${member.type.allowed}.${fileForm(name, member)}`;
    return [...gap, ...comment(prose, indent), `${line} ${exampleValue(member)}`];
  });
}

function fileForm(name: string, key: AnyKey): string {
  return key.secret ? ` Or \`${name}_file\`: the path of a file that holds it.` : '';
}

/** Quoted where YAML would read something else: `[::1]:8008` as a list, `12` and `true` need none. */
function exampleValue({ example, type }: AnyKey): string {
  if (example === '') return type.parse([]) === undefined ? "''" : '[]';
  return /^[\w./~-][\w./:@~-]*$/.test(example) ? example : JSON.stringify(example);
}

function comment(prose: string, indent: string): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of prose.split(' ')) {
    if (line !== '' && line.length + word.length + indent.length > PROSE_COLUMNS - 4) {
      lines.push(line);
      line = '';
    }
    line += line === '' ? word : ` ${word}`;
  }
  return [...lines, line].map((text) => `## ${indent}${text}`);
}

/** `docs/config.md`: how configuration works, and every key. */
export function renderConfigDocument(): string {
  const head = `# Configuration

This page is generated from \`src/config/schema.ts\` by \`npm run docs\`.

Causeway starts without any configuration. What there is comes from three places, the first of which wins: environment
variables, a YAML file (\`causeway start --config FILE\`), the defaults below. \`config.example.yaml\` shows every key.

- A variable's name is \`CAUSEWAY_\` and the key's path in capitals, with \`_\` for every dot. An empty variable counts as
  not set, except for keys that allow an empty value.
- A secret can stand in a file of its own: \`database.url_file\`, or \`CAUSEWAY_DATABASE_URL_FILE\`. One newline at the
  file's end is ignored.
- Relative paths start at the working directory.
- An unknown key or a value that is not allowed stops the start; all such errors are printed together, each with its
  line. Names that begin with \`CAUSEWAY_TEST_\` or \`CAUSEWAY_BENCH_\` are left to the test suite.
- YAML anchors, aliases and tags are not used here, and a file has at most 64 KiB.
`;
  return [head, ...flatKeys.map(keySection)].join('\n');
}

function keySection({ path: keyPath, variable, key }: FlatKey): string {
  const lines = [
    `## \`${keyPath}\``,
    '',
    key.prose,
    '',
    `- Variable: \`${variable}\`${key.secret ? ` or \`${variable}_FILE\`` : ''}`,
    `- Default: ${defaultText(key)}`,
    `- Allowed: ${key.type.allowed}.`,
  ];
  if (key.secret) lines.push(`- Secret: never printed; \`${keyPath}_file\` names a file that holds it.`);
  return `${lines.join('\n')}\n`;
}

function defaultText(key: AnyKey): string {
  if (key.default === undefined) return `none (for example \`${key.example}\`)`;
  return key.default === '' ? 'empty' : `\`${key.default}\``;
}

/** Writes both documents into the project's directory. */
export function writeGeneratedDocuments(rootDir: string): void {
  writeFileSync(path.join(rootDir, 'config.example.yaml'), renderExampleYaml());
  writeFileSync(path.join(rootDir, 'docs', 'config.md'), renderConfigDocument());
}
