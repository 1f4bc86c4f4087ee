/** Owns the one array of everything that is served. */
import { getRegistrationNonce, registerWithSecret } from '#api/admin/registration.ts';
import { repeatServerNotice, sendServerNotice } from '#api/admin/server-notices.ts';
import { getServerVersion } from '#api/admin/server-version.ts';
import {
  getAccountData,
  getAccountDataPerRoom,
  setAccountData,
  setAccountDataPerRoom,
} from '#api/client/account-data.ts';
import { changePassword, deactivateAccount } from '#api/client/account-management.ts';
import {
  getAdminLockUser,
  setAdminLockUser,
  getAdminSuspendUser,
  setAdminSuspendUser,
  getWhoIs,
} from '#api/client/admin.ts';
import { getAuthFallback, completeAuthFallback } from '#api/client/auth-fallback.ts';
import { ban, unban } from '#api/client/banning.ts';
import { getCapabilities } from '#api/client/capabilities.ts';
import { createRoom } from '#api/client/create-room.ts';
import { uploadCrossSigningKeys, uploadCrossSigningSignatures } from '#api/client/cross-signing.ts';
import { deleteDevice, deleteDevices, getDevice, getDevices, updateDevice } from '#api/client/device-management.ts';
import { deleteRoomAlias, getLocalAliases, getRoomIdByAlias, setRoomAlias } from '#api/client/directory.ts';
import { getEventContext } from '#api/client/event-context.ts';
import { defineFilter, getFilter } from '#api/client/filter.ts';
import { inviteUser } from '#api/client/inviting.ts';
import { getJoinedRooms } from '#api/client/joined-rooms.ts';
import { joinRoom, joinRoomById } from '#api/client/joining.ts';
import {
  deleteRoomKeyBySessionId,
  deleteRoomKeys,
  deleteRoomKeysByRoomId,
  getRoomKeyBySessionId,
  getRoomKeys,
  getRoomKeysByRoomId,
  putRoomKeyBySessionId,
  putRoomKeys,
  putRoomKeysByRoomId,
} from '#api/client/key-backup-keys.ts';
import {
  deleteRoomKeysVersion,
  getRoomKeysVersion,
  getRoomKeysVersionCurrent,
  postRoomKeysVersion,
  putRoomKeysVersion,
} from '#api/client/key-backup-versions.ts';
import { getKeysChanges } from '#api/client/keys-changes.ts';
import { claimKeys, queryKeys, uploadKeys } from '#api/client/keys.ts';
import { kick } from '#api/client/kicking.ts';
import { knockRoom } from '#api/client/knocking.ts';
import { leaveRoom, forgetRoom } from '#api/client/leaving.ts';
import {
  getPublicRooms,
  getRoomVisibilityOnDirectory,
  queryPublicRooms,
  setRoomVisibilityOnDirectory,
} from '#api/client/list-public-rooms.ts';
import { generateLoginToken } from '#api/client/login-token.ts';
import { getLoginFlows, login, refresh } from '#api/client/login.ts';
import { logout, logout_all } from '#api/client/logout.ts';
import { getRoomEvents } from '#api/client/message-pagination.ts';
import { getMutualRooms } from '#api/client/mutual-rooms.ts';
import { getNotifications } from '#api/client/notifications.ts';
import { getEvents, getOneEvent, initialSync } from '#api/client/old-sync.ts';
import { requestOpenIdToken } from '#api/client/openid.ts';
import { getPresence, setPresence } from '#api/client/presence.ts';
import { getUserProfile, getProfileField, setProfileField, deleteProfileField } from '#api/client/profile.ts';
import {
  deletePushRule,
  getPushRule,
  getPushRuleActions,
  getPushRules,
  getPushRulesGlobal,
  isPushRuleEnabled,
  setPushRule,
  setPushRuleActions,
  setPushRuleEnabled,
} from '#api/client/pushrules.ts';
import { postReceipt, setReadMarker } from '#api/client/receipts.ts';
import { redactEvent } from '#api/client/redaction.ts';
import { register, checkUsernameAvailability, registrationTokenValidity } from '#api/client/registration.ts';
import {
  getRelatingEvents,
  getRelatingEventsWithRelType,
  getRelatingEventsWithRelTypeAndEventType,
} from '#api/client/relations.ts';
import { reportEvent, reportRoom, reportUser } from '#api/client/report-content.ts';
import { getEventByTimestamp } from '#api/client/room-event-by-timestamp.ts';
import { roomInitialSync } from '#api/client/room-initial-sync.ts';
import { sendMessage } from '#api/client/room-send.ts';
import { setRoomStateWithKey } from '#api/client/room-state.ts';
import { getRoomSummary } from '#api/client/room-summary.ts';
import { upgradeRoom } from '#api/client/room-upgrades.ts';
import {
  getRoomState,
  getRoomStateWithKey,
  getMembersByRoom,
  getJoinedMembersByRoom,
  getOneRoomEvent,
} from '#api/client/rooms.ts';
import { search } from '#api/client/search.ts';
import { redirectToSSO, redirectToIdP, getAuthMetadata, getLoginFallback } from '#api/client/single-sign-on.ts';
import { getSpaceHierarchy } from '#api/client/space-hierarchy.ts';
import { sync } from '#api/client/sync.ts';
import { deleteRoomTag, getRoomTags, setRoomTag } from '#api/client/tags.ts';
import {
  getAccount3PIDs,
  post3PIDs,
  add3PID,
  bind3PID,
  delete3pidFromAccount,
  unbind3pidFromAccount,
  requestTokenTo3PIDEmail,
  requestTokenTo3PIDMSISDN,
  requestTokenToRegisterEmail,
  requestTokenToRegisterMSISDN,
  requestTokenToResetPasswordEmail,
  requestTokenToResetPasswordMSISDN,
} from '#api/client/third-party-ids.ts';
import {
  getProtocols,
  getProtocolMetadata,
  queryLocationByProtocol,
  queryUserByProtocol,
  queryLocationByAlias,
  queryUserByID,
} from '#api/client/third-party-lookup.ts';
import { getThreadRoots } from '#api/client/threads-list.ts';
import { sendToDevice } from '#api/client/to-device.ts';
import { setTyping } from '#api/client/typing.ts';
import { searchUserDirectory } from '#api/client/user-directory.ts';
import { getVersions } from '#api/client/versions.ts';
import { getTurnServer } from '#api/client/voip.ts';
import { getTokenOwner } from '#api/client/whoami.ts';
import { backfillRoom, getMissingPreviousEvents } from '#api/federation/backfill.ts';
import { getEventAuth } from '#api/federation/event-auth.ts';
import { getEvent, getRoomState as getFederationRoomState, getRoomStateIds } from '#api/federation/events.ts';
import {
  getPublicRooms as getFederationPublicRooms,
  queryPublicRooms as queryFederationPublicRooms,
} from '#api/federation/public-rooms.ts';
import { queryProfile, queryRoomDirectory } from '#api/federation/query.ts';
import { getEventByTimestamp as getFederationEventByTimestamp } from '#api/federation/room-event-by-timestamp.ts';
import { getSpaceHierarchy as getFederationSpaceHierarchy } from '#api/federation/space-hierarchy.ts';
import { sendInviteV1, sendInviteV2 } from '#api/federation/inviting.ts';
import { makeJoin, sendJoinV1, sendJoinV2 } from '#api/federation/joins.ts';
import { makeKnock, sendKnock } from '#api/federation/knocks.ts';
import { makeLeave, sendLeaveV1, sendLeaveV2 } from '#api/federation/leaving.ts';
import { bulkPerspectivesKeyQuery, getServerKey, perspectivesKeyQuery } from '#api/federation/keys.ts';
import { exchangeOpenIdToken } from '#api/federation/openid.ts';
import { sendTransaction } from '#api/federation/transactions.ts';
import { getUserDevices } from '#api/federation/user-devices.ts';
import { claimUserEncryptionKeys, queryUserEncryptionKeys } from '#api/federation/user-keys.ts';
import { getVersion } from '#api/federation/version.ts';
import { getWebFile, getWebPage } from '#api/web/assets.ts';
import { createServerInvitation, getAbout, setUpServer } from '#api/web/set-up.ts';
import { getWellknown, getWellKnownServer, getWellknownSupport } from '#api/well-known/discovery.ts';
import type { Context } from '#context.ts';
import type { Endpoint } from '#http/endpoint.ts';

export const endpoints: readonly Endpoint<Context>[] = [
  add3PID,
  ban,
  bind3PID,
  changePassword,
  checkUsernameAvailability,
  claimKeys,
  claimUserEncryptionKeys,
  completeAuthFallback,
  createRoom,
  createServerInvitation,
  deactivateAccount,
  defineFilter,
  delete3pidFromAccount,
  deleteDevice,
  deleteDevices,
  deleteProfileField,
  deletePushRule,
  deleteRoomAlias,
  deleteRoomKeyBySessionId,
  deleteRoomKeys,
  deleteRoomKeysByRoomId,
  deleteRoomKeysVersion,
  deleteRoomTag,
  exchangeOpenIdToken,
  forgetRoom,
  generateLoginToken,
  getAbout,
  getAccount3PIDs,
  getAccountData,
  getAccountDataPerRoom,
  getAdminLockUser,
  getAdminSuspendUser,
  getAuthFallback,
  getAuthMetadata,
  getCapabilities,
  getDevice,
  getDevices,
  getEventByTimestamp,
  getEventContext,
  getEvents,
  getFilter,
  getJoinedMembersByRoom,
  getJoinedRooms,
  getKeysChanges,
  getLocalAliases,
  getLoginFallback,
  getLoginFlows,
  getMembersByRoom,
  getMutualRooms,
  getNotifications,
  getOneEvent,
  getOneRoomEvent,
  getPresence,
  getProfileField,
  getProtocolMetadata,
  getProtocols,
  getPublicRooms,
  getPushRule,
  getPushRuleActions,
  getPushRules,
  getPushRulesGlobal,
  getRegistrationNonce,
  getRelatingEvents,
  getRelatingEventsWithRelType,
  getRelatingEventsWithRelTypeAndEventType,
  getRoomEvents,
  getRoomIdByAlias,
  getRoomKeyBySessionId,
  getRoomKeys,
  getRoomKeysByRoomId,
  getRoomKeysVersion,
  getRoomKeysVersionCurrent,
  getRoomState,
  getRoomStateWithKey,
  getRoomSummary,
  getRoomTags,
  getRoomVisibilityOnDirectory,
  bulkPerspectivesKeyQuery,
  getServerKey,
  perspectivesKeyQuery,
  getServerVersion,
  getSpaceHierarchy,
  getThreadRoots,
  getTokenOwner,
  getTurnServer,
  getUserDevices,
  getUserProfile,
  getVersion,
  sendTransaction,
  getVersions,
  getWebFile,
  getWebPage,
  getWellknown,
  getWellKnownServer,
  getWellknownSupport,
  getWhoIs,
  initialSync,
  inviteUser,
  isPushRuleEnabled,
  joinRoom,
  joinRoomById,
  kick,
  knockRoom,
  leaveRoom,
  login,
  logout,
  logout_all,
  makeJoin,
  makeKnock,
  makeLeave,
  post3PIDs,
  postReceipt,
  postRoomKeysVersion,
  putRoomKeyBySessionId,
  putRoomKeys,
  putRoomKeysByRoomId,
  putRoomKeysVersion,
  queryKeys,
  queryLocationByAlias,
  queryLocationByProtocol,
  queryPublicRooms,
  queryUserByID,
  queryUserByProtocol,
  queryUserEncryptionKeys,
  redactEvent,
  redirectToIdP,
  redirectToSSO,
  refresh,
  register,
  registerWithSecret,
  registrationTokenValidity,
  repeatServerNotice,
  reportEvent,
  reportRoom,
  reportUser,
  requestOpenIdToken,
  requestTokenTo3PIDEmail,
  requestTokenTo3PIDMSISDN,
  requestTokenToRegisterEmail,
  requestTokenToRegisterMSISDN,
  requestTokenToResetPasswordEmail,
  requestTokenToResetPasswordMSISDN,
  roomInitialSync,
  search,
  searchUserDirectory,
  sendInviteV1,
  sendInviteV2,
  sendJoinV1,
  sendJoinV2,
  sendKnock,
  sendLeaveV1,
  sendLeaveV2,
  sendMessage,
  sendServerNotice,
  sendToDevice,
  setAccountData,
  setAccountDataPerRoom,
  setAdminLockUser,
  setAdminSuspendUser,
  setPresence,
  setProfileField,
  setPushRule,
  setPushRuleActions,
  setPushRuleEnabled,
  setReadMarker,
  setRoomAlias,
  setRoomStateWithKey,
  setRoomTag,
  setRoomVisibilityOnDirectory,
  setTyping,
  setUpServer,
  sync,
  unban,
  unbind3pidFromAccount,
  updateDevice,
  upgradeRoom,
  uploadCrossSigningKeys,
  uploadCrossSigningSignatures,
  uploadKeys,
  backfillRoom,
  getEvent,
  getEventAuth,
  getFederationEventByTimestamp,
  getFederationPublicRooms,
  getFederationRoomState,
  getFederationSpaceHierarchy,
  getMissingPreviousEvents,
  getRoomStateIds,
  queryFederationPublicRooms,
  queryProfile,
  queryRoomDirectory,
];
