/** Owns finding a Node.js that can run TypeScript as it is: the one that runs already, or the one npm brought along. */
import { createRequire } from 'node:module';
import path from 'node:path';

/** The first release that strips types without a flag and without a warning. */
export const oldestNode = [24, 12];

/** V8 grows the space of young objects to 2 × 16 MB and more by default; a server gains nothing by it but memory. */
export const memoryFlags = ['--max-semi-space-size=8', '--heap-growing-percent=100'];

/**
 * @param {string} version such as `24.12.0`
 * @returns {boolean}
 */
export function isNewEnough(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [oldestMajor = 0, oldestMinor = 0] = oldestNode;
  return major > oldestMajor || (major === oldestMajor && minor >= oldestMinor);
}

/**
 * The program of the optional npm package for this platform, if it is installed.
 * @returns {string | undefined}
 */
export function findBundledNode() {
  const platform = process.platform === 'win32' ? 'win' : process.platform;
  try {
    const manifest = createRequire(import.meta.url).resolve(`node-${platform}-${process.arch}/package.json`);
    return path.join(path.dirname(manifest), 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
  } catch {
    return undefined;
  }
}

/** One sentence for somebody whose Node is too old and for whose platform npm brought none along. */
export function nodeNeeded() {
  return (
    `Causeway needs Node.js ${oldestNode.join('.')} or newer and this is ${process.versions.node}: install it from ` +
    'https://nodejs.org/en/download, or run npm install again without --omit=optional.'
  );
}
