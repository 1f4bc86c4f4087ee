/** Owns `causeway docs`, for people who work on Causeway itself. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { exitCodes, UsageError, type Command } from '#cli/command.ts';

export const docs: Command = {
  help: `Usage: causeway docs

Writes config.example.yaml and the generated pages of docs/ again. It is for a checkout: run it
after changing the table that a page is made of, and commit what it wrote.`,
  run: async (args) => {
    parseArgs({ args: [...args], options: {} });
    const root = path.resolve(import.meta.dirname, '../..');
    const specification = path.join(root, 'test/spec/operations.json');
    if (!existsSync(specification)) {
      throw new UsageError('"causeway docs" is for a checkout: an installed package has no test/spec/operations.json.');
    }
    const { writeGeneratedDocuments } = await import('#config/documents.ts');
    const { renderEndpointsDocument } = await import('#http/list-endpoints.ts');
    const { endpoints } = await import('#api/endpoints.ts');
    const { operations } = JSON.parse(readFileSync(specification, 'utf8'));
    writeGeneratedDocuments(root);
    writeFileSync(path.join(root, 'docs/endpoints.md'), renderEndpointsDocument(endpoints, operations));
    console.log('The generated documents are up to date.');
    return exitCodes.ok;
  },
};
