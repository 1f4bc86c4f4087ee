/** Owns running the command that the command line names, and what the operator sees when it fails. */
import { ConfigError } from '#config/config-error.ts';
import { StartError } from '#core/start-error.ts';
import { exitCodes, UsageError } from '#cli/command.ts';
import { commands, type CommandEntry } from '#cli/commands.ts';

/** Runs `args`, the words after `causeway`, and returns the exit code: 0 done, 1 failed, 2 wrongly called. */
export async function runCommandLine(args: readonly string[]): Promise<number> {
  const [name = 'help', ...rest] = args;
  try {
    if (['help', '--help', '-h'].includes(name)) return await printHelp(rest[0]);
    const entry = requireCommand(name === '--version' ? 'version' : name);
    if (rest.includes('--help') || rest.includes('-h')) return await printHelp(entry.name);
    const command = await entry.load();
    return await command.run(rest);
  } catch (error) {
    return explain(error);
  }
}

async function printHelp(name: string | undefined): Promise<number> {
  if (name !== undefined) {
    const command = await requireCommand(name).load();
    console.log(command.help);
    return exitCodes.ok;
  }
  const rows = [...commands, { name: 'help', summary: 'Explain a command: causeway help COMMAND.' }];
  const list = rows.map((row) => `  ${row.name.padEnd(14)}${row.summary}`).join('\n');
  console.log(`Causeway, a federated Matrix homeserver.\n\nUsage: causeway COMMAND [options]\n\n${list}`);
  return exitCodes.ok;
}

function requireCommand(name: string): CommandEntry {
  const entry = commands.find((candidate) => candidate.name === name);
  if (entry === undefined) throw new UsageError(`There is no command "${name}".`);
  return entry;
}

/** Errors that an operator can mend are sentences; only what nobody foresaw shows a stack. */
function explain(error: unknown): number {
  if (error instanceof UsageError || isArgumentError(error)) {
    console.error(`${error.message}\nSee: causeway help`);
    return exitCodes.usage;
  }
  if (error instanceof StartError) {
    console.error(error.message);
    return error.exitCode;
  }
  console.error(error instanceof ConfigError ? error.message : error);
  return exitCodes.failure;
}

/** What `parseArgs` throws for an option it does not know, or one without its value. */
function isArgumentError(error: unknown): error is Error {
  return error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS_');
}
