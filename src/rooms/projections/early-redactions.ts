/** Owns writing down whether redactions took effect that came before what they redact. */
import type { Projection } from '#rooms/persist/projection.ts';
import { settleRedactions } from '#storage/rooms/write-projections.ts';

export const earlyRedactions: Projection = {
  name: 'early_redactions',
  concerns: ({ earlyRedactions }) => earlyRedactions.length > 0,
  async apply(tx, events) {
    const settled = events.flatMap(({ event, earlyRedactions }) =>
      earlyRedactions.map((redaction) => ({ ...redaction, target: event.eventId })),
    );
    await tx.query(settleRedactions, [
      settled.map(({ target }) => target),
      settled.map(({ redactionNid }) => redactionNid),
      settled.map(({ isValid }) => isValid),
    ]);
  },
};
