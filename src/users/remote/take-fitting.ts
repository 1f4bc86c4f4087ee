/** Owns how many EDUs of a source go into one transaction. */

export type EduBound = { readonly countMax: number; readonly bytesMax: number };

/** What the sender asks for EDUs. */
export type EduSource = {
  readonly position: 'toDevice' | 'deviceLists';
  readonly horizon: () => number;
  readonly findServers: (after: number) => Promise<readonly string[]>;
  readonly findEdus: (
    serverName: string,
    after: number,
    bound: EduBound,
  ) => Promise<{ readonly edus: readonly string[]; readonly upTo: number; readonly hasMore: boolean }>;
};

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
