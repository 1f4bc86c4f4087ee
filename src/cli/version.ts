/** Owns `causeway version`. */
import { readFileSync } from 'node:fs';
import type { Command } from '#cli/command.ts';
import { exitCodes } from '#cli/command.ts';

export function readVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  const isManifest = typeof manifest === 'object' && manifest !== null && 'version' in manifest;
  return isManifest ? String(manifest.version) : 'unknown';
}

export const version: Command = {
  help: 'Usage: causeway version\n\nPrints the version of Causeway and of Node.js.',
  run: async () => {
    console.log(`Causeway ${readVersion()}, Node.js ${process.versions.node}`);
    return exitCodes.ok;
  },
};
