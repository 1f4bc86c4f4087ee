/** Owns the text of a file of cases, laid out so that a case can be read at a glance. */

export function writeCases(description: string, cases: readonly object[]): string {
  const head = `{\n  "description": ${JSON.stringify(description)},\n  "cases": [\n`;
  return `${head}${cases.map(writeCase).join(',\n')}\n  ]\n}\n`;
}

/** One line for each event. */
function writeCase(entry: object): string {
  const lines = Object.entries(entry).map(
    ([key, value]: [string, unknown]) => `      ${JSON.stringify(key)}: ${writeField(value)}`,
  );
  return `    {\n${lines.join(',\n')}\n    }`;
}

function writeField(value: unknown): string {
  const isEventList = Array.isArray(value) && value.some((entry) => typeof entry === 'object');
  if (!isEventList) return writeLine(value);
  return `[\n${value.map((entry) => `        ${writeLine(entry)}`).join(',\n')}\n      ]`;
}

/** JSON on one line; a marked number is written as its source text. */
function writeLine(value: unknown): string {
  return JSON.stringify(value).replaceAll(/"raw-number\(([^)]*)\)"/g, '$1');
}
