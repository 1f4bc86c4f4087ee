/** Owns reading settings from a YAML file, each with its line. */
import { readFileSync, statSync } from 'node:fs';
import { isMap, isScalar, isSeq, LineCounter, parseDocument, type Document, type Pair, type Scalar } from 'yaml';
import { schemaMembers, type AnyKey } from '#config/flat-keys.ts';
import type { Group } from '#config/key.ts';
import { addSetting, type Settings } from '#config/setting.ts';
import { suggest } from '#config/suggest.ts';
import type { RawValue } from '#config/value-types.ts';

// Far more than a file with every key and its prose needs, and little enough for any nesting to be harmless.
const FILE_BYTES_MAX = 65_536;

type Members = typeof schemaMembers;

/** Reads the settings of the file; whatever is wrong with it becomes a problem, never an exception. */
export function readYamlFile(file: string): Settings {
  const settings: Settings = { byPath: new Map(), problems: [] };
  const refuse = (message: string) => settings.problems.push({ where: file, key: file, message });
  try {
    const { size } = statSync(file);
    if (size > FILE_BYTES_MAX) refuse(`${file} has ${size} bytes; a configuration has at most ${FILE_BYTES_MAX}.`);
    else readYaml(readFileSync(file, 'utf8'), file, settings);
  } catch (error) {
    refuse(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}.`);
  }
  return settings;
}

function readYaml(text: string, file: string, settings: Settings): void {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, merge: false });
  const walk = new YamlWalk(file, lines, settings);
  for (const { message, pos } of [...document.errors, ...document.warnings]) walk.refuseAt(pos[0], 'YAML', message);
  if (document.errors.length > 0 || document.contents === null) return;
  walk.group(document.contents, schemaMembers, [], document);
}

/** A walk through one document, beside the table of keys. */
class YamlWalk {
  readonly #file: string;
  readonly #lines: LineCounter;
  readonly #settings: Settings;

  constructor(file: string, lines: LineCounter, settings: Settings) {
    this.#file = file;
    this.#lines = lines;
    this.#settings = settings;
  }

  refuseAt(offset: number, key: string, message: string): void {
    const sentence = /[.?]$/.test(message) ? message : `${message}.`;
    this.#settings.problems.push({ where: this.#whereIs(offset), key, message: sentence });
  }

  group(node: unknown, members: Members, above: readonly string[], place: Document | Scalar): void {
    if (isEmpty(node)) return;
    const path = above.join('.');
    if (!isMap(node)) {
      const allowed = `Allowed: the keys ${Object.keys(members).join(', ')}, each with its value.`;
      this.refuseAt(place.range?.[0] ?? 0, path || 'the file', `${path || 'The file'} has keys inside it. ${allowed}`);
      return;
    }
    for (const pair of node.items) this.#member(pair, members, above);
  }

  #member(pair: Pair, members: Members, above: readonly string[]): void {
    if (!isScalar(pair.key)) return this.refuseAt(0, above.join('.') || 'YAML', 'Every key is a plain word.');
    const name = rawScalar(pair.key);
    const path = [...above, name].join('.');
    const member = Object.hasOwn(members, name) ? members[name] : undefined;
    if (member?.kind === 'group') return this.group(pair.value, member.members, [...above, name], pair.key);
    if (member !== undefined) return this.#value(pair.key, pair.value, path, member, false);
    const secretName = name.endsWith('_file') ? name.slice(0, -'_file'.length) : '';
    const secret = Object.hasOwn(members, secretName) ? members[secretName] : undefined;
    if (secret?.kind === 'key' && secret.secret) {
      return this.#value(pair.key, pair.value, [...above, secretName].join('.'), secret, true);
    }
    this.refuseAt(offsetOf(pair.key), path, unknownKey(path, name, members, above));
  }

  #value(keyNode: Scalar, node: unknown, path: string, key: AnyKey, isFile: boolean): void {
    const written = isFile ? `${path}_file` : path;
    const raw = rawValue(node);
    if (raw !== undefined) {
      const where = this.#whereIs(offsetOf(keyNode));
      addSetting(this.#settings, path, { where, written, raw, isFile });
      return;
    }
    const allowed = isFile ? 'the path of a file that holds the value' : key.type.allowed;
    const wrong = isEmpty(node) ? 'has no value' : 'has a value of the wrong shape';
    this.refuseAt(offsetOf(keyNode), path, `${written} ${wrong}. Allowed: ${allowed}.`);
  }

  #whereIs(offset: number): string {
    return `${this.#file}:${this.#lines.linePos(offset).line}`;
  }
}

function offsetOf(node: Scalar): number {
  return node.range?.[0] ?? 0;
}

/** A value left out, as after `database:` when all its keys are comments. */
function isEmpty(node: unknown): boolean {
  return node === null || (isScalar(node) && node.value === null);
}

/** The scalar's own characters: `0123` and `1e3` reach the key's type as they were written, not as numbers. */
function rawScalar(node: Scalar): string {
  return typeof node.value === 'string' ? node.value : (node.source ?? String(node.value));
}

/** Undefined for what no key takes: nothing at all, maps, lists of lists, aliases. */
function rawValue(node: unknown): RawValue | undefined {
  if (isEmpty(node)) return undefined;
  if (isScalar(node)) return rawScalar(node);
  if (!isSeq(node)) return undefined;
  const items = node.items.map((item) => (isScalar(item) && !isEmpty(item) ? rawScalar(item) : undefined));
  return items.every((item) => item !== undefined) ? items : undefined;
}

function unknownKey(path: string, name: string, members: Members, above: readonly string[]): string {
  const meant = suggest(name, namesOf(members));
  const hint = meant === undefined ? '' : ` Did you mean ${[...above, meant].join('.')}?`;
  const inside = above.length === 0 ? 'at the top' : `in ${above.join('.')}`;
  return `${path} is not a known key.${hint} Allowed ${inside}: ${Object.keys(members).join(', ')}.`;
}

function namesOf(members: Readonly<Record<string, AnyKey | Group<Members>>>): string[] {
  return Object.entries(members).flatMap(([name, member]) =>
    member.kind === 'key' && member.secret ? [name, `${name}_file`] : [name],
  );
}
