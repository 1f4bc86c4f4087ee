/** Owns the entry of the program proper: the command line, and the exit code that comes of it. */
import { runCommandLine } from '#cli/run.ts';

process.exitCode = await runCommandLine(process.argv.slice(2));
