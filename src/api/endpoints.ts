/** Owns the one array of everything that is served. */
import { getCapabilities } from '#api/client/capabilities.ts';
import { defineFilter, getFilter } from '#api/client/filter.ts';
import { getLoginFlows, login } from '#api/client/login.ts';
import { logout, logout_all } from '#api/client/logout.ts';
import { getProfileField, getUserProfile } from '#api/client/profile.ts';
import { getPushRules, getPushRulesGlobal } from '#api/client/pushrules.ts';
import { checkUsernameAvailability, register, registrationTokenValidity } from '#api/client/registration.ts';
import { sync } from '#api/client/sync.ts';
import { getVersions } from '#api/client/versions.ts';
import { getTokenOwner } from '#api/client/whoami.ts';
import { getWellknown, getWellKnownServer, getWellknownSupport } from '#api/well-known/discovery.ts';
import type { Context } from '#context.ts';
import type { Endpoint } from '#http/endpoint.ts';

export const endpoints: readonly Endpoint<Context>[] = [
  checkUsernameAvailability,
  defineFilter,
  getCapabilities,
  getFilter,
  getLoginFlows,
  getProfileField,
  getPushRules,
  getPushRulesGlobal,
  getTokenOwner,
  getUserProfile,
  getVersions,
  getWellknown,
  getWellKnownServer,
  getWellknownSupport,
  login,
  logout,
  logout_all,
  register,
  registrationTokenValidity,
  sync,
];
