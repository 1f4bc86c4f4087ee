/** Owns the rules about who imports whom. */
import { layerOf, rankOf } from '#test/tidy/layers.ts';
import { finding, isProduct, type TidyRule } from '#test/tidy/rule.ts';
import { importedPath, type SourceFile, isWebPage } from '#test/tidy/source-file.ts';

/** Why the file may not import the path, or undefined. */
function checkImport(file: SourceFile, imported: string): string | undefined {
  const target = layerOf(imported);
  const own = layerOf(file.path);
  if (isProduct(file) && (imported.startsWith('test/') || /\.test\.[jt]s$/.test(imported))) {
    return 'the product does not import tests';
  }
  if (file.path.startsWith('bridges/') && target !== 'core' && target !== 'matrix') {
    return 'a bridge imports only core and matrix from the homeserver';
  }
  if (file.path.startsWith('migrations/') && target !== undefined && target !== 'core') {
    return 'a migration imports only core, since what it imports must never change';
  }
  if (imported.startsWith('migrations/') && own !== 'storage' && isProduct(file) && own !== undefined) {
    return 'only storage knows the migrations';
  }
  if (own === undefined || target === undefined) return undefined;
  const ownRank = rankOf(own);
  const targetRank = rankOf(target);
  if (ownRank === undefined) return `${own} has no place in the order of layers`;
  if (targetRank === undefined) return `${target} has no place in the order of layers`;
  if (targetRank > ownRank) return `${own} stands before ${target} and must not import it`;
  if (target === 'context' && own !== 'context' && own !== 'api' && own !== 'server' && !file.isTest) {
    return 'only server.ts and api/ import the context; everything else is handed what it needs';
  }
  return undefined;
}

export const layering: TidyRule = {
  name: 'a folder imports only from folders before it',
  check: (files) =>
    files.flatMap((file) =>
      file.imports.flatMap(({ text, offset }) => {
        const imported = importedPath(text);
        const why = imported === undefined ? undefined : checkImport(file, imported);
        return why === undefined ? [] : [finding(file, offset, `imports ${text}: ${why}.`)];
      }),
    ),
  good: [
    { 'src/rooms/a.ts': "import { b } from '#storage/rooms/b.ts';\nimport type { C } from '#rooms/c.ts';" },
    { 'src/api/a.ts': "import type { Context } from '#context.ts';", 'src/main.ts': "import { a } from '#cli/a.ts';" },
    { 'src/core/a.test.ts': "import { a } from '#test/support/a.ts';", 'test/a.test.ts': "import '#server.ts';" },
    { 'src/core/a.ts': "// import { b } from '#rooms/b.ts';\nconst s = \"import x from '#rooms/b.ts'\";" },
    {
      'src/storage/a.ts': "import { m } from '#migrations/m.ts';",
      'migrations/m.ts': "import { a } from '#core/a.ts';",
    },
  ],
  bad: [
    { 'src/core/a.ts': "import { b } from '#matrix/b.ts';" },
    { 'src/rooms/a.ts': "import type { B } from '#sync/b.ts';" },
    { 'src/rooms/a.ts': "import {\n  type B,\n  c,\n} from '#push/b.ts';" },
    { 'src/storage/a.ts': "export { b } from '#rooms/b.ts';" },
    { 'src/storage/a.ts': "const b = await import('#rooms/b.ts');" },
    { 'src/storage/a.ts': "new Worker(new URL(import.meta.resolve('#rooms/b.ts')));" },
    { 'src/server.ts': "import { a } from '#main.ts';" },
    { 'src/core/a.test.ts': "import { b } from '#rooms/b.ts';" },
    { 'src/odd/a.ts': "import { b } from '#core/b.ts';" },
    { 'src/core/a.ts': "import { b } from '#test/b.ts';" },
    { 'src/http/a.ts': "import type { Context } from '#context.ts';" },
    { 'bridges/a/b.ts': "import { b } from '#rooms/b.ts';" },
    { 'migrations/m.ts': "import { b } from '#storage/b.ts';" },
    { 'src/rooms/a.ts': "import { m } from '#migrations/m.ts';" },
  ],
};

export const noRelativeImports: TidyRule = {
  name: 'imports go through the import map',
  check: (files) =>
    files
      .filter((file) => file.path !== 'src/bin.js' && !isWebPage(file.path))
      .flatMap((file) =>
        file.imports
          .filter(({ text }) => /^\.{0,2}\//.test(text) || text.startsWith('file:'))
          .map(({ text, offset }) => finding(file, offset, `imports ${text}; write it with #.`)),
      ),
  good: [
    { 'src/bin.js': "import('./main.ts');", 'src/core/a.ts': "import { b } from '#core/b.ts';\nimport pg from 'pg';" },
    { 'src/api/web/page/a.js': "import { b } from './b.js';" },
  ],
  bad: [
    { 'src/core/a.ts': "import { b } from './b.ts';" },
    { 'test/a.test.ts': "import '../b.ts';" },
    { 'src/core/a.ts': "await import('../b.ts');" },
  ],
};

const pureBuiltins = new Set(['node:crypto', 'node:buffer', 'node:util', 'node:assert', 'node:assert/strict']);

export const matrixIsPure: TidyRule = {
  name: 'matrix/ does no input or output, and takes neither clock nor randomness',
  check: (files) =>
    files
      .filter((file) => isProduct(file) && layerOf(file.path) === 'matrix')
      .flatMap((file) => [
        ...file.imports
          .filter(({ text }) =>
            text.startsWith('node:') ? !pureBuiltins.has(text) : /^#core\/(?:clock|random|logger)/.test(text),
          )
          .map(({ text, offset }) => finding(file, offset, `imports ${text}, which is not pure.`)),
        ...[...file.code.matchAll(/\b(?:fetch|setTimeout|setInterval|setImmediate)\s*\(/g)].map((match) =>
          finding(file, match.index, `calls ${match[0]}…), which is not pure.`),
        ),
      ]),
  good: [{ 'src/matrix/a.ts': "import { sign } from 'node:crypto';", 'src/core/a.ts': "import 'node:fs';" }],
  bad: [
    { 'src/matrix/a.ts': "import { readFileSync } from 'node:fs';" },
    { 'src/matrix/a.ts': "import { systemClock } from '#core/clock.ts';" },
    { 'src/matrix/a.ts': 'await fetch(url);' },
  ],
};
