/** Owns the map from each table to the one folder of `src/storage` that may write it; `storage` is that folder itself. */

export const tableOwners: Readonly<Record<string, string>> = {
  // The event graph.
  events: 'rooms',
  event_json: 'rooms',
  event_edges: 'rooms',
  event_auth: 'rooms',
  rooms: 'rooms',
  room_heads: 'rooms',
  room_recency: 'rooms',
  room_summary: 'rooms',
  gaps: 'rooms',
  state_nodes: 'rooms',
  partial_rooms: 'rooms',
  redactions: 'rooms',
  membership_log: 'rooms',
  user_rooms: 'rooms',
  // People and their devices.
  users: 'users',
  devices: 'users',
  receipts: 'users',
  // What any folder may ask for.
  leases: 'storage',
  work_items: 'storage',
  local_servers: 'storage',
};
