/** Owns the process that migrates: it takes the tens of megabytes of MikroORM with it when it ends. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { MigrationTask } from '#storage/migration-list.ts';

export type Migrator = Disposable & {
  /** Runs the migrations, once. Throws when they fail, and when the process is ended meanwhile. */
  run(task: MigrationTask): Promise<void>;
};

/** Starts the process, which loads what it needs while the caller does something else. Disposing ends it, whatever it does. */
export function startMigrator(): Migrator {
  const child = fork(fileURLToPath(import.meta.resolve('#storage/migration-process.ts')), [], { execArgv: [] });
  const ended = once(child, 'exit');
  // A failure to start is told by `run`; an unused process has nobody to tell.
  ended.catch(() => undefined);
  return {
    async run(task) {
      child.send(task);
      const [code] = await ended;
      if (code !== 0) throw new Error(`The process that migrates the database ended with ${String(code)}.`);
    },
    [Symbol.dispose]() {
      if (child.exitCode === null && child.signalCode === null) child.kill();
    },
  };
}
