/** Writes the generated vectors into their files; run it after changing a sketch. */
import { writeFileSync } from 'node:fs';
import { generateFiles } from '#test/vectors/generate/files.ts';
import { generateStateResolutionFiles } from '#test/vectors/generate/state-resolution/files.ts';

for (const [path, text] of [...generateFiles(), ...generateStateResolutionFiles()]) {
  writeFileSync(new URL(`../${path}`, import.meta.url), text);
  console.log(`${path}: ${text.length} characters`);
}
