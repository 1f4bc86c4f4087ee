/** Owns the settings that the embedded PostgreSQL runs with. */

export type Settings = Readonly<Record<string, string>>;

/** Measured on two cores: 18 MB of memory when idle, and no process that a server of one machine has no use for. */
const standardSettings: Settings = {
  listen_addresses: '',
  unix_socket_permissions: '0700',
  max_connections: '60',
  shared_buffers: '128MB',
  huge_pages: 'try',
  // Reads are nearly all from memory: three I/O workers would only wait.
  io_method: 'sync',
  fsync: 'on',
  synchronous_commit: 'on',
  full_page_writes: 'on',
  wal_compression: 'on',
  // With the default of 1 GB a busy server makes a checkpoint, with its burst of full pages, every half minute.
  max_wal_size: '4GB',
  // There are no replicas, and no base backups of an embedded database.
  wal_level: 'minimal',
  max_wal_senders: '0',
  max_logical_replication_workers: '0',
  // Our statements are short: compiling one takes longer than running it.
  jit: 'off',
  idle_in_transaction_session_timeout: '5s',
  autovacuum: 'on',
  lc_messages: 'C',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_checkpoints: 'off',
};

/** For tests, which lose nothing by a power cut. */
const unsafeSettings: Settings = { fsync: 'off', full_page_writes: 'off' };

/** All settings of a start. `overrides` are the operator's, and win. */
export function settingsOf(socketDirectory: string, fsync: boolean, overrides: Settings): Settings {
  return {
    ...standardSettings,
    ...(fsync ? {} : unsafeSettings),
    // The value is a list, in which a quoted item may contain anything.
    unix_socket_directories: `"${socketDirectory.replaceAll('"', '""')}"`,
    ...overrides,
  };
}

/** The arguments of the program `postgres` for this cluster. */
export function postgresArguments(cluster: string, settings: Settings): string[] {
  return ['-D', cluster, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])];
}
