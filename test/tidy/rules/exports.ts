/** Owns the rules about exports: named ones only, and from the file that defines them. */
import { findInCode, type TidyRule } from '#test/tidy/rule.ts';

export const noDefaultExports: TidyRule = {
  name: 'exports have names',
  check: (files) =>
    files.flatMap((file) =>
      findInCode(file, /\bexport\s+default\b|\bexport\s*\{[^}]*\bas\s+default\b/g, 'a default export has no name.'),
    ),
  good: [{ 'src/core/a.ts': "export const a = 'export default';" }],
  bad: [{ 'src/core/a.ts': 'export default 1;' }, { 'src/core/a.ts': 'export { a as default };' }],
};

export const noBarrels: TidyRule = {
  name: 'no file only passes on what others export',
  check: (files) =>
    files
      .filter((file) => file.imports.length > 0)
      .flatMap((file) => {
        const everything = findInCode(
          file,
          /\bexport\s*(?:type\s*)?\*/g,
          'passes on everything; name the file that defines it.',
        );
        const rest = file.code.replaceAll(/\b(?:export|import)\b[\w\s*{},$]*\bfrom\s*['"]\s*['"];?/g, '');
        const passesOn = /\bexport\b[^;]*\bfrom\s*['"]/.test(file.code);
        return passesOn && rest.trim() === '' ? [...everything, `${file.path}: only passes on exports.`] : everything;
      }),
  good: [
    { 'src/core/a.ts': "import { pino, type Logger } from 'pino';\nexport type { Logger };\nexport const a = 1;" },
    { 'src/core/a.ts': "export { a } from '#core/b.ts';\nexport const c = 1;" },
  ],
  bad: [
    { 'src/core/a.ts': "export { a } from '#core/b.ts';\nexport type { C } from '#core/c.ts';" },
    { 'src/core/a.ts': "export * from '#core/b.ts';\nexport const a = 1;" },
    { 'src/core/a.ts': "export type * from '#core/b.ts';\nexport const a = 1;" },
  ],
};
