/** Owns what it takes to act in rooms of other servers. */
import type { Config } from '#config/schema.ts';
import type { Federation } from '#federation/federation.ts';
import type { OwnKeys } from '#matrix/server-keys.ts';
import type { OutOfBandParts } from '#rooms/persist-out-of-band.ts';
import type { RoomWriteParts } from '#rooms/room-parts.ts';

export type ResidentParts = RoomWriteParts &
  OutOfBandParts & {
    readonly config: Pick<Config, 'federation'>;
    readonly federation: Pick<Federation, 'client' | 'keyring' | 'isEnabled'>;
    readonly ownKeys: OwnKeys;
  };
