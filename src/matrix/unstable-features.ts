/** Owns what `/versions` says: the versions of the specification that are claimed, and the unstable features. */

/**
 * The versions of the specification that the server claims. A version is added when every operation that it and its
 * forerunners name is served, which the coverage test checks; v1.1 stands from the start, because clients refuse a
 * server that names none.
 */
export const specificationVersions: readonly string[] = ['v1.1'];

/** A feature of a proposal that clients look for under `unstable_features`. */
export type UnstableFeature = {
  /** The name that clients look for, such as `org.matrix.msc4140`. */
  readonly name: string;
  /** The proposal, such as `MSC4140`. */
  readonly proposal: string;
  /** When the flag can go: usually when no client in use looks for it any more. */
  readonly untilWhen: string;
};

/** Every unstable feature that the server has; whoever builds one adds its row here. */
export const unstableFeatures: readonly UnstableFeature[] = [
  {
    name: 'uk.tcpip.msc4133',
    proposal: 'MSC4133',
    untilWhen: 'no client in use looks for profile fields under the unstable prefix',
  },
  {
    name: 'uk.tcpip.msc4133.stable',
    proposal: 'MSC4133',
    untilWhen: 'v1.16 of the specification is claimed, and clients look for it',
  },
  {
    name: 'uk.half-shot.msc2666.query_mutual_rooms',
    proposal: 'MSC2666',
    untilWhen: 'v1.19 of the specification is claimed, and clients look for it',
  },
  {
    name: 'org.matrix.msc4222',
    proposal: 'MSC4222',
    untilWhen: 'v1.16 of the specification is claimed, and clients look for it',
  },
];

/** The body of `GET /_matrix/client/versions`. */
export function buildVersions(features: readonly UnstableFeature[] = unstableFeatures): {
  versions: readonly string[];
  unstable_features: Readonly<Record<string, true>>;
} {
  const flags = Object.fromEntries(features.map(({ name }) => [name, true as const]));
  return { versions: specificationVersions, unstable_features: flags };
}
