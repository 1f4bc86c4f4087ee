/**
 * Owns the cables of a trial: a process that forwards TCP connections, and can cut them. It is a process of its own so that
 * what the clients have to do does not delay what PostgreSQL is asked. It ends with its parent.
 */
import { connect, createServer, type Socket } from 'node:net';
import type { LinkAnswer, LinkCommand, LinkTarget } from '#test/trials/links.ts';

type Link = { readonly target: LinkTarget; readonly pairs: Set<Pair>; silenced: 'both' | 'replies' | undefined };
type Pair = { readonly near: Socket; readonly far: Socket };

const links = new Map<string, Link>();

process.on('disconnect', () => process.exit());
process.on('message', (command: LinkCommand) => void obey(command));

async function obey(command: LinkCommand): Promise<void> {
  const port = command.do === 'open' ? await open(command.name, command.target) : await cut(command);
  const answer: LinkAnswer = { id: command.id, port };
  process.send?.(answer);
}

async function open(name: string, target: LinkTarget): Promise<number> {
  const link: Link = { target, pairs: new Set(), silenced: undefined };
  links.set(name, link);
  const server = createServer({ pauseOnConnect: true }, (near) => join(link, near));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

function join(link: Link, near: Socket): void {
  const far = connect({ ...link.target, noDelay: true });
  near.setNoDelay(true);
  const pair = { near, far };
  link.pairs.add(pair);
  const end = (): void => {
    link.pairs.delete(pair);
    near.destroy();
    far.destroy();
  };
  for (const socket of [near, far]) {
    // Whoever breaks a connection says so by closing it.
    socket.on('error', () => undefined);
    socket.on('close', end);
  }
  near.on('data', (bytes) => forward(bytes, near, far));
  far.on('data', (bytes) => {
    // What is answered on a silenced link is lost for good.
    if (link.silenced === undefined) forward(bytes, far, near);
  });
  near.on('end', () => far.end());
  far.on('end', () => near.end());
  if (link.silenced !== 'both') near.resume();
}

function forward(bytes: Buffer, from: Socket, to: Socket): void {
  if (to.write(bytes)) return;
  from.pause();
  to.once('drain', () => from.resume());
}

/** At the end of a cut every connection is gone, and new ones work. */
async function cut({ name, how, ms }: Extract<LinkCommand, { do: 'cut' }>): Promise<number> {
  const link = links.get(name);
  if (link === undefined) throw new Error(`There is no link ${name}.`);
  if (how !== 'reset') {
    link.silenced = how === 'silence' ? 'both' : 'replies';
    if (how === 'silence') for (const { near } of link.pairs) near.pause();
    await new Promise((resolve) => setTimeout(resolve, ms));
    link.silenced = undefined;
  }
  for (const { near, far } of link.pairs) {
    near.resetAndDestroy();
    far.destroy();
  }
  return 0;
}
