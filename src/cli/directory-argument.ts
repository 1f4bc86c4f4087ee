/** Owns the words of the commands that take one directory. */
import { parseArgs } from 'node:util';
import { UsageError } from '#cli/command.ts';

/** Throws a `UsageError` unless there is exactly one directory. */
export function readDirectoryArgument(
  command: string,
  args: readonly string[],
): { readonly directory: string; readonly configFile: string | undefined } {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { config: { type: 'string' } },
  });
  const [directory, ...others] = positionals;
  if (directory === undefined || others.length > 0) throw new UsageError(`${command} takes one directory.`);
  return { directory, configFile: values.config };
}
