/** Owns reading the filter of events that stands in a query as JSON. */
import { requireFitting } from '#http/check-input.ts';
import { MatrixError } from '#matrix/error.ts';
import { roomEventFilter, type RoomEventFilter } from '#rooms/event-filter.ts';

/** An absent one lets everything through. Throws M_INVALID_PARAM for what is no filter. */
export function readEventFilter(text: string | undefined): RoomEventFilter {
  if (text === undefined) return {};
  let filter: unknown;
  try {
    filter = JSON.parse(text);
  } catch (error) {
    throw new MatrixError('M_INVALID_PARAM', 'The query parameter "filter" is not JSON.', { cause: error });
  }
  requireFitting(roomEventFilter, filter, 'query');
  // The check above is what makes it one.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return filter as RoomEventFilter;
}
