/** Owns the sizes of the trials. */
import type { TrialOptions } from '#test/trials/trial.ts';

export type Plan = Omit<TrialOptions, 'seed'>;

const noFaults = {
  pauses: 0,
  pauseMs: { least: 200, most: 20_000 },
  kills: 0,
  databaseKills: 0,
  totalKills: 0,
  cuts: 0,
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
  paceMs: 150,
  messages: 50_000,
};

/** Part of every run of the tests. */
export const shortTrials: Readonly<Record<string, Plan>> = {
  'several servers over one PostgreSQL': {
    ...small,
    site: { servers: 3, database: 'shared' },
    faults: {
      ...noFaults,
      pauses: 3,
      pauseMs: { least: 200, most: 2_000 },
      kills: 2,
      databaseKills: 1,
      cuts: 3,
      cutMsMax: 500,
      restMs: 500,
    },
  },
  'a server with its own PostgreSQL': {
    ...small,
    messages: 200,
    site: { servers: 1, database: 'own' },
    faults: { ...noFaults, totalKills: 2, databaseKills: 1, restMs: 500 },
  },
};

/** By the name that asks for it. */
export const trialPlans: Readonly<Record<string, Plan>> = {
  stops: {
    ...large,
    site: { servers: 4, database: 'shared' },
    faults: { ...noFaults, pauses: 12, kills: 12, restMs: 8_000 },
  },
  kills: {
    ...large,
    messages: 10_000,
    site: { servers: 4, database: 'shared' },
    faults: { ...noFaults, kills: 50, databaseKills: 10, cuts: 24, pauses: 5 },
  },
  own: {
    ...large,
    messages: 5_000,
    site: { servers: 1, database: 'own' },
    faults: { ...noFaults, kills: 10, totalKills: 40, databaseKills: 10, cuts: 5, restMs: 2_000 },
  },
};
