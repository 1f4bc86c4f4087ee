/** Owns what keys say about one another: values that are allowed each by itself, but not together. */
import type { ConfigProblem } from '#config/config-error.ts';
import type { Config } from '#config/schema.ts';

/** The problems of a configuration whose every value is allowed; empty when they go together. */
export function findContradictions(config: Pick<Config, 'tls' | 'limits'>): readonly ConfigProblem[] {
  return [...findHalfTls(config), ...findUnfittingBodies(config)];
}

function findUnfittingBodies({ limits }: Pick<Config, 'limits'>): readonly ConfigProblem[] {
  if (limits.bodyBytesInFlightMax >= limits.bodyBytesMax) return [];
  const key = 'limits.body_bytes_in_flight_max';
  return [
    { where: key, key, message: `${key} is less than limits.body_bytes_max: the largest bodies would never fit.` },
  ];
}

function findHalfTls({ tls }: Pick<Config, 'tls'>): readonly ConfigProblem[] {
  const given = Object.entries(tls).filter(([, value]) => value !== undefined);
  const missing = Object.entries(tls).filter(([, value]) => value === undefined);
  if (given.length === 0) return [];
  return missing.map(([name]) => {
    const key = `tls.${name}`;
    const variable = `CAUSEWAY_TLS_${name.toUpperCase()}`;
    return { where: key, key, message: `tls.${given[0]?.[0]} needs ${key} (${variable}), which is not set.` };
  });
}
