/** Owns a file as the tidy rules see it: its text, its code without comments and strings, and its imports. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { maskSource, type Literal } from '#test/tidy/mask-source.ts';

export type SourceFile = {
  /** Relative to the project's directory, with slashes. */
  readonly path: string;
  readonly text: string;
  readonly code: string;
  readonly literals: readonly Literal[];
  /** What is imported, re-exported or resolved by its name, with where the name stands. */
  readonly imports: readonly Literal[];
  readonly isTest: boolean;
};

// The names stand in blanked strings: the match says where, the text says what.
const importPattern =
  /(?:\b(?:import|export)\b[\w\s*{},$]*\bfrom\s*|\bimport\s*\(?\s*|\bimport\.meta\.resolve\s*\(\s*)(['"])(\s*)\1/g;

/** Makes a file out of its text. Files that are not code have neither code nor imports. */
export function sourceFile(filePath: string, text: string): SourceFile {
  const isCode = /\.[jt]s$/.test(filePath);
  const { code, literals } = isCode ? maskSource(text) : { code: '', literals: [] };
  const imports = [...code.matchAll(importPattern)].map((match) => {
    const offset = match.index + match[0].length - 1 - (match[2] ?? '').length;
    return { text: text.slice(offset, offset + (match[2] ?? '').length), offset };
  });
  return { path: filePath, text, code, literals, imports, isTest: /\.test\.[jt]s$/.test(filePath) };
}

const folders = ['src', 'bridges', 'migrations', 'test', 'docs', 'deploy', '.ci'];
const rootFiles = /^(?:[\w.-]+\.(?:md|yaml|json)|LICENSE)$/;
const readable = /(?:\.(?:ts|js|json|md|yaml|yml|sh|sql)|\/run|\/Dockerfile|LICENSE)$/;

/** Every file of the project that people write. */
export function projectFiles(rootDir: string): SourceFile[] {
  const inFolders = folders.flatMap((folder) => filesBelow(rootDir, folder));
  const atRoot = readdirSync(rootDir).filter((name) => rootFiles.test(name) && name !== 'package-lock.json');
  return [...atRoot, ...inFolders]
    .filter(
      (filePath) => readable.test(filePath) && !filePath.endsWith('.d.ts') && !filePath.startsWith('test/vectors/'),
    )
    .map((filePath) => sourceFile(filePath, readFileSync(path.join(rootDir, filePath), 'utf8')));
}

function filesBelow(rootDir: string, folder: string): string[] {
  let entries;
  try {
    entries = readdirSync(path.join(rootDir, folder), { withFileTypes: true });
  } catch {
    // A folder that the project does not have yet.
    return [];
  }
  return entries.flatMap((entry) => {
    const below = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return entry.name === 'node_modules' ? [] : filesBelow(rootDir, below);
    return entry.isFile() ? [below] : [];
  });
}

/** Whether a file is a part of the web page, which runs in a browser: it is written for another world than the server. */
export function isWebPage(filePath: string): boolean {
  return filePath.startsWith('src/api/web/page/');
}

/** The line on which an offset lies, counted from 1. */
export function lineOf(file: SourceFile, offset: number): number {
  let line = 1;
  for (let at = file.text.indexOf('\n'); at !== -1 && at < offset; at = file.text.indexOf('\n', at + 1)) line += 1;
  return line;
}

/** The file that an import through the import map names, or undefined for packages and builtins. */
export function importedPath(specifier: string): string | undefined {
  if (!specifier.startsWith('#')) return undefined;
  const name = specifier.slice(1);
  return /^(?:migrations|test)\//.test(name) ? name : `src/${name}`;
}
