/** Owns the list of commands; each is loaded only when it is asked for. */
import type { Command } from '#cli/command.ts';

export type CommandEntry = {
  readonly name: string;
  readonly summary: string;
  readonly load: () => Promise<Command>;
};

export const commands: readonly CommandEntry[] = [
  {
    name: 'start',
    summary: 'Run the server.',
    load: async () => (await import('#cli/start.ts')).start,
  },
  {
    name: 'create-user',
    summary: 'Create an account.',
    load: async () => (await import('#cli/create-user.ts')).createUser,
  },
  {
    name: 'list-reports',
    summary: 'Print what users have reported as inappropriate.',
    load: async () => (await import('#cli/list-reports.ts')).listReports,
  },
  {
    name: 'rebuild-room',
    summary: "Make anew what is derived from a room's events.",
    load: async () => (await import('#cli/rebuild-room.ts')).rebuildRoom,
  },
  {
    name: 'purge-room',
    summary: 'Remove a room and all that was said in it.',
    load: async () => (await import('#cli/purge-room.ts')).purgeRoom,
  },
  {
    name: 'check-config',
    summary: 'Check the configuration and say what is wrong with it.',
    load: async () => (await import('#cli/check-config.ts')).checkConfig,
  },
  {
    name: 'status',
    summary: 'Say what runs, where and since when, and how large it is.',
    load: async () => (await import('#cli/status.ts')).status,
  },
  {
    name: 'migrate',
    summary: 'Bring the database to the schema of this version, without starting the server.',
    load: async () => (await import('#cli/migrate.ts')).migrate,
  },
  {
    name: 'backup',
    summary: 'Write all that the server keeps into a directory, while it runs.',
    load: async () => (await import('#cli/backup.ts')).backup,
  },
  {
    name: 'verify-backup',
    summary: 'Check that a backup is as it was written.',
    load: async () => (await import('#cli/verify-backup.ts')).verifyBackup,
  },
  {
    name: 'restore',
    summary: 'Load a backup into an empty database.',
    load: async () => (await import('#cli/restore.ts')).restore,
  },
  {
    name: 'restored',
    summary: 'Say that the database was put back to an earlier state by other means.',
    load: async () => (await import('#cli/restored.ts')).restored,
  },
  {
    name: 'health',
    summary: 'Say whether the running server is ready.',
    load: async () => (await import('#cli/health.ts')).health,
  },
  {
    name: 'docs',
    summary: 'Write the generated documents of a checkout again.',
    load: async () => (await import('#cli/docs.ts')).docs,
  },
  {
    name: 'version',
    summary: 'Print the version.',
    load: async () => (await import('#cli/version.ts')).version,
  },
];
