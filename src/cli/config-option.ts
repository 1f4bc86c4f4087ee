/** Owns the option `--config`, which every command that needs the configuration has. */
import { parseArgs } from 'node:util';
import type { Config } from '#config/schema.ts';

export const configHelp = `  --config FILE   the configuration, in YAML; see config.example.yaml. Every key can also be
                  set by an environment variable, such as CAUSEWAY_SERVER_NAME`;

/** The configuration for a command that has no other option. Throws a `ConfigError`, or `parseArgs`' own for wrong words. */
export async function loadConfigFor(args: readonly string[]): Promise<Config> {
  const { values } = parseArgs({ args: [...args], options: { config: { type: 'string' } } });
  return loadConfigFile(values.config);
}

export async function loadConfigFile(file: string | undefined): Promise<Config> {
  const { loadConfig } = await import('#config/load.ts');
  return loadConfig({ file });
}
