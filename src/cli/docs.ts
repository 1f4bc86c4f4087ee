/** Owns `causeway docs`, for people who work on Causeway itself. */
import path from 'node:path';
import { parseArgs } from 'node:util';
import { exitCodes, type Command } from '#cli/command.ts';

export const docs: Command = {
  help: `Usage: causeway docs

Writes config.example.yaml and the generated pages of docs/ again. It is for a checkout: run it
after changing the table that a page is made of, and commit what it wrote.`,
  run: async (args) => {
    parseArgs({ args: [...args], options: {} });
    const { writeGeneratedDocuments } = await import('#config/documents.ts');
    writeGeneratedDocuments(path.resolve(import.meta.dirname, '../..'));
    console.log('The generated documents are up to date.');
    return exitCodes.ok;
  },
};
