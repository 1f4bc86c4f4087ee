/** Owns what a backup says of itself: `manifest.json`, and the names of the files beside it. */
import path from 'node:path';
import { Type, type Static } from 'typebox';
import { Compile } from 'typebox/compile';

/** Raised when a program of before could misread what is written from then on. */
export const FORMAT = 1;

/** Names go into SQL and into paths. */
const name = Type.String({ pattern: '^[a-z_][a-z0-9_]{0,62}$' });
const count = Type.Integer({ minimum: 0 });

const manifestSchema = Type.Object({
  format: Type.Integer(),
  /** When the snapshot was taken, by the database's clock. */
  created_at: Type.String(),
  /** Of the program that wrote it, and of the database it was read from. */
  causeway: Type.String(),
  postgres: Type.String(),
  server_names: Type.Array(Type.String()),
  schema: Type.Object({ fingerprint: Type.String(), migrations: Type.Array(Type.String()) }),
  /** The last value that each sequence has given; those that gave none are left out. */
  sequences: Type.Array(Type.Object({ name, last_value: Type.Integer() })),
  tables: Type.Array(
    Type.Object({
      name,
      columns: Type.Array(name),
      rows: count,
      /** Of the compressed file. */
      bytes: count,
      sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
    }),
  ),
});

export type Manifest = Static<typeof manifestSchema>;
export type TableOfBackup = Manifest['tables'][number];

const validator = Compile(manifestSchema);

/** Undefined for what no version has written. */
export function parseManifest(text: string): Manifest | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    return validator.Check(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}

/** Media will have a folder beside it. */
export const tablesFolder = 'tables';
export const manifestFile = 'manifest.json';
/** Holds the manifest's SHA-256, as `sha256sum` writes it. */
export const manifestHashFile = 'manifest.json.sha256';

/** The file of a table's rows, below the backup's directory. */
export function tableFile(table: string): string {
  return path.join(tablesFolder, `${table}.copy.zst`);
}
