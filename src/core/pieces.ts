/** Owns cutting what is long into pieces, and giving others their turn in between. */

/** So many at a time, in order; the last piece may be shorter. Nothing of an empty list. */
export function* piecesOf<T>(all: Iterable<T>, size: number): Generator<T[]> {
  let piece: T[] = [];
  for (const one of all) {
    piece.push(one);
    if (piece.length < size) continue;
    yield piece;
    piece = [];
  }
  if (piece.length > 0) yield piece;
}

/** Resolves when everything that waits for this process has had its turn. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
