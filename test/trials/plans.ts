/** Owns the sizes of the trials. */
import type { TrialOptions } from '#test/trials/trial.ts';

export type Plan = Omit<TrialOptions, 'seed'>;

const noFaults = {
  pauses: 0,
  pauseMs: { least: 200, most: 20_000 },
  kills: 0,
  databaseKills: 0,
  totalKills: 0,
  redisKills: 0,
  cutsPerLink: 0,
  cutMsMax: 3_000,
  restMs: 1_000,
};

const small = {
  clients: 10,
  wanderers: 3,
  rooms: 4,
  roomsPerClient: 2,
  lanesPerClient: 2,
  paceMs: 60,
  messages: 600,
};

const large = {
  clients: 30,
  wanderers: 6,
  rooms: 12,
  roomsPerClient: 4,
  lanesPerClient: 2,
  paceMs: 80,
};

/** Part of every run of the tests. */
export const shortTrials: Readonly<Record<'several' | 'own', Plan>> = {
  several: {
    ...small,
    site: { servers: 3, database: 'shared', redis: true },
    faults: {
      ...noFaults,
      pauses: 3,
      pauseMs: { least: 200, most: 2_000 },
      kills: 2,
      databaseKills: 1,
      redisKills: 1,
      cutsPerLink: 1,
      cutMsMax: 300,
      restMs: 200,
    },
  },
  own: {
    ...small,
    messages: 200,
    site: { servers: 1, database: 'own' },
    faults: { ...noFaults, totalKills: 2, databaseKills: 1, restMs: 500 },
  },
};

/** By the name that asks for it. */
export const longTrials: Readonly<Record<string, Plan>> = {
  stops: {
    ...large,
    messages: 50_000,
    site: { servers: 4, database: 'shared' },
    faults: { ...noFaults, pauses: 40, kills: 40, restMs: 15_000 },
  },
  kills: {
    ...large,
    messages: 10_000,
    site: { servers: 4, database: 'shared', redis: true },
    faults: { ...noFaults, kills: 50, databaseKills: 10, redisKills: 10, cutsPerLink: 2, restMs: 2_000 },
  },
  deaths: {
    ...large,
    clients: 20,
    messages: 100_000,
    site: { servers: 1, database: 'shared' },
    faults: { ...noFaults, kills: 500, restMs: 2_000 },
  },
  own: {
    ...large,
    messages: 5_000,
    site: { servers: 1, database: 'own' },
    faults: { ...noFaults, kills: 10, totalKills: 40, databaseKills: 10, cutsPerLink: 5, restMs: 2_000 },
  },
};
