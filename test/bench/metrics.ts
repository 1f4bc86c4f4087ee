/** Owns the reading of a Prometheus endpoint, for what a row added to its counters. */

/** All series by their name with labels. Throws `Error` unless the endpoint answers 200. */
export async function scrapeMetrics(url: string): Promise<Map<string, number>> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`--metrics answered ${response.status}`);
  return parseMetrics(await response.text());
}

/** The series of the text exposition format; timestamps are not expected. Pure. */
export function parseMetrics(text: string): Map<string, number> {
  const series = new Map<string, number>();
  for (const line of text.split('\n')) {
    const space = line.lastIndexOf(' ');
    if (line.startsWith('#') || space < 0) continue;
    series.set(line.slice(0, space), Number(line.slice(space + 1)));
  }
  return series;
}

/** What changed between two readings; a series that is new counts from zero. Pure. */
export function metricsDelta(before: Map<string, number>, after: Map<string, number>): Record<string, number> {
  const changed = [...after].map(([name, value]) => [name, value - (before.get(name) ?? 0)] as const);
  return Object.fromEntries(changed.filter(([, delta]) => delta !== 0 && !Number.isNaN(delta)));
}
