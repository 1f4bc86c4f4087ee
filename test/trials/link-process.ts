/**
 * Owns the cables between servers: a process that forwards TCP connections, and can cut them or make them slow. It is a process
 * of its own so that what the clients have to do does not delay what passes. It ends with its parent.
 */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { Chance } from '#test/support/chance.ts';
import { seededNumbers } from '#test/support/seeded.ts';
import type { LinkAnswer, LinkCommand, LinkPlace, LinkTarget, Weather } from '#test/trials/links.ts';

type Link = {
  readonly target: LinkTarget;
  readonly pairs: Set<Pair>;
  weather: Weather;
  chance: Chance;
  connections: number;
};
/** `bytesLeft`: what passes before its connection comes to its fate, if it has one. */
type Pair = { readonly near: Socket; readonly far: Socket; fate: 'breaks' | 'stalls' | undefined; bytesLeft: number };
/** One direction of a connection. Moments are of `performance.now()`. */
type Lane = { readonly from: Socket; readonly to: Socket; waitingBytes: number; sentAt: number; arrivesAt: number };

const links = new Map<string, Link>();
/** More than this waits where it comes from. */
const waitingBytesMax = 65_536;
/** What is slow comes in small pieces. */
const pieceBytes = 1_024;
const fateBytesMax = 16_384;

process.on('disconnect', () => process.exit());
process.on('message', (command: LinkCommand) => void answer(command));

async function answer(command: LinkCommand): Promise<void> {
  const reply: LinkAnswer = { id: command.id, value: await obey(command) };
  process.send?.(reply);
}

async function obey(command: LinkCommand): Promise<number> {
  if (command.do === 'open') return open(command.name, command.target, command.place);
  const link = links.get(command.name);
  if (link === undefined) throw new Error(`There is no link ${command.name}.`);
  if (command.do === 'count') return link.connections;
  if (command.do === 'set') setWeather(link, command.weather);
  else await cut(link, command);
  return 0;
}

async function open(name: string, target: LinkTarget, place: LinkPlace): Promise<number> {
  const link: Link = { target, pairs: new Set(), weather: {}, chance: new Chance(seededNumbers(0)), connections: 0 };
  links.set(name, link);
  const server = createServer({ pauseOnConnect: true }, (near) => join(link, near));
  server.listen(place.port, place.host);
  await once(server, 'listening');
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

function setWeather(link: Link, weather: Weather): void {
  const { passes: before = 'all' } = link.weather;
  const { passes = 'all' } = weather;
  link.weather = weather;
  if (weather.seed !== undefined) link.chance = new Chance(seededNumbers(weather.seed));
  if (passes === 'nothing') for (const { near } of link.pairs) near.pause();
  // What was lost on the way is not said again.
  if (before !== 'all' && passes === 'all') breakAll(link);
}

/** At the end of a cut every connection is gone, and new ones work. */
async function cut(link: Link, { how, ms }: Extract<LinkCommand, { do: 'cut' }>): Promise<void> {
  if (how !== 'reset') {
    setWeather(link, { passes: how === 'silence' ? 'nothing' : 'questions' });
    await delay(ms);
  }
  setWeather(link, {});
  breakAll(link);
}

function breakAll(link: Link): void {
  for (const pair of link.pairs) breakOff(pair);
}

function breakOff({ near, far }: Pair): void {
  near.resetAndDestroy();
  far.destroy();
}

function join(link: Link, near: Socket): void {
  const far = connect({ ...link.target, noDelay: true });
  near.setNoDelay(true);
  link.connections += 1;
  const pair: Pair = { near, far, fate: chooseFate(link), bytesLeft: link.chance.between(0, fateBytesMax) };
  link.pairs.add(pair);
  const [there, back] = [newLane(near, far), newLane(far, near)];
  for (const lane of [there, back]) {
    // Whoever breaks a connection says so by closing it.
    lane.from.on('error', () => undefined);
    lane.from.on('data', (bytes) => {
      const { passes = 'all' } = link.weather;
      // What is answered on a silenced link is lost for good.
      if (passes === 'all' || (passes === 'questions' && lane === there)) take(link, pair, lane, bytes);
    });
    lane.from.on('end', () => later(link, lane, 0, () => lane.to.end()));
    lane.from.on('close', () =>
      later(link, lane, 0, () => {
        link.pairs.delete(pair);
        near.destroy();
        far.destroy();
      }),
    );
  }
  if (link.weather.passes !== 'nothing') near.resume();
}

function newLane(from: Socket, to: Socket): Lane {
  return { from, to, waitingBytes: 0, sentAt: 0, arrivesAt: 0 };
}

function chooseFate({ weather, chance }: Link): Pair['fate'] {
  if (weather.breaksOneIn !== undefined && chance.isOneIn(weather.breaksOneIn)) return 'breaks';
  return weather.stallsOneIn !== undefined && chance.isOneIn(weather.stallsOneIn) ? 'stalls' : undefined;
}

function take(link: Link, pair: Pair, lane: Lane, bytes: Buffer): void {
  if (pair.fate !== undefined && (pair.bytesLeft -= bytes.length) < 0) {
    if (pair.fate === 'breaks') breakOff(pair);
    return;
  }
  const step = link.weather.bytesPerSecond === undefined ? bytes.length : pieceBytes;
  for (let at = 0; at < bytes.length; at += step) {
    const piece = bytes.subarray(at, at + step);
    later(link, lane, piece.length, () => forward(piece, lane));
  }
}

/** Does something to the other end when it arrives there, after all that was sent before. */
function later(link: Link, lane: Lane, bytes: number, arrive: () => void): void {
  const { delayMs = 0, jitterMs = 0, bytesPerSecond = Infinity } = link.weather;
  const now = performance.now();
  lane.sentAt = Math.max(now, lane.sentAt) + (bytes / bytesPerSecond) * 1_000;
  lane.arrivesAt = Math.max(lane.arrivesAt, lane.sentAt + delayMs + link.chance.between(-jitterMs, jitterMs));
  if (lane.arrivesAt <= now) return arrive();
  lane.waitingBytes += bytes;
  if (lane.waitingBytes > waitingBytesMax) lane.from.pause();
  setTimeout(() => {
    lane.waitingBytes -= bytes;
    if (lane.waitingBytes <= waitingBytesMax && link.weather.passes !== 'nothing') lane.from.resume();
    arrive();
  }, lane.arrivesAt - now);
}

function forward(bytes: Buffer, { from, to }: Lane): void {
  if (to.destroyed || to.write(bytes)) return;
  from.pause();
  to.once('drain', () => from.resume());
}
