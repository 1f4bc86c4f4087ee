/** Owns making the configuration out of its file, the environment and the defaults, with all problems told at once. */
import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { ConfigError, type ConfigProblem } from '#config/config-error.ts';
import { findContradictions } from '#config/contradictions.ts';
import { flatKeys, schemaMembers, type FlatKey, type Members } from '#config/flat-keys.ts';
import { readEnvironment } from '#config/read-environment.ts';
import { readYamlFile } from '#config/read-yaml.ts';
import type { ValuesOf } from '#config/key.ts';
import type { Config, configSchema } from '#config/schema.ts';
import type { Setting } from '#config/setting.ts';
import type { RawValue } from '#config/value-types.ts';

const SECRET_FILE_BYTES_MAX = 65_536;
const TRIAL_SERVER_NAME = 'localhost';

export type ConfigSources = {
  /** The YAML file, relative to `cwd`; none by default. */
  readonly file?: string | undefined;
  /** The environment, which wins over the file; that of the process by default. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Where relative paths begin; the working directory by default. */
  readonly cwd?: string;
};

/** The configuration, deeply frozen. Throws a `ConfigError` with every problem of the file and of the environment. */
export function loadConfig(sources: ConfigSources): Config {
  const { env = process.env, cwd = process.cwd() } = sources;
  const fromFile = sources.file === undefined ? undefined : readYamlFile(path.resolve(cwd, sources.file));
  const fromEnvironment = readEnvironment(env);
  const problems = [...(fromFile?.problems ?? []), ...fromEnvironment.problems];
  const values = new Map<string, unknown>();
  for (const flatKey of flatKeys) {
    const inEnvironment = fromEnvironment.byPath.get(flatKey.path);
    const inFile = fromFile?.byPath.get(flatKey.path);
    // What the environment overrides is still checked: an error in the file would show on the day the variable goes.
    if (inEnvironment !== undefined && inFile?.isFile === false) parseSetting(flatKey, inFile, cwd, problems);
    const setting = inEnvironment ?? inFile;
    values.set(flatKey.path, setting ? parseSetting(flatKey, setting, cwd, problems) : defaultOf(flatKey));
  }
  if (problems.length > 0) throw new ConfigError(problems);
  const config = complete(values, cwd);
  const contradictions = findContradictions(config);
  if (contradictions.length > 0) throw new ConfigError(contradictions);
  return deepFreeze(config);
}

/** The tree of `Config`, and what follows from other keys. */
function complete(values: ReadonlyMap<string, unknown>, cwd: string): Config {
  // ValuesOf describes by types what buildTree does with the same table; load.test.ts holds the two together.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const tree = buildTree(schemaMembers, '', false, values) as ValuesOf<typeof configSchema>;
  return {
    ...tree,
    dataDir: path.resolve(cwd, tree.dataDir),
    serverName: tree.serverName ?? TRIAL_SERVER_NAME,
    trial: tree.serverName === undefined,
  };
}

function buildTree(members: Members, above: string, keepsNames: boolean, values: ReadonlyMap<string, unknown>): object {
  const entries = Object.entries(members).map(([name, member]): [string, unknown] => {
    const property = keepsNames ? name : camelCase(name);
    if (member.kind === 'key') return [property, values.get(above + name)];
    return [property, buildTree(member.members, `${above}${name}.`, member.keepsNames, values)];
  });
  return Object.fromEntries(entries);
}

function camelCase(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

function defaultOf({ key, path: keyPath }: FlatKey): unknown {
  if (key.default === undefined) return undefined;
  const parsed = key.type.parse(key.default);
  if (parsed === undefined) throw new Error(`The default of ${keyPath} is not one of its allowed values.`);
  return parsed.value;
}

/** The value of the setting, or undefined after adding a problem. */
function parseSetting(
  { key, path: keyPath }: FlatKey,
  setting: Setting,
  cwd: string,
  problems: ConfigProblem[],
): unknown {
  const { where, written } = setting;
  const refuse = (message: string) => problems.push({ where, key: keyPath, message });
  const raw = setting.isFile ? readSecretFile(setting.raw, cwd, written, refuse) : setting.raw;
  if (raw === undefined) return undefined;
  const parsed = key.type.parse(raw);
  if (parsed !== undefined) return parsed.value;
  const value = key.secret || setting.isFile ? 'the value given' : JSON.stringify(raw).slice(0, 200);
  refuse(`${written}: ${value} is not allowed. Allowed: ${key.type.allowed}.`);
  return undefined;
}

/** The file's content without the newline that editors and `echo` put at its end. */
function readSecretFile(
  file: RawValue,
  cwd: string,
  written: string,
  refuse: (message: string) => void,
): string | undefined {
  if (typeof file !== 'string' || file === '') {
    refuse(`${written} is the path of a file that holds the value.`);
    return undefined;
  }
  try {
    const resolved = path.resolve(cwd, file);
    if (statSync(resolved).size <= SECRET_FILE_BYTES_MAX) return readFileSync(resolved, 'utf8').replace(/\r?\n$/, '');
    refuse(`${written}: the file ${file} has more than ${SECRET_FILE_BYTES_MAX} bytes.`);
  } catch (error) {
    refuse(`${written}: the file ${file} cannot be read: ${error instanceof Error ? error.message : String(error)}.`);
  }
  return undefined;
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const inner of Object.values(value)) deepFreeze(inner);
    Object.freeze(value);
  }
  return value;
}
