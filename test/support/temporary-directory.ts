/** Owns directories that exist for one test. */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

export type TemporaryDirectory = Disposable & { readonly path: string };

/** A new directory that every account may pass through, since PostgreSQL runs as another one when the tests run as root. */
export function makeTemporaryDirectory(): TemporaryDirectory {
  const directory = mkdtempSync(path.join(tmpdir(), 'causeway-test-'));
  chmodSync(directory, 0o711);
  return { path: directory, [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }) };
}
