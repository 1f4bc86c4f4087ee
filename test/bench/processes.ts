/** Owns what Linux tells about processes: which belong to a server, their memory, their processor time. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** `postgres` is the database; `own` is everything else that the server consists of. */
export type ServerProcess = { pid: number; kind: 'own' | 'postgres'; cpuMs: number };
export type Memory = { rssBytes: number; pssBytes: number | undefined };

type Found = ServerProcess & { parentPid: number };

/** Linux counts processor time in hundredths of a second for user space, whatever the kernel's own tick. */
const cpuTickMs = 10;

/**
 * The process `rootPid` with all its descendants and, with a data directory, whatever else works in it or names it:
 * a database that outlived its server is found too. Empty where there is no /proc.
 */
export function listServerProcesses(rootPid: number | undefined, dataDir?: string): ServerProcess[] {
  const all = listAll();
  const chosen = new Set<number>(rootPid === undefined ? [] : [rootPid]);
  if (dataDir !== undefined) {
    for (const { pid } of all) if (pid !== process.pid && belongsTo(pid, dataDir)) chosen.add(pid);
  }
  // Children can have lower ids than their parents, hence the repetition until nothing is added.
  for (let before = -1; before !== chosen.size;) {
    before = chosen.size;
    for (const { pid, parentPid } of all) if (chosen.has(parentPid)) chosen.add(pid);
  }
  return all.filter(({ pid }) => chosen.has(pid));
}

/** Those of `processes` that have not ended. */
export function stillRunning(processes: readonly ServerProcess[]): ServerProcess[] {
  return processes.filter(({ pid }) => readStat(pid) !== undefined);
}

/** Memory of all processes of one kind. RSS counts shared pages once per process, PSS shares them out. */
export function measureMemory(processes: readonly ServerProcess[], kind: ServerProcess['kind']): Memory {
  const memory: Memory = { rssBytes: 0, pssBytes: 0 };
  for (const { pid } of processes.filter((process) => process.kind === kind)) {
    memory.rssBytes += readKib(pid, 'status', /^VmRSS:\s+(\d+) kB/m) ?? 0;
    const pss = readKib(pid, 'smaps_rollup', /^Pss:\s+(\d+) kB/m);
    memory.pssBytes = pss === undefined || memory.pssBytes === undefined ? undefined : memory.pssBytes + pss;
  }
  return memory;
}

function listAll(): Found[] {
  return directory('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => readStat(Number(name)) ?? []);
}

function readStat(pid: number): Found | undefined {
  const text = readText(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  // The name stands in parentheses and may itself contain spaces and parentheses.
  const nameEnd = text.lastIndexOf(')');
  const name = text.slice(text.indexOf('(') + 1, nameEnd);
  const fields = text.slice(nameEnd + 2).split(' ');
  // A zombie has ended and only waits for its parent to notice.
  if (fields[0] === 'Z') return undefined;
  const cpuTicks = Number(fields[11]) + Number(fields[12]);
  return {
    pid,
    parentPid: Number(fields[1]),
    kind: name.startsWith('postgres') ? 'postgres' : 'own',
    cpuMs: cpuTicks * cpuTickMs,
  };
}

function belongsTo(pid: number, dataDir: string): boolean {
  if (readText(`/proc/${pid}/cmdline`)?.includes(dataDir) === true) return true;
  try {
    const workingDir = readlinkSync(`/proc/${pid}/cwd`);
    return workingDir === dataDir || workingDir.startsWith(`${dataDir}/`);
  } catch {
    return false;
  }
}

function readKib(pid: number, file: string, pattern: RegExp): number | undefined {
  const kib = pattern.exec(readText(`/proc/${pid}/${file}`) ?? '')?.[1];
  return kib === undefined ? undefined : Number(kib) * 1024;
}

// Processes end between being listed and being read, and other users' files may be closed to us.
function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function directory(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
