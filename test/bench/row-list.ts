/** Owns the list of rows in the order in which they run: what disturbs the memory of the server comes last. */
import type { Row } from '#test/bench/context.ts';
import { delivery } from '#test/bench/rows/delivery.ts';
import { deliveryAcross } from '#test/bench/rows/delivery-across.ts';
import { emptySync } from '#test/bench/rows/empty-sync.ts';
import { federatedJoin } from '#test/bench/rows/federated-join.ts';
import { floor } from '#test/bench/rows/floor.ts';
import { idleConnections } from '#test/bench/rows/idle-connections.ts';
import { initialSync } from '#test/bench/rows/initial-sync.ts';
import { joins } from '#test/bench/rows/joins.ts';
import { memoryAfterLoad, memoryIdle } from '#test/bench/rows/memory.ts';
import { messages } from '#test/bench/rows/messages.ts';
import { own } from '#test/bench/rows/own.ts';
import { pdus } from '#test/bench/rows/pdus.ts';
import { resolution } from '#test/bench/rows/resolution.ts';
import { rooms } from '#test/bench/rows/rooms.ts';
import { sequential } from '#test/bench/rows/sequential.ts';
import { slowDisk } from '#test/bench/rows/slow-disk.ts';
import { start } from '#test/bench/rows/start.ts';
import { state } from '#test/bench/rows/state.ts';
import { ten } from '#test/bench/rows/ten.ts';

export const rows: readonly Row[] = [
  start,
  memoryIdle,
  floor,
  sequential,
  ten,
  own,
  slowDisk,
  rooms,
  joins,
  delivery,
  deliveryAcross,
  emptySync,
  initialSync,
  messages,
  memoryAfterLoad,
  idleConnections,
  pdus,
  resolution,
  state,
  federatedJoin,
];
