/** Writes the generated vectors into their files; run it after changing a sketch. */
import { writeFileSync } from 'node:fs';
import { generateFiles } from '#test/vectors/generate/files.ts';

for (const [path, text] of generateFiles()) {
  writeFileSync(new URL(`../${path}`, import.meta.url), text);
  console.log(`${path}: ${text.length} characters`);
}
