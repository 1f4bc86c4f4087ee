/** Owns reading a CPU profile of Node: how long each part of the program ran between two moments. */

type CallFrame = { readonly functionName: string; readonly url: string };
type ProfileNode = { readonly id: number; readonly callFrame: CallFrame; readonly children?: readonly number[] };

/** As V8 writes it; times are microseconds of the machine's monotonic clock, which all processes share. */
export type CpuProfile = {
  readonly nodes: readonly ProfileNode[];
  readonly startTime: number;
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
};

const IDLE = 'idle';

/** Microseconds by part of the program, the greatest first, without idleness. */
export function cpuByPart(profile: CpuProfile, fromUs: number, toUs: number): [part: string, us: number][] {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const parents = new Map<number, number>();
  for (const { id, children } of profile.nodes) for (const child of children ?? []) parents.set(child, id);
  const partOfNode = new Map<number, string>();
  const partOf = (id: number): string => {
    const known = partOfNode.get(id);
    if (known !== undefined) return known;
    const node = nodes.get(id);
    const parent = parents.get(id);
    // Functions of V8 and Node count for whoever called them.
    const part =
      (node === undefined ? undefined : ownPart(node.callFrame)) ??
      (parent === undefined ? 'Node: sockets, HTTP, promises' : partOf(parent));
    partOfNode.set(id, part);
    return part;
  };
  const sums = new Map<string, number>();
  let now = profile.startTime;
  for (const [index, id] of profile.samples.entries()) {
    const us = profile.timeDeltas[index] ?? 0;
    now += us;
    const part = partOf(id);
    if (now < fromUs || now > toUs || part === IDLE) continue;
    sums.set(part, (sums.get(part) ?? 0) + us);
  }
  return Array.from(sums).toSorted(([, one], [, other]) => other - one);
}

function ownPart({ functionName, url }: CallFrame): string | undefined {
  if (functionName === '(idle)') return IDLE;
  if (functionName === '(garbage collector)') return 'garbage collection';
  if (functionName === '(program)') return 'outside JavaScript';
  if (url.startsWith('node:internal/crypto')) return 'hashes and signatures';
  const library = /\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url)?.[1];
  if (library !== undefined) return library.startsWith('pg') ? 'driver of PostgreSQL' : library;
  const folder = /\/src\/([^/]+)\//.exec(url)?.[1];
  return folder === undefined ? undefined : `src/${folder}`;
}
