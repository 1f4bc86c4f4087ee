/** Owns the one array of everything that is served. */
import { getCapabilities, type CapabilitiesContext } from '#api/client/capabilities.ts';
import { getVersions } from '#api/client/versions.ts';
import {
  getWellknown,
  getWellKnownServer,
  getWellknownSupport,
  type DiscoveryContext,
} from '#api/well-known/discovery.ts';
import type { Endpoint } from '#http/endpoint.ts';

export const endpoints: readonly Endpoint<CapabilitiesContext & DiscoveryContext>[] = [
  getCapabilities,
  getVersions,
  getWellknown,
  getWellKnownServer,
  getWellknownSupport,
];
