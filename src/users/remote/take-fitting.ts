/** Owns how many EDUs of a source go into one transaction. */
import type { EduBound } from '#federation/sender/edu-source.ts';

export type PlacedEdu = { readonly pos: number; readonly json: string };

/** The first EDUs that fit, of those found, the oldest first; one that is larger than the bound goes alone. */
export function takeFitting(
  found: readonly PlacedEdu[],
  after: number,
  { countMax, bytesMax }: EduBound,
): { readonly edus: readonly string[]; readonly upTo: number; readonly hasMore: boolean } {
  const edus: string[] = [];
  let [bytes, upTo] = [0, after];
  for (const { pos, json } of found) {
    bytes += Buffer.byteLength(json);
    if (edus.length >= countMax || (edus.length > 0 && bytes > bytesMax)) break;
    edus.push(json);
    upTo = pos;
  }
  return { edus, upTo, hasMore: edus.length < found.length };
}
