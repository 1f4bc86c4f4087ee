/** Owns reading settings from environment variables. */
import { flatKeys, type FlatKey } from '#config/flat-keys.ts';
import { addSetting, type Settings } from '#config/setting.ts';
import { suggest } from '#config/suggest.ts';

const PREFIX = 'CAUSEWAY_';
// Variables of the test suite and the benchmark, which start servers with their own environment.
const foreignPrefixes = ['CAUSEWAY_TEST_', 'CAUSEWAY_BENCH_'];

type Target = { readonly flatKey: FlatKey; readonly isFile: boolean };

const targets = new Map<string, Target>(
  flatKeys.flatMap((flatKey): [string, Target][] => {
    const direct: [string, Target] = [flatKey.variable, { flatKey, isFile: false }];
    return flatKey.key.secret ? [direct, [`${flatKey.variable}_FILE`, { flatKey, isFile: true }]] : [direct];
  }),
);

/**
 * The settings of all variables that begin with `CAUSEWAY_`. An empty one counts as absent unless its key accepts an
 * empty value, because compose files pass on variables that nobody has set. An unknown one is a problem.
 */
export function readEnvironment(env: Readonly<Record<string, string | undefined>>): Settings {
  const settings: Settings = { byPath: new Map(), problems: [] };
  for (const [name, value] of Object.entries(env)) {
    if (value === undefined || !name.startsWith(PREFIX) || isForeign(name, value)) continue;
    const target = targets.get(name);
    if (target === undefined) {
      settings.problems.push({ where: name, key: name, message: unknownVariable(name) });
      continue;
    }
    const { flatKey, isFile } = target;
    if (value === '' && (isFile || flatKey.key.type.acceptsEmpty !== true)) continue;
    addSetting(settings, flatKey.path, { where: name, written: name, raw: value, isFile });
  }
  return settings;
}

/**
 * Not ours to judge: the test suite's variables, and those that Kubernetes puts into every container beside a service
 * called `causeway` (its address in several forms).
 */
function isForeign(name: string, value: string): boolean {
  if (foreignPrefixes.some((prefix) => name.startsWith(prefix))) return true;
  return (
    /^CAUSEWAY_(?:SERVICE_(?:HOST|PORT)|PORT_\d+_)/.test(name) || (name === 'CAUSEWAY_PORT' && value.includes('://'))
  );
}

function unknownVariable(name: string): string {
  const meant = suggest(
    name.slice(PREFIX.length),
    [...targets.keys()].map((known) => known.slice(PREFIX.length)),
  );
  const hint = meant === undefined ? 'docs/config.md lists those that are.' : `Did you mean ${PREFIX}${meant}?`;
  return `${name} is not a variable that Causeway knows. ${hint}`;
}
