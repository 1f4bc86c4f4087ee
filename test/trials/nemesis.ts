/** Owns what befalls a site: faults in a random order at random moments, one after the other, and pauses beside them. */
import { setTimeout as delay } from 'node:timers/promises';
import { Chance } from '#test/support/chance.ts';
import { seededNumbers } from '#test/support/seeded.ts';
import { mixedSeed, type Crew } from '#test/trials/crew.ts';
import { cuts } from '#test/trials/links.ts';
import { clientLink, databaseLink, redisLink } from '#test/trials/site.ts';

export type Faults = {
  /** SIGSTOP to a server and SIGCONT after a while. */
  readonly pauses: number;
  readonly pauseMs: { readonly least: number; readonly most: number };
  /** SIGKILL to a server, which is then started again. */
  readonly kills: number;
  /** SIGKILL or SIGQUIT to PostgreSQL. */
  readonly databaseKills: number;
  /** SIGKILL to the server and its own PostgreSQL at once. */
  readonly totalKills: number;
  /** SIGKILL to Redis, which comes back empty; where none is installed they are left out. */
  readonly redisKills: number;
  /** Cuts of each link: between clients and a server, and between a server and PostgreSQL and Redis. */
  readonly cutsPerLink: number;
  readonly cutMsMax: number;
  /** Between the end of a fault and the next one, at most. */
  readonly restMs: number;
};

/** How long the service may be away after a fault before somebody would have to be called. */
const recoveryTimeoutMs = 30_000;

type FaultKind = 'kill' | 'database kill' | 'total kill' | 'redis kill';
/** A fault to come; that of a link is the link's name. */
type Planned = FaultKind | { readonly link: string; readonly server: number };

/** Resolves when all faults have happened and are over. Throws when the site does not recover from one. */
export async function unleash(crew: Crew, faults: Faults): Promise<void> {
  await Promise.all([strike(crew, faults), pauseAll(crew, faults)]);
}

async function pauseAll(crew: Crew, { pauses, pauseMs, restMs }: Faults): Promise<void> {
  const chance = new Chance(seededNumbers(mixedSeed(crew.seed, 'pauses')));
  for (let count = 0; count < pauses && !crew.abort.aborted; count += 1) {
    await delay(chance.between(0, restMs));
    const server = chance.between(0, crew.site.members.length - 1);
    if (!crew.site.member(server).process.isRunning()) continue;
    const began = performance.now();
    await crew.site.pause(server, chance.between(pauseMs.least, pauseMs.most));
    crew.history.write({ t: 'fault', what: 'pause', server, began, ended: performance.now() });
  }
}

async function strike(crew: Crew, faults: Faults): Promise<void> {
  const chance = new Chance(seededNumbers(mixedSeed(crew.seed, 'strikes')));
  for (const planned of chance.shuffle(planFaults(crew, faults))) {
    await delay(chance.between(0, faults.restMs));
    if (crew.abort.aborted) return;
    const before = crew.acknowledged;
    const began = performance.now();
    const { what, server } = await inflict(crew, planned, faults, chance);
    crew.history.write({
      t: 'fault',
      what,
      began,
      ended: performance.now(),
      ...(server === undefined ? {} : { server }),
    });
    await awaitProgress(crew, before, what);
  }
}

function planFaults({ site }: Crew, faults: Faults): Planned[] {
  const links = site.members.flatMap(({ index: server }) => [
    { link: clientLink(server), server },
    ...(site.options.database === 'shared' ? [{ link: databaseLink(server), server }] : []),
    ...(site.hasRedis ? [{ link: redisLink(server), server }] : []),
  ]);
  return [
    ...Array<FaultKind>(faults.kills).fill('kill'),
    ...Array<FaultKind>(faults.databaseKills).fill('database kill'),
    ...Array<FaultKind>(faults.totalKills).fill('total kill'),
    ...Array<FaultKind>(site.hasRedis ? faults.redisKills : 0).fill('redis kill'),
    ...Array.from({ length: faults.cutsPerLink }, () => links).flat(),
  ];
}

async function inflict(
  { site }: Crew,
  planned: Planned,
  { cutMsMax }: Faults,
  chance: Chance,
): Promise<{ readonly what: string; readonly server?: number }> {
  if (planned === 'kill') {
    const server = chance.pick(site.members.filter(({ isPaused }) => !isPaused)).index;
    await site.kill(server);
    return { what: 'kill', server };
  }
  if (planned === 'total kill') {
    await site.killEverything();
    return { what: 'total kill' };
  }
  if (planned === 'database kill') {
    const signal = chance.pick(['SIGKILL', 'SIGQUIT'] as const);
    await site.killDatabase(signal);
    return { what: `${signal} to PostgreSQL` };
  }
  if (planned === 'redis kill') {
    await site.killRedis(chance.between(0, cutMsMax));
    return { what: planned };
  }
  const how = chance.pick(cuts);
  await site.links.cut(planned.link, how, chance.between(0, cutMsMax));
  return { what: `cut of ${planned.link} (${how})`, server: planned.server };
}

/** Somebody is served again without anybody's help. */
async function awaitProgress(crew: Crew, before: number, what: string): Promise<void> {
  const deadline = performance.now() + recoveryTimeoutMs;
  while (crew.acknowledged <= before && !crew.abort.aborted && !crew.ending.aborted) {
    if (performance.now() > deadline)
      throw new Error(`Nobody was served within ${recoveryTimeoutMs} ms after ${what}.`);
    await delay(20);
  }
}
