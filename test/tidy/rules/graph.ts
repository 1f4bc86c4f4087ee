/** Owns the rules about the graph of files: no cycles, and nothing that nobody uses. */
import type { TidyRule } from '#test/tidy/rule.ts';
import { importedPath, isWebPage, type SourceFile } from '#test/tidy/source-file.ts';

function importsOf(file: SourceFile): string[] {
  return file.imports.flatMap(({ text }) => importedPath(text) ?? relativePath(file.path, text) ?? []);
}

/** The library that the server serves to the page under a name of the page's. */
const servedLibrary = 'src/api/web/page/uqr.js';

/** The launcher, plain JavaScript beside what it starts, and the web page import by relative paths. */
function relativePath(from: string, specifier: string): string | undefined {
  if (!specifier.startsWith('./') || (from !== 'src/bin.js' && !isWebPage(from))) return undefined;
  const target = `${from.slice(0, from.lastIndexOf('/'))}/${specifier.slice(2)}`;
  return target === servedLibrary ? undefined : target;
}

export const noCycles: TidyRule = {
  name: 'no file imports itself, however far round',
  check: (files) => {
    const graph = new Map(files.map((file) => [file.path, importsOf(file)]));
    const finished = new Set<string>();
    const found: string[] = [];
    const visit = (filePath: string, trail: string[]): void => {
      if (finished.has(filePath)) return;
      const start = trail.indexOf(filePath);
      if (start !== -1) {
        found.push(`${[...trail.slice(start), filePath].join(' imports ')}.`);
        return;
      }
      for (const imported of graph.get(filePath) ?? []) visit(imported, [...trail, filePath]);
      finished.add(filePath);
    };
    for (const filePath of graph.keys()) visit(filePath, []);
    return found;
  },
  good: [{ 'src/core/a.ts': "import '#core/b.ts';\nimport '#core/c.ts';", 'src/core/b.ts': "import '#core/c.ts';" }],
  bad: [
    { 'src/core/a.ts': "import '#core/a.ts';" },
    { 'src/core/a.ts': "import '#core/b.ts';", 'src/core/b.ts': "import type { A } from '#core/a.ts';" },
    { 'src/a.ts': "import '#b.ts';", 'src/b.ts': "import '#c.ts';", 'src/c.ts': "export { a } from '#a.ts';" },
  ],
};

const starters = new Set(['src/bin.js', 'src/main.ts', 'src/api/web/page/main.js']);

export const noDeadFiles: TidyRule = {
  name: 'every file of src is used',
  check: (files) => {
    const imported = new Set(files.flatMap((file) => importsOf(file).filter((target) => target !== file.path)));
    return files
      .filter((file) => /^src\/.*\.[jt]s$/.test(file.path) && !file.isTest && !starters.has(file.path))
      .filter((file) => !imported.has(file.path))
      .map((file) => `${file.path}: nothing imports this file.`);
  },
  good: [{ 'src/bin.js': "import('./cli/a.ts');", 'src/cli/a.ts': "import '#core/b.ts';", 'src/core/b.ts': '' }],
  bad: [{ 'src/core/b.ts': '' }, { 'src/core/b.ts': "import '#core/b.ts';" }],
};

export const importsExist: TidyRule = {
  name: 'what is imported from the tree exists',
  check: (files) => {
    const known = new Set(files.map((file) => file.path));
    return files.flatMap((file) =>
      importsOf(file)
        // The vectors' own files are not among those that the rules look at.
        .filter((target) => /\.[jt]s$/.test(target) && !target.startsWith('test/vectors/') && !known.has(target))
        .map((target) => `${file.path}: imports ${target}, which does not exist.`),
    );
  },
  good: [{ 'src/core/a.ts': "import '#core/b.ts';", 'src/core/b.ts': '' }],
  bad: [{ 'src/core/a.ts': "import '#core/b.ts';" }, { 'src/core/a.ts': "await import('#core/c.ts');" }],
};
