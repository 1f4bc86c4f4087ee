/** Owns the rules about what may not be taken out of thin air: time, chance, the environment, the process's end. */
import { findInCode, isProduct, type TidyRule } from '#test/tidy/rule.ts';
import { isWebPage, type SourceFile } from '#test/tidy/source-file.ts';

/** A rule that a pattern occurs in the code of the allowed files only. */
function onlyIn(
  name: string,
  pattern: RegExp,
  isExempt: (file: SourceFile) => boolean,
  message: string,
  samples: Pick<TidyRule, 'good' | 'bad'>,
): TidyRule {
  const check: TidyRule['check'] = (files) =>
    files.flatMap((file) => (isExempt(file) ? [] : findInCode(file, pattern, message)));
  return { name, check, ...samples };
}

export const timeFromClock = onlyIn(
  'time comes from core/clock.ts',
  /\bDate\.now\b|\bnew Date\b|\bDate\(|\bperformance\.(?:now|timeOrigin)\b|\bprocess\.(?:hrtime|uptime)\b/g,
  (file) => !isProduct(file) || isWebPage(file.path) || file.path === 'src/core/clock.ts',
  'the time comes from a Clock.',
  {
    good: [{ 'src/core/clock.ts': 'Date.now()' }, { 'src/core/a.ts': "const s = 'Date.now()'; // new Date()" }],
    bad: [
      { 'src/core/a.ts': 'Date.now()' },
      { 'src/rooms/a.ts': 'new Date(5)' },
      { 'src/rooms/a.ts': 'performance.now()' },
      { 'src/rooms/a.ts': 'const s = `${Date.now()}`;' },
    ],
  },
);

export const noMathRandom = onlyIn(
  'chance comes from core/random.ts, and in tests from a seed',
  /\bMath\.random\b/g,
  () => false,
  'neither secret nor repeatable.',
  {
    good: [{ 'src/core/a.ts': 'Math.max(1, 2)' }],
    bad: [{ 'src/core/a.ts': 'Math.random()' }, { 'test/a.ts': 'Math.random()' }],
  },
);

export const environmentFromConfig = onlyIn(
  'the environment is read by config/ and the launcher',
  /\bprocess\.env\b|\bfrom\s*['"]node:process/g,
  (file) => !isProduct(file) || file.path.startsWith('src/config/') || file.path === 'src/bin.js',
  'what the environment says comes by Config.',
  {
    good: [{ 'src/config/a.ts': 'process.env', 'test/a.ts': 'process.env' }],
    bad: [{ 'src/main.ts': 'process.env.X' }],
  },
);

export const noProcessExit = onlyIn(
  'only the launcher ends the process',
  /\bprocess\.(?:exit|abort|reallyExit)\s*\(/g,
  (file) => !isProduct(file) || file.path === 'src/bin.js',
  'set process.exitCode and let everything close.',
  {
    good: [{ 'src/main.ts': 'process.exitCode = 1;', 'src/bin.js': 'process.exit(1)' }],
    bad: [{ 'src/main.ts': 'process.exit(1)' }],
  },
);
