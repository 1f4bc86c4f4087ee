/** Owns the guess at what a misspelt key was meant to be. */

/** The candidate nearest to `written`, if it is near enough to be what was meant. Case, `-` and `_` do not count. */
export function suggest(written: string, candidates: Iterable<string>): string | undefined {
  const bare = stripped(written);
  // A third of the letters may be wrong; more would suggest unrelated words.
  let nearest = Math.floor(bare.length / 3) + 1;
  let suggestion: string | undefined;
  for (const candidate of candidates) {
    const distance = editDistance(bare, stripped(candidate));
    if (distance < nearest) {
      nearest = distance;
      suggestion = candidate;
    }
  }
  return suggestion;
}

function stripped(name: string): string {
  // What is longer than any key is no near miss of one, and need not be compared whole.
  return name.slice(0, 100).toLowerCase().replaceAll(/[-_]/g, '');
}

/** How many letters must be inserted, deleted, replaced or swapped with their neighbour to make `a` into `b`. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = (last[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      let cost = Math.min(replaced, (last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) cost = Math.min(cost, (beforeLast[j - 2] ?? 0) + 1);
      row.push(cost);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length] ?? 0;
}
